"""Where a source wants its transactions to end (`WorkerTransactionContext`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from ottla.connect.api.record import SourceRecord

RECORDS_MAX: Final = 1_000_000
"""Records that a source has named and not given yet: more are an error of the source."""


class SourceTransactionContext:
    """Records are known by which they are, not by what they hold."""

    def __init__(self) -> None:
        self._commits: dict[int, SourceRecord] = {}
        self._aborts: dict[int, SourceRecord] = {}
        self._commits_batch = False
        self._aborts_batch = False

    def commit_transaction(self, record: SourceRecord | None = None) -> None:
        if record is None:
            self._commits_batch = True
        else:
            self._note(self._commits, record)

    def abort_transaction(self, record: SourceRecord | None = None) -> None:
        if record is None:
            self._aborts_batch = True
        else:
            self._note(self._aborts, record)

    def take_batch(self) -> tuple[bool, bool]:
        """Whether what was given so far is to be committed, and whether it is to be dropped. `ConnectError`: both."""
        commits, aborts = self._commits_batch, self._aborts_batch
        if commits and aborts:
            raise ConnectError("Connector requested both commit and abort of same transaction")
        self._commits_batch = self._aborts_batch = False
        return commits, aborts

    def take_record(self, record: SourceRecord) -> tuple[bool, bool]:
        """The same of a record. `ConnectError`: both."""
        commits = self._commits.pop(id(record), None) is not None
        aborts = self._aborts.pop(id(record), None) is not None
        if commits and aborts:
            where = f"{record.topic}/{record.kafka_partition}"
            raise ConnectError(
                f"Connector requested both commit and abort of same record against topic/partition {where}"
            )
        return commits, aborts

    @staticmethod
    def _note(noted: dict[int, SourceRecord], record: SourceRecord) -> None:
        if len(noted) >= RECORDS_MAX:
            raise ConnectError(
                f"the source has named {RECORDS_MAX} records as ends of transactions, and not given them"
            )
        noted[id(record)] = record
