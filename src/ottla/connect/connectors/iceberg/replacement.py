"""Rows that take the place of others with their key, by copying what stays: Iceberg's copy-on-write.

PyIceberg writes no equality deletes. Of the files whose keys may be among the new ones the key is read; those in which
there is one are written anew without it, together with the new rows, in one snapshot.
"""

from __future__ import annotations

import contextlib
import itertools
import uuid
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.arrow import pyarrow
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ORDER: Final = "__ottla_order"
NUMBER: Final = "__ottla_number"
PORTION_BYTES: Final = 64 * 1024 * 1024
"""What is held of rows that are copied, in memory, before it is written."""
LISTED_KEYS_MAX: Final = 200
"""Of so many each is looked for in the metrics of files, of more their range: PyIceberg's own bound for lists."""


def last_of_each(
    changes: Sequence[tuple[Any, list[int], bool]], id_columns: tuple[str, ...], target: Any
) -> tuple[Any, Any]:
    """All keys, and the rows that are left, of (rows, their order, whether they are deletions)."""
    arrow = pyarrow()
    key_schema = arrow.schema([target.field(name) for name in id_columns])
    keys, rows = [], []
    for table, orders, deletes in changes:
        numbers = arrow.array(orders, arrow.int64())
        keys.append(with_columns(key_schema, table).append_column(ORDER, numbers))
        if not deletes:
            rows.append(with_columns(target, table).append_column(ORDER, numbers))
    last = arrow.concat_tables(keys).group_by(list(id_columns)).aggregate([(ORDER, "max")])
    wanted = last.column(f"{ORDER}_max").combine_chunks()
    all_rows = arrow.concat_tables(rows) if rows else target.empty_table().append_column(ORDER, wanted.slice(0, 0))
    mask = load("pyarrow.compute", "[files]").is_in(all_rows.column(ORDER), value_set=wanted)
    return last.select(list(id_columns)), all_rows.filter(mask).drop_columns([ORDER])


def replace(table: Any, keys: Any, rows: Any, properties: Mapping[str, str]) -> None:
    """One snapshot in which no row has one of the keys but those of `rows`."""
    touched = list(_touched(table, keys))
    if not touched:
        table.append(rows, snapshot_properties=dict(properties))
        return
    gone = [task.file for task, _ in touched]
    kept = (read(table, task).take(numbers) for task, numbers in touched)
    rewrite(table, gone, in_portions(itertools.chain([rows], kept)), properties)


def in_portions(tables: Iterable[Any]) -> Iterator[Any]:
    """Together what is small, so that files do not become ever smaller and more."""
    arrow = pyarrow()
    waiting: list[Any] = []
    for each in tables:
        waiting.append(each)
        if sum(table.nbytes for table in waiting) >= PORTION_BYTES:
            yield arrow.concat_tables(waiting)
            waiting = []
    if waiting:
        yield arrow.concat_tables(waiting)


def rewrite(table: Any, gone: Sequence[Any], tables: Iterable[Any], properties: Mapping[str, str]) -> None:
    """Data files out, rows in, in one snapshot over the one that `table` shows."""
    errors = load("pyiceberg.exceptions", "[iceberg]")
    files = write_files(table, tables)
    try:
        exchange(table, gone, files, properties)
    except errors.CommitFailedException:
        delete_files(table, files)
        raise


def write_files(table: Any, tables: Iterable[Any]) -> list[Any]:
    """Data files that no snapshot has yet."""
    writing = load("pyiceberg.io.pyarrow", "[iceberg]")
    write_id, counter = uuid.uuid4(), itertools.count()
    return [
        file
        for rows in tables
        if rows.num_rows
        for file in writing._dataframe_to_data_files(
            table_metadata=table.metadata, df=rows, io=table.io, write_uuid=write_id, counter=counter
        )
    ]


def exchange(table: Any, gone: Iterable[Any], files: Iterable[Any], properties: Mapping[str, str]) -> None:
    """One snapshot over the one that `table` shows, of other files. PyIceberg's `CommitFailedException`."""
    with (
        table.transaction() as transaction,
        transaction.update_snapshot(snapshot_properties=dict(properties)).overwrite() as snapshot,
    ):
        for file in gone:
            snapshot.delete_data_file(file)
        for file in files:
            snapshot.append_data_file(file)


def delete_files(table: Any, files: Iterable[Any]) -> None:
    """What no snapshot has, and none will."""
    for file in files:
        with contextlib.suppress(OSError):
            table.io.delete(file.file_path)


def _touched(table: Any, keys: Any) -> Iterator[tuple[Any, Any]]:
    """Files with one of the keys, and the numbers of their other rows."""
    for task in table.scan(row_filter=_among(keys)).plan_files():
        numbers = _others(read(table, task, keys.column_names), keys)
        if numbers is not None:
            yield task, numbers


def read(table: Any, task: Any, columns: Sequence[str] | None = None) -> Any:
    """All rows of a planned file that are not deleted, as the table's schema has them now."""
    scanning = load("pyiceberg.io.pyarrow", "[iceberg]")
    schema = table.schema() if columns is None else table.schema().select(*columns)
    always = load("pyiceberg.expressions", "[iceberg]").AlwaysTrue()
    scan = scanning.ArrowScan(table.metadata, table.io, schema, always)
    return scan.to_table([task]).cast(schema.as_arrow())


def _others(found: Any, keys: Any) -> Any:
    """The numbers of the rows with none of the keys; `None`: all of them."""
    arrow = pyarrow()
    numbered = found.append_column(NUMBER, arrow.array(range(found.num_rows), arrow.int64()))
    others = numbered.join(keys, keys=keys.column_names, join_type="left anti").column(NUMBER)
    if len(others) == found.num_rows:
        return None
    return others.take(load("pyarrow.compute", "[files]").sort_indices(others)).combine_chunks()


def _among(keys: Any) -> Any:
    """An expression that is true of all of them, and of few others."""
    expressions = load("pyiceberg.expressions", "[iceberg]")
    compute = load("pyarrow.compute", "[files]")
    found = expressions.AlwaysTrue()
    for name in keys.column_names:
        bounds = compute.min_max(keys.column(name))
        least, most = bounds["min"].as_py(), bounds["max"].as_py()
        found = expressions.And(found, expressions.GreaterThanOrEqual(name, least))
        found = expressions.And(found, expressions.LessThanOrEqual(name, most))
        values = keys.column(name).unique()
        if len(values) <= LISTED_KEYS_MAX:
            found = expressions.And(found, expressions.In(name, values.to_pylist()))
    return found


def with_columns(target: Any, rows: Any) -> Any:
    """The same rows with all of the table's columns."""
    arrow = pyarrow()
    columns = []
    for field in target:
        if field.name in rows.column_names:
            columns.append(rows.column(field.name).cast(field.type))
        else:
            columns.append(arrow.nulls(rows.num_rows, field.type))
    return arrow.Table.from_arrays(columns, schema=target)
