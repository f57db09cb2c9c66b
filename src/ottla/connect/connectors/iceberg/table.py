"""One Iceberg table: rows that wait for its next commit, and how far its snapshots go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.arrow import arrow_schema, pyarrow
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.connect.api.connector import TopicPartition
    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.iceberg")
PREFIX: Final = "ottla.connect."


class MismatchError(Exception):
    """Rows of that schema do not go into the table."""


class IcebergTable:
    """`add` rows, then `commit`. Whatever the catalog and the store raise, these do."""

    def __init__(self, catalog: Any, name: str, connector: str) -> None:
        self._catalog = catalog
        self._name = name
        self._connector = connector
        self._table: Any = None
        self._waiting: list[tuple[TopicPartition, Any]] = []
        self._reached: dict[TopicPartition, int] = {}
        """By partition: behind what waits, or what was found in the snapshots."""
        self._fitting: set[Schema] = set()

    @property
    def rows(self) -> int:
        return sum(rows.num_rows for _, rows in self._waiting)

    def next_offset(self, partition: TopicPartition) -> int:
        """The first that is not here, and does not wait; 0 where nobody knows."""
        found = self._reached.get(partition)
        if found is None:
            if self._table is None:
                self._load()
            else:
                self._table.refresh()
            found = self._reached[partition] = self._committed(partition)
        return found

    def _load(self) -> None:
        errors = load("pyiceberg.exceptions", "[iceberg]")
        try:
            self._table = self._catalog.load_table(self._name)
        except (errors.NoSuchTableError, errors.NoSuchNamespaceError):
            self._table = None

    def _key(self, partition: TopicPartition) -> str:
        return f"{PREFIX}{self._connector}.{partition.topic}.{partition.partition}"

    def _committed(self, partition: TopicPartition) -> int:
        """What the last snapshot says that says anything of it."""
        snapshot = self._table.current_snapshot() if self._table is not None else None
        key = self._key(partition)
        while snapshot is not None:
            said = snapshot.summary.additional_properties.get(key) if snapshot.summary is not None else None
            if said is not None:
                return int(said)
            parent = snapshot.parent_snapshot_id
            snapshot = self._table.snapshot_by_id(parent) if parent is not None else None
        return 0

    def fit(self, schema: Schema, *, creates: bool, evolves: bool) -> None:
        """See that the table has a column for each field. `MismatchError`, `ConnectError`."""
        if schema in self._fitting:
            return
        wanted = _iceberg_schema(arrow_schema(schema))
        if self._table is None:
            self._load()
        if self._table is None:
            if not creates:
                raise ConnectError(f"There is no table {self._name}; create it, or set its auto-create-enabled")
            self._catalog.create_namespace_if_not_exists(self._name.rpartition(".")[0])
            self._table = self._catalog.create_table_if_not_exists(self._name, schema=wanted)
        have = set(self._table.schema().column_names)
        missing = [field.name for field in wanted if field.name not in have]
        if missing and not evolves:
            raise MismatchError(f"it has no columns {', '.join(missing)}")
        try:
            with self._table.update_schema() as update:
                update.union_by_name(wanted)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise MismatchError(str(error)) from error
        except Exception as error:
            if type(error).__name__ in ("ValidationError", "ResolveError"):
                raise MismatchError(str(error)) from error
            raise
        self._fitting.add(schema)

    def add(self, partition: TopicPartition, rows: Any, next_offset: int) -> None:
        self._waiting.append((partition, rows))
        self._reached[partition] = max(self._reached.get(partition, 0), next_offset)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        gone = set(partitions)
        self._waiting = [each for each in self._waiting if each[0] not in gone]
        for each in gone:
            self._reached.pop(each, None)

    def commit(self) -> None:
        """One snapshot of all that waits. If it fails all keeps waiting, but for what is found to have arrived."""
        if not self._waiting:
            return
        self._table.refresh()
        touched = {partition for partition, _ in self._waiting}
        done = {each for each in touched if self._committed(each) >= self._reached[each]}
        if done:
            _log.info("a commit of %s had arrived", self._name)
            self._waiting = [each for each in self._waiting if each[0] not in done]
            touched -= done
        if touched:
            target = self._table.schema().as_arrow()
            rows = pyarrow().concat_tables([_as(target, rows) for _, rows in self._waiting])
            said = {self._key(each): str(self._reached[each]) for each in touched}
            self._table.append(rows, snapshot_properties=said)
        self._waiting = []


def _iceberg_schema(schema: Any) -> Any:
    """With the types that Iceberg has, and nothing required: columns come and go."""
    arrow = pyarrow()
    fields = []
    for field in schema:
        kind = arrow.time64("us") if arrow.types.is_time(field.type) else field.type
        fields.append(arrow.field(field.name, kind, nullable=True))
    return arrow.schema(fields)


def _as(target: Any, rows: Any) -> Any:
    """The same rows with the table's columns."""
    arrow = pyarrow()
    columns = []
    for field in target:
        if field.name in rows.column_names:
            columns.append(rows.column(field.name).cast(field.type))
        else:
            columns.append(arrow.nulls(rows.num_rows, field.type))
    return arrow.Table.from_arrays(columns, schema=target)
