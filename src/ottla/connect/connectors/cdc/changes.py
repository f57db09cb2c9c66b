"""Records of what happens to rows: an event of the database ─► one, two or three records, as Debezium writes them.

A deletion is followed by a tombstone; a row whose key changes is deleted under the old key and created under the new.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.header import Header, Headers
from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.cdc import envelope as shapes
from ottla.connect.connectors.cdc.envelope import envelope
from ottla.connect.connectors.cdc.field_type import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.errors import DataError
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.data.struct import Struct

_log = logging.getLogger("ottla.connect.cdc")
OLD_KEY: Final = "__debezium.oldkey"
NEW_KEY: Final = "__debezium.newkey"


class Before(NamedTuple):
    """The row before a change, as far as the database tells."""

    row: Sequence[Any]
    is_key_only: bool


class Changes:
    """Makes records; where they come from and how far one is then is filled in by whoever sends them."""

    def __init__(
        self, partition: Mapping[str, Any], *, tombstones: bool, skipped: frozenset[str], on_failure: str = "fail"
    ) -> None:
        """`on_failure` of an event of which no record can be made: `fail`, `warn` or `skip`."""
        self._partition = partition
        self._on_failure = on_failure
        self._tombstones = tombstones
        self._skipped = skipped
        """Operations (`c`, `u`, `d`, `t`) of which nobody wants to hear."""

    def left_out(self, table: CapturedTable, where: str, error: DataError) -> list[SourceRecord]:
        """Of an event that no record can be made of there. Raises `error`, unless such events are to be left out."""
        if self._on_failure == "fail":
            raise error
        level = logging.WARNING if self._on_failure == "warn" else logging.DEBUG
        _log.log(level, "a change of %s at %s is left out: %s", table.name, where, error)
        return []

    def read(self, table: CapturedTable, row: Sequence[Any], source: Struct) -> SourceRecord:
        value = envelope(table.envelope_schema, shapes.READ, source, after=table.value(row))
        return self._record(table, table.key(row), value)

    def created(
        self, table: CapturedTable, row: Sequence[Any], source: Struct, transaction: Struct | None = None
    ) -> list[SourceRecord]:
        if shapes.CREATE in self._skipped:
            return []
        value = envelope(table.envelope_schema, shapes.CREATE, source, None, table.value(row), transaction)
        return [self._record(table, table.key(row), value)]

    def updated(
        self,
        table: CapturedTable,
        before: Before | None,
        row: Sequence[Any],
        source: Struct,
        transaction: Struct | None = None,
    ) -> list[SourceRecord]:
        if shapes.UPDATE in self._skipped:
            return []
        new_key = table.key(row)
        if before is not None and new_key is not None:
            old_key = _key_before(table, before)
            if old_key != new_key:
                return self._moved(table, before, row, old_key, new_key, source, transaction)
        old = None if before is None else _row_before(table, before)
        value = envelope(table.envelope_schema, shapes.UPDATE, source, old, table.value(row), transaction)
        return [self._record(table, new_key, value)]

    def deleted(
        self, table: CapturedTable, before: Before, source: Struct, transaction: Struct | None = None
    ) -> list[SourceRecord]:
        if shapes.DELETE in self._skipped:
            return []
        old = _row_before(table, before)
        value = envelope(table.envelope_schema, shapes.DELETE, source, old, None, transaction)
        return self._with_tombstone(self._record(table, _key_before(table, before), value))

    def truncated(self, table: CapturedTable, source: Struct, transaction: Struct | None = None) -> list[SourceRecord]:
        if shapes.TRUNCATE in self._skipped:
            return []
        value = envelope(table.envelope_schema, shapes.TRUNCATE, source, transaction=transaction)
        record = self._record(table, None, value)
        record.key_schema = None
        return [record]

    def _moved(
        self,
        table: CapturedTable,
        before: Before,
        row: Sequence[Any],
        old_key: Struct | None,
        new_key: Struct,
        source: Struct,
        transaction: Struct | None,
    ) -> list[SourceRecord]:
        old = _row_before(table, before)
        value = envelope(table.envelope_schema, shapes.DELETE, source, old, None, transaction)
        gone = self._record(table, old_key, value, Header(NEW_KEY, new_key, table.key_schema))
        value = envelope(table.envelope_schema, shapes.CREATE, source, None, table.value(row), transaction)
        come = self._record(table, new_key, value, Header(OLD_KEY, old_key, table.key_schema))
        return [*self._with_tombstone(gone), come]

    def _with_tombstone(self, record: SourceRecord) -> list[SourceRecord]:
        return [record, record.with_value(None, None)] if self._tombstones else [record]

    def _record(self, table: CapturedTable, key: Struct | None, value: Struct, *headers: Header) -> SourceRecord:
        return SourceRecord(
            self._partition,
            None,
            table.topic,
            key_schema=table.key_schema,
            key=key,
            value_schema=table.envelope_schema,
            value=value,
            headers=Headers(headers),
        )


def _key_before(table: CapturedTable, before: Before) -> Struct | None:
    """Raises `ConversionError`."""
    if before.is_key_only and not table.key_is_told:
        raise ConversionError(
            f"message.key.columns names columns of {table.name} that the database does not tell of a row that was "
            f"deleted or got another key; ALTER TABLE {table.name} REPLICA IDENTITY FULL makes it tell them"
        )
    return table.key(before.row)


def _row_before(table: CapturedTable, before: Before) -> Struct:
    return table.key_value(before.row) if before.is_key_only else table.value(before.row)
