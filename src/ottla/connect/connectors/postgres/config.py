"""What can be configured of the connector for PostgreSQL, under the names of Debezium's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    INT,
    LONG,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    PASSWORD,
    STRING,
)
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.validators import LambdaValidator, NonEmptyString, Range, ValidString
from ottla.connect.connectors.cdc.binary import BINARY_MODES
from ottla.connect.connectors.cdc.config import CdcConfig, cdc_config
from ottla.connect.connectors.cdc.filters import ListValidator, NameFilter
from ottla.connect.connectors.cdc.topics import SCHEMA
from ottla.connect.connectors.postgres import replica_identity
from ottla.connect.connectors.postgres.column_types import HSTORE_MODES, INTERVAL_MODES, TypeModes

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTOCREATE_MODES: Final = ("all_tables", "disabled", "filtered", "no_tables")
MISMATCH_STRATEGIES: Final = ("fail", "trust_slot", "no_validation")
SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SLOT: Final = re.compile(r"[a-z0-9_]{1,63}")
_OWN_PARAMETERS: Final = ("proto_version", "publication_names")


def _valid_slot(name: str, value: Any) -> None:
    if value is None or _SLOT.fullmatch(value) is None:
        raise ConfigError.of(name, value, "a slot has 1 to 63 lower-case letters, digits and underscores")


def _stream_params(text: str | None) -> dict[str, str]:
    """`name=value;name=value`."""
    params = {}
    for part in (text or "").split(";"):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError.of("slot.stream.params", text, "has the form name=value;name=value")
        if key.strip() in _OWN_PARAMETERS:
            raise ConfigError.of("slot.stream.params", text, f"{key.strip()} is set by the connector")
        params[key.strip()] = value.strip()
    return params


def _valid_params(_name: str, value: Any) -> None:
    _stream_params(value)


CONFIG: Final = (
    cdc_config(5432, SCHEMA)
    .define("database.dbname", STRING, NO_DEFAULT_VALUE, HIGH, "The database to capture.", validator=NonEmptyString())
    .define("plugin.name", STRING, "pgoutput", MEDIUM, "The plugin that decodes the log.",
            validator=ValidString("pgoutput"))
    .define("slot.name", STRING, "debezium", MEDIUM, "The replication slot, one for each connector; made if it is not "
            "there.", validator=LambdaValidator(_valid_slot, "1 to 63 of a-z, 0-9 and _"))
    .define("slot.drop.on.stop", BOOLEAN, False, LOW, "Whether the slot is dropped when the connector stops: for "
            "tests only, since changes until the next start are lost.")
    .define("slot.stream.params", STRING, None, LOW, "More options of the plugin: name=value;name=value.",
            validator=LambdaValidator(_valid_params, "name=value;name=value"))
    .define("slot.max.retries", INT, 6, LOW, "How often a slot that is in use is asked for.", validator=Range(0))
    .define("slot.retry.delay.ms", LONG, 10_000, LOW, "The longest wait between.", validator=Range(0))
    .define("slot.lag.warning.bytes", LONG, 0, LOW, "A slot that makes the server keep more of its log is warned of; "
            "0: half of max_slot_wal_keep_size, or 1 GiB.", validator=Range(0))
    .define("offset.mismatch.strategy", STRING, "fail", LOW, "When the slot has passed the stored offset, so that "
            "changes are lost: fail, or trust_slot to go on without them.", validator=ValidString(*MISMATCH_STRATEGIES))
    .define("publication.name", STRING, "dbz_publication", MEDIUM, "The publication whose tables are streamed.",
            validator=NonEmptyString())
    .define("publication.autocreate.mode", STRING, "all_tables", MEDIUM, "How it is made if it is not there: "
            "all_tables, filtered (those that are captured; new ones are added at the start), no_tables, disabled.",
            validator=ValidString(*AUTOCREATE_MODES))
    .define("publish.via.partition.root", BOOLEAN, False, LOW, "Whether changes of partitions are told as those of "
            "their table.")
    .define(replica_identity.NAME, STRING, None, LOW, "What replica identity captured tables get at the start: "
            "schema.table:FULL, names as regular expressions.", validator=replica_identity.IdentityValidator())
    .define("binary.handling.mode", STRING, "bytes", LOW, "What bytea is.", validator=ValidString(*BINARY_MODES))
    .define("hstore.handling.mode", STRING, "json", LOW, "What hstore is.", validator=ValidString(*HSTORE_MODES))
    .define("interval.handling.mode", STRING, "numeric", LOW, "What intervals are: microseconds (a month has 30.4375 "
            "days), or ISO 8601.", validator=ValidString(*INTERVAL_MODES))
    .define("message.prefix.include.list", STRING, None, LOW, "Prefixes of logical messages to capture.",
            validator=ListValidator())
    .define("message.prefix.exclude.list", STRING, None, LOW, "Prefixes to leave out, instead.",
            validator=ListValidator())
    .define("status.update.interval.ms", INT, 10_000, LOW, "How often the server hears that the connector is there.",
            validator=Range(100))
    .define("database.sslmode", STRING, "prefer", MEDIUM, "Whether the connection is encrypted.",
            validator=ValidString(*SSL_MODES))
    .define("database.sslcert", STRING, None, MEDIUM, "The file of a certificate for the client.")
    .define("database.sslkey", STRING, None, MEDIUM, "The file of its key.")
    .define("database.sslpassword", PASSWORD, None, MEDIUM, "The password of the key.")
    .define("database.sslrootcert", STRING, None, MEDIUM, "The file of certificates that servers are checked with.")
    .define("database.tcpKeepAlive", BOOLEAN, True, LOW, "Whether TCP looks whether the server is there.")
)  # fmt: skip


class PostgresConfig(CdcConfig):
    def __init__(self, props: Mapping[str, str]) -> None:
        """Raises `ConfigError`."""
        parsed = CONFIG.parse(props)
        super().__init__(props, parsed, SCHEMA)
        self.dbname: str = parsed["database.dbname"]
        self.slot_name: str = parsed["slot.name"]
        self.drops_slot: bool = parsed["slot.drop.on.stop"]
        self.stream_params = _stream_params(parsed["slot.stream.params"])
        self.slot_retries: int = parsed["slot.max.retries"]
        self.slot_retry_wait_max_ms: int = parsed["slot.retry.delay.ms"]
        self.lag_warning_bytes: int = parsed["slot.lag.warning.bytes"]
        self.trusts_slot: bool = parsed["offset.mismatch.strategy"] != "fail"
        self.publication_name: str = parsed["publication.name"]
        self.autocreate_mode: str = parsed["publication.autocreate.mode"]
        self.via_root: bool = parsed["publish.via.partition.root"]
        self.identities = replica_identity.ReplicaIdentities(parsed[replica_identity.NAME])
        self.binary_mode: str = parsed["binary.handling.mode"]
        self._hstore_mode: str = parsed["hstore.handling.mode"]
        self._interval_mode: str = parsed["interval.handling.mode"]
        self.message_prefixes = NameFilter.of(parsed, "message.prefix")
        self.status_interval_ms: int = parsed["status.update.interval.ms"]
        self.sslmode: str = parsed["database.sslmode"]
        ssl_password = parsed["database.sslpassword"]
        self._secrets = {
            "password": self.password,
            "sslcert": parsed["database.sslcert"] or "",
            "sslkey": parsed["database.sslkey"] or "",
            "sslrootcert": parsed["database.sslrootcert"] or "",
            "sslpassword": ssl_password.value if ssl_password is not None else "",
        }
        self.tcp_keepalive: bool = parsed["database.tcpKeepAlive"]

    def secrets(self) -> dict[str, str]:
        """What libpq is told beside host, user and database; empty ones are not set."""
        return self._secrets

    def type_modes(self) -> TypeModes:
        return TypeModes(
            self.decimal_mode,
            self.time_mode,
            self.binary_mode,
            self._hstore_mode,
            self._interval_mode,
            self.placeholder,
        )
