"""One Iceberg table: rows that wait for its next commit, and how far its snapshots go.

A commit is one snapshot over the one that was looked at, or none: whoever has committed in between makes it fail, and
what is already there is left out before it is tried again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.arrow import pyarrow
from ottla.connect.connectors.iceberg.offsets import offsets_in, offsets_key, offsets_text
from ottla.connect.connectors.iceberg.partitioning import TIMES
from ottla.connect.connectors.iceberg.replacement import last_of_each, replace, with_columns
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.connector import TopicPartition
    from ottla.connect.connectors.iceberg.partitioning import PartitionField

_log = logging.getLogger("ottla.connect.iceberg")
CONFLICTS_MAX: Final = 20
"""How often in a row a commit may find that somebody else's came first. Each time one of theirs is done."""
SCHEMAS_MAX: Final = 1000
"""So many are known to fit without a look at the table's."""
LIBRARY_RETRIES: Final = "commit.retry.num-retries"


class MismatchError(Exception):
    """Rows of that schema do not go into the table."""


class Creation(NamedTuple):
    """What a table is made with that is not there."""

    partitioning: Sequence[PartitionField] = ()
    properties: Mapping[str, str] = {}
    columns: Mapping[str, Any] = {}
    """Types of Arrow's by name, whatever the first record says."""


class Waiting(NamedTuple):
    partition: TopicPartition
    rows: Any
    """Of Arrow. Of deletions only the key."""
    offsets: list[int]
    """Of each row."""
    orders: list[int]
    next_offset: int
    deletes: bool


class IcebergTable:
    """`add` rows, then `commit`. Whatever the catalog and the store raise, these do."""

    def __init__(self, catalog: Any, name: str, connector: str, creation: Creation | None = None) -> None:
        self._catalog = catalog
        self._name = name
        self._connector = connector
        self._creation = creation if creation is not None else Creation()
        self._table: Any = None
        self._waiting: list[Waiting] = []
        self._reached: dict[TopicPartition, int] = {}
        """By partition: behind what waits, or what was found in the snapshots."""
        self._fitting: set[Any] = set()
        self._id_columns: tuple[str, ...] | None = None

    @property
    def rows(self) -> int:
        return sum(each.rows.num_rows for each in self._waiting)

    def next_offset(self, partition: TopicPartition) -> int:
        """The first that is not here, and does not wait; 0 where nobody knows."""
        found = self._reached.get(partition)
        if found is None:
            self._refresh()
            found = self._reached[partition] = self._committed(partition)
        return found

    def _refresh(self) -> None:
        if self._table is not None:
            self._table.refresh()
        else:
            errors = load("pyiceberg.exceptions", "[iceberg]")
            try:
                self._table = self._catalog.load_table(self._name)
            except (errors.NoSuchTableError, errors.NoSuchNamespaceError):
                return
        without_retries(self._table)

    def _committed(self, partition: TopicPartition) -> int:
        """What the last snapshot says that says anything of its topic."""
        if self._table is None:
            return 0
        return offsets_in(self._table, offsets_key(self._connector, partition.topic)).get(partition.partition, 0)

    def fit(self, schema: Any, id_columns: tuple[str, ...], *, creates: bool, evolves: bool) -> None:
        """See that the table has a column for each of Arrow's. `MismatchError`, `ConnectError`."""
        if self._id_columns not in (None, id_columns):
            raise MismatchError(f"its rows are told apart by {self._id_columns}, not by {id_columns}")
        if (schema, id_columns) in self._fitting:
            return
        wanted = _iceberg_schema(schema, id_columns)
        if self._table is None:
            self._refresh()
        if self._table is None:
            if not creates:
                raise ConnectError(f"There is no table {self._name}; create it, or set its auto-create-enabled")
            self._create(wanted, id_columns)
        have = self._table.schema().as_arrow()
        missing = [field.name for field in wanted if field.name not in have.names]
        lost = [name for name in id_columns if name in missing]
        if lost:
            raise MismatchError(f"it has no columns {', '.join(lost)}, which tell its rows apart")
        if missing and not evolves:
            raise MismatchError(f"it has no columns {', '.join(missing)}")
        changed = [field for field in wanted if field.name in missing or not _holds(have.field(field.name), field)]
        if changed:
            self._evolve(pyarrow().schema(changed))
        self._id_columns = id_columns
        if len(self._fitting) >= SCHEMAS_MAX:
            self._fitting.clear()
        self._fitting.add((schema, id_columns))

    def _create(self, schema: Any, id_columns: tuple[str, ...]) -> None:
        schema = _declared(schema, self._creation)
        self._catalog.create_namespace_if_not_exists(self._name.rpartition(".")[0])
        errors = load("pyiceberg.exceptions", "[iceberg]")
        try:
            making = self._catalog.create_table_transaction(
                self._name, schema=schema, properties=dict(self._creation.properties)
            )
            if id_columns:
                with making.update_schema() as update:
                    update.set_identifier_fields(*id_columns)
            with making.update_spec() as spec:
                for field in self._creation.partitioning:
                    spec.add_field(field.column, field.transform)
            making.commit_transaction()
        except errors.TableAlreadyExistsError:
            _log.info("the table %s was made by somebody else", self._name)
        except ValueError as error:
            raise MismatchError(f"it cannot be made: {error}") from error
        self._refresh()

    def _evolve(self, wanted: Any) -> None:
        try:
            with self._table.update_schema() as update:
                update.union_by_name(wanted)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise MismatchError(str(error)) from error
        except Exception as error:
            if type(error).__name__ in ("ValidationError", "ResolveError"):
                raise MismatchError(str(error)) from error
            raise
        finally:
            self._refresh()  # also where somebody else's change came first

    def fitted(self, rows: Any) -> Any:
        """The same rows with types of the table's. `MismatchError`: a value that its column does not hold."""
        target = self._table.schema().as_arrow()
        arrow = pyarrow()
        columns = {}
        for name in rows.column_names:
            try:
                columns[name] = rows.column(name).cast(target.field(name).type)
            except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
                raise MismatchError(f"the column {name}: {error}") from error
        return arrow.table(columns)

    def add(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._reached[waiting.partition] = max(self._reached.get(waiting.partition, 0), waiting.next_offset)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        gone = set(partitions)
        self._waiting = [each for each in self._waiting if each.partition not in gone]
        for each in gone:
            self._reached.pop(each, None)

    def commit(self) -> None:
        """One snapshot of all that waits. If it fails all keeps waiting, but for what is found to have arrived."""
        errors = load("pyiceberg.exceptions", "[iceberg]")
        for left in range(CONFLICTS_MAX, -1, -1):
            if not self._waiting:
                return
            self._refresh()
            self._leave_out_what_arrived()
            try:
                self._write()
            except errors.CommitFailedException as error:
                if left == 0:
                    raise
                _log.info("somebody else committed to %s: %s", self._name, error)
                continue
            self._waiting = []

    def _leave_out_what_arrived(self) -> None:
        """By a commit whose answer was lost, or by whoever had the partition meanwhile."""
        kept = []
        for each in self._waiting:
            committed = self._committed(each.partition)
            if each.next_offset > committed:
                kept.append(_behind(each, committed))
            else:
                _log.info("%s has %s up to %d", self._name, each.partition, each.next_offset)
        self._waiting = kept

    def _write(self) -> None:
        if not self._waiting:
            return
        said = self._offsets()
        target = self._table.schema().as_arrow()
        if self._id_columns:
            changes = [(each.rows, each.orders, each.deletes) for each in self._waiting]
            keys, rows = last_of_each(changes, self._id_columns, target)
            replace(self._table, keys, rows, said)
        else:
            rows = pyarrow().concat_tables([with_columns(target, each.rows) for each in self._waiting])
            self._table.append(rows, snapshot_properties=said)

    def _offsets(self) -> dict[str, str]:
        """Of each topic of which something waits: all its partitions, as those before may expire."""
        said = {}
        for topic in {each.partition.topic for each in self._waiting}:
            key = offsets_key(self._connector, topic)
            offsets = offsets_in(self._table, key)
            for each in self._waiting:
                where = each.partition
                if where.topic == topic:
                    offsets[where.partition] = max(offsets.get(where.partition, 0), each.next_offset)
            said[key] = offsets_text(offsets)
        return said


def without_retries(table: Any) -> None:
    """PyIceberg would put rows and offsets onto whatever was committed in between, were it the same rows."""
    table.metadata.properties[LIBRARY_RETRIES] = "0"


def _behind(waiting: Waiting, committed: int) -> Waiting:
    """The rows from there on."""
    if not waiting.offsets or waiting.offsets[0] >= committed:
        return waiting
    kept = [number for number, offset in enumerate(waiting.offsets) if offset >= committed]
    return waiting._replace(
        rows=waiting.rows.take(pyarrow().array(kept, pyarrow().int64())),
        offsets=[waiting.offsets[number] for number in kept],
        orders=[waiting.orders[number] for number in kept],
    )


def _iceberg_schema(schema: Any, id_columns: tuple[str, ...]) -> Any:
    """With the types that Iceberg has, and nothing required but the key: columns come and go."""
    arrow = pyarrow()
    fields = []
    for field in schema:
        kind = arrow.time64("us") if arrow.types.is_time(field.type) else field.type
        fields.append(arrow.field(field.name, kind, nullable=field.name not in id_columns))
    return arrow.schema(fields)


def _declared(schema: Any, creation: Creation) -> Any:
    """With the columns that were declared; and with those that partition the table, as text while nobody knows."""
    arrow = pyarrow()
    unknown = {field.column: arrow.string() for field in creation.partitioning if field.transform not in TIMES}
    wanted = {each.name: each.type for each in schema} | dict(creation.columns)
    required = {each.name for each in schema if not each.nullable}
    return arrow.schema(
        [arrow.field(name, kind, name not in required) for name, kind in (wanted | (unknown | wanted)).items()]
    )


def _holds(column: Any, wanted: Any) -> bool:
    """Whether values go in as they are, or are tried one by one: no change of the column's type would help.

    Numbers into any numbers, and text into what JSON has no words for.
    """
    types = pyarrow().types
    if column.type == wanted.type and not types.is_nested(column.type):
        return True
    if types.is_string(wanted.type) and any(is_kind(column.type) for is_kind in (types.is_temporal, types.is_decimal)):
        return True
    numbers = (types.is_integer, types.is_floating)
    have = next((rank for rank, is_kind in enumerate(numbers) if is_kind(column.type)), None)
    want = next((rank for rank, is_kind in enumerate(numbers) if is_kind(wanted.type)), None)
    if have is None or want is None:
        return False
    return have != want or column.type.bit_width >= wanted.type.bit_width
