"""The `source` block of records from PostgreSQL (`io.debezium.connector.postgresql.Source`)."""

from __future__ import annotations

from typing import Final

from ottla import __version__
from ottla.connect.connectors.cdc.envelope import source_schema
from ottla.connect.data.schema import OPTIONAL_INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.struct import Struct

SOURCE_SCHEMA: Final = source_schema(
    "io.debezium.connector.postgresql.Source",
    {
        "schema": STRING_SCHEMA,
        "table": STRING_SCHEMA,
        "txId": OPTIONAL_INT64_SCHEMA,
        "lsn": OPTIONAL_INT64_SCHEMA,
        "xmin": OPTIONAL_INT64_SCHEMA,
        "origin": OPTIONAL_STRING_SCHEMA,
        "origin_lsn": OPTIONAL_INT64_SCHEMA,
    },
)


class SourceBlocks:
    def __init__(self, prefix: str, database: str) -> None:
        self._prefix = prefix
        self._database = database

    def block(
        self,
        path: tuple[str, str],
        commit_us: int,
        *,
        snapshot: str | None = None,
        xid: int | None = None,
        lsn: int | None = None,
        last_commit_lsn: int | None = None,
        origin: tuple[str, int] | None = None,
    ) -> Struct:
        """`path` is (schema, table); `snapshot`: `first`, `true`, `last`, `incremental` …"""
        sequence = "[" + ",".join("null" if each is None else f'"{each}"' for each in (last_commit_lsn, lsn)) + "]"
        made = Struct(SOURCE_SCHEMA)
        made.values = [
            __version__,
            "postgresql",
            self._prefix,
            commit_us // 1000,
            snapshot,
            self._database,
            sequence,
            commit_us,
            commit_us * 1000,
            *path,
            xid,
            lsn,
            None,
            origin[0] if origin is not None else None,
            origin[1] if origin is not None else None,
        ]
        return made
