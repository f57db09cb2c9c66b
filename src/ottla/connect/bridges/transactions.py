"""Ends a transaction where all that was read is covered by a state (`transaction.boundary=connector`, KIP-618)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import SourceTaskContext
    from ottla.connect.bridges.checkpoints import Checkpoints


class Transactions:
    """Does nothing where the connector says nothing of transactions."""

    def __init__(self, context: SourceTaskContext, checkpoints: Checkpoints) -> None:
        self._context: Any = getattr(context, "transaction_context", None)
        self._checkpoints = checkpoints

    def mark(self, records: list[SourceRecord] | None) -> list[SourceRecord] | None:
        """The same records; those that end a transaction are told to the worker."""
        boundaries, self._checkpoints.boundaries = self._checkpoints.boundaries, []
        if self._context is not None:
            for record in boundaries:
                self._context.commit_transaction(record)
        return records
