"""What can be configured of the connectors for MySQL and MariaDB, under the names of Debezium's."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from ottla.connect.api.config_def import BOOLEAN, LONG, LOW, MEDIUM, STRING
from ottla.connect.api.validators import Range, ValidString
from ottla.connect.connectors.cdc.binary import BINARY_MODES
from ottla.connect.connectors.cdc.config import CdcConfig, cdc_config
from ottla.connect.connectors.cdc.filters import ListValidator, NameFilter
from ottla.connect.connectors.cdc.topics import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

SSL_MODES: Final = ("disabled", "preferred", "required", "verify_ca", "verify_identity")
SYSTEM_SCHEMAS: Final = frozenset({"information_schema", "mysql", "performance_schema", "sys"})

CONFIG: Final = (
    cdc_config(3306, DEFAULT, "adaptive_time_microseconds")
    .define("database.server.id", LONG, 0, MEDIUM, "The number under which the connector replicates, another than any "
            "server's and connector's; 0: one by chance.", validator=Range(0, 4_294_967_295))
    .define("database.include.list", STRING, None, MEDIUM, "Databases to capture: regular expressions.",
            validator=ListValidator())
    .define("database.exclude.list", STRING, None, MEDIUM, "Databases to leave out, instead.",
            validator=ListValidator())
    .define("include.schema.changes", BOOLEAN, True, LOW, "Whether statements that change schemas are records of the "
            "topic that is named as topic.prefix says.")
    .define("bigint.unsigned.handling.mode", STRING, "long", LOW, "What BIGINT UNSIGNED is: long (beyond 63 bits "
            "negative), or precise (a Decimal).", validator=ValidString("long", "precise"))
    .define("binary.handling.mode", STRING, "bytes", LOW, "What binary columns are.",
            validator=ValidString(*BINARY_MODES))
    .define("snapshot.locking.mode", STRING, "minimal", LOW, "How a moment for the snapshot is found: minimal (a "
            "read lock for some milliseconds, on MariaDB none), none.", validator=ValidString("minimal", "none"))
    .define("read.only", BOOLEAN, False, LOW, "Whether an incremental snapshot writes nothing into the database: "
            "GTIDs say then where its chunks end (MySQL: gtid_mode=ON).")
    .define("gtid.source.includes", STRING, None, LOW, "Whose transactions are captured, where a server replicates "
            "from several: regular expressions of the UUIDs of MySQL's servers, of MariaDB's domains; by default all.",
            validator=ListValidator())
    .define("gtid.source.excludes", STRING, None, LOW, "Whose transactions are left out, instead.",
            validator=ListValidator())
    .define("gtid.source.filter.dml.events", BOOLEAN, True, LOW, "Whether that holds for the stream; if not, only for "
            "where it begins.")
    .define("database.ssl.mode", STRING, "preferred", MEDIUM, "Whether the connection is encrypted.",
            validator=ValidString(*SSL_MODES))
    .define("database.ssl.ca", STRING, None, MEDIUM, "The file of certificates that servers are checked with.")
)  # fmt: skip


class MysqlConfig(CdcConfig):
    def __init__(self, props: Mapping[str, str]) -> None:
        """Raises `ConfigError`."""
        parsed = CONFIG.parse(props)
        super().__init__(props, parsed, DEFAULT)
        self.server_id: int = parsed["database.server.id"] or random.randint(100_000, 4_000_000_000)
        self.databases = NameFilter.of(parsed, "database")
        self.tells_schema_changes: bool = parsed["include.schema.changes"]
        self.unsigned_is_precise: bool = parsed["bigint.unsigned.handling.mode"] == "precise"
        self.binary_mode: str = parsed["binary.handling.mode"]
        self.locks: bool = parsed["snapshot.locking.mode"] == "minimal"
        self.read_only = parsed["read.only"]
        self.gtid_sources = NameFilter.of(parsed, "gtid.source", "includes", "excludes")
        self._filters_rows: bool = parsed["gtid.source.filter.dml.events"]
        self.ssl_mode: str = parsed["database.ssl.mode"]
        self.ssl_ca: str | None = parsed["database.ssl.ca"] or None

    def takes_source(self, gtid: str) -> bool:
        """Whether changes of that transaction are captured."""
        return not self._filters_rows or self.gtid_sources.matches(gtid.split(":" if ":" in gtid else "-")[0])

    def captures(self, table: str) -> bool:
        database = table.partition(".")[0]
        return database not in SYSTEM_SCHEMAS and self.databases.matches(database) and super().captures(table)
