"""The transformations of a connector, one after the other (`TransformationChain`, KIP-66, KIP-585)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.errors import RecordErrors

RecordT = TypeVar("RecordT", bound="ConnectRecord")


class Chain:
    def __bool__(self) -> bool:
        return False

    def apply(self, record: RecordT, original: object) -> RecordT | None:
        del original
        return record

    def close(self) -> None:
        return


def make_chain(spec: TaskSpec, plugins: Plugins, errors: RecordErrors) -> Chain:
    """`ConnectError`."""
    del plugins, errors
    if spec.connector_config.get("transforms", "").strip():
        raise ConnectError("transforms: there are none yet")
    return Chain()
