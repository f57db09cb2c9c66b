"""Answers a query: finds what it reads, reads it, and lets DuckDB do the rest, within bounds.

text ─► Query ─► Extents (one look at all topics) ─► Scan ─► tables of Arrow ─► DuckDB ─► Answer
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.decoding import Decoder
from ottla.console.sql.extent import Extents
from ottla.console.sql.moment import QueryError
from ottla.console.sql.pruning import parts
from ottla.console.sql.query import Query, parse_query
from ottla.console.sql.scan import Allowance, Scan
from ottla.console.sql.usage import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.clients.client import KafkaClient
    from ottla.console.sql.columns import Mask
    from ottla.console.sql.extent import Extent
    from ottla.registry.client.registry_client import RegistryClient

MIB: Final = 1 << 20
INTERRUPT_S: Final = 0.05
STATEMENTS: Final = ("SELECT", "EXPLAIN")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one query: what it may read, what it may answer, and how long it may take."""

    records: int = 1_000_000
    size_bytes: int = 512 * MIB
    rows: int = 10_000
    seconds: float = 60.0
    memory_bytes: int = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Settings:
    """`attached`: name -> a database's file. `is_local`: files may be read, as by whoever runs it. `check_topic` is
    asked before a topic is read, and refuses by what it raises; `mask` hides what is not to be seen."""

    registry: RegistryClient | None = None
    key_format: str = "auto"
    value_format: str = "auto"
    attached: Mapping[str, str] = field(default_factory=dict)
    is_local: bool = False
    limits: Limits = Limits()
    check_topic: Callable[[str], None] = lambda _: None
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool
    """There are more rows than the limit allows."""
    extents: list[Extent]
    records: int
    """How many were read."""


async def answer(
    client: KafkaClient,
    text: str,
    settings: Settings,
    now_ms: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Answer:
    """`QueryError`: it is wrong, or too much for its limits. `KafkaError`: the cluster refuses."""
    query = parse_query(text, now_ms, attached=list(settings.attached))
    _check_statement(query)
    limits = settings.limits
    for topic in dict.fromkeys(reference.topic for reference in query.references):
        settings.check_topic(topic)
    try:
        async with asyncio.timeout(limits.seconds):
            pruned = parts(query.text, [each.name for each in query.references])
            extents = await Extents(client).find(query.references, pruned)
            scan = Scan(
                client,
                Allowance(limits.records, limits.size_bytes),
                Decoder(settings.key_format, settings.registry, is_key=True),
                Decoder(settings.value_format, settings.registry, is_key=False),
                names_of(query.text),
                progress,
                settings.mask,
            )
            tables = {each.reference.name: await scan.table(each) for each in extents}
            columns, types, rows = await _run(query, tables, settings)
    except TimeoutError:
        raise QueryError(f"no answer within {limits.seconds:g} s: ask for less, or allow more time") from None
    return Answer(columns, types, rows[: limits.rows], len(rows) > limits.rows, extents, scan.read)


def _check_statement(query: Query) -> None:
    import duckdb

    try:
        statements = duckdb.extract_statements(query.text)
    except duckdb.Error as error:
        raise QueryError(_told(query, error, {})) from None
    if len(statements) != 1 or statements[0].type.name not in STATEMENTS:
        raise QueryError("a query is one SELECT (or FROM, WITH, DESCRIBE, SUMMARIZE, EXPLAIN)")


async def _run(
    query: Query, tables: Mapping[str, Any], settings: Settings
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """In a thread; who is cancelled interrupts it."""
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        running = asyncio.get_running_loop().run_in_executor(None, _execute, connection, query, tables, settings)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stopping = asyncio.ensure_future(_interrupt(connection, running))
            while not stopping.done():
                with contextlib.suppress(asyncio.CancelledError):  # cancelled once more: it is on its way
                    await asyncio.shield(stopping)
            raise
    finally:
        connection.close()


async def _interrupt(connection: Any, running: asyncio.Future[Any]) -> None:
    """Again and again: one that comes before the query begins is lost."""
    while not running.done():
        connection.interrupt()
        await asyncio.wait((running,), timeout=INTERRUPT_S)
    running.exception()


def _execute(
    connection: Any, query: Query, tables: Mapping[str, Any], settings: Settings
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    import duckdb

    limits = settings.limits
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET memory_limit = '{limits.memory_bytes // MIB}MiB'")
        for name, file in settings.attached.items():
            quoted = file.replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS \"{name}\" (READ_ONLY)")
        for name, table in tables.items():
            connection.register(name, table)
        if not settings.is_local:
            connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        found = connection.sql(query.text)
        return list(found.columns), [str(each) for each in found.types], _rows(found, limits.rows + 1)
    except duckdb.Error as error:
        raise QueryError(_told(query, error, tables)) from None


def _rows(found: Any, count: int) -> list[tuple[Any, ...]]:
    """Through Arrow: DuckDB's own way to times with a zone wants another library."""
    rows: list[tuple[Any, ...]] = []
    for batch in found.to_arrow_reader(min(count, 10_000)):
        rows.extend(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        if len(rows) >= count:
            break
    return rows[:count]


def _told(query: Query, error: Exception, tables: Mapping[str, Any]) -> str:
    """With topics called as they are, and a hint where one has no columns because it has no records."""
    text = str(error).strip()
    for reference in query.references:
        text = text.replace(reference.name, reference.topic)
    empty = [each.topic for each in query.references if each.name in tables and tables[each.name].num_rows == 0]
    if empty and "Binder" in text:
        text += f"\n{', '.join(empty)}: there are no records in what was asked for, so the fields are not known"
    return text
