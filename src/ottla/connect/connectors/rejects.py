"""A record that a sink cannot take: it goes where `errors.*` says, or ends the task; none is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.connect.api.errors import ConnectError
    from ottla.connect.api.record import SinkRecord
    from ottla.connect.api.task import SinkTaskContext


def reject(context: SinkTaskContext, record: SinkRecord, error: ConnectError) -> None:
    """Raises the error where nobody is to be told; then offsets of the record are not committed."""
    if context.errant_record_reporter is None:
        raise error
    context.errant_record_reporter.report(record, error)
