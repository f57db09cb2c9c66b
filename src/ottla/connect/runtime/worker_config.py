"""How a worker is to run: `connect-standalone.properties` and `connect-distributed.properties` (`WorkerConfig`).

Of our own are `task.restart.attempts`, `task.restart.backoff.ms` and `task.restart.backoff.max.ms`: a task that fails
is started again that often in a row, each time after twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    SHORT,
    STRING,
    ConfigDef,
)
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.validators import Range, ValidString
from ottla.connect.runtime import exactly_once
from ottla.connect.runtime.listener import Listener
from ottla.runtime.http_server import HTTP, HTTPS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LISTEN: Final = "127.0.0.1:8083"
JSON_CONVERTER: Final = "org.apache.kafka.connect.json.JsonConverter"
CLIENT_PREFIXES: Final = ("security.protocol", "sasl.", "ssl.")


def _definition() -> ConfigDef:
    return (
        ConfigDef()
        .define("bootstrap.servers", LIST, "localhost:9092", HIGH, "Brokers to ask first.")
        .define("key.converter", STRING, JSON_CONVERTER, HIGH, "What writes and reads keys.")
        .define("value.converter", STRING, JSON_CONVERTER, HIGH, "What writes and reads values.")
        .define("header.converter", STRING, "SimpleHeaderConverter", LOW, "What writes and reads headers.")
        .define("client.id", STRING, "", LOW, "Under which name the clients of the worker are seen.")
        .define("listeners", LIST, f"http://{DEFAULT_LISTEN}", LOW, "Where the REST API is served.")
        .define("rest.advertised.host.name", STRING, None, LOW, "The host at which others reach the REST API.")
        .define("rest.advertised.port", INT, None, LOW, "The port at which others reach the REST API.")
        .define("rest.advertised.listener", STRING, None, LOW, "Whether others reach it by http or by https.")
        .define("admin.listeners", LIST, None, LOW, "Where /admin is served, if not with the rest; nowhere if empty.")
        .define("access.control.allow.origin", STRING, "", LOW, "Origins whose pages may ask; * for all.")
        .define("access.control.allow.methods", STRING, "", LOW, "What they may ask: GET, POST, HEAD by default.")
        .define("response.http.headers.config", STRING, "", LOW, "Headers of every answer: ACTION NAME:VALUE, …")
        .define("offset.flush.interval.ms", LONG, 60_000, LOW, "How often offsets are stored.", validator=Range(1))
        .define("offset.flush.timeout.ms", LONG, 5_000, LOW, "How long storing them may take.", validator=Range(1))
        .define("task.shutdown.graceful.timeout.ms", LONG, 5_000, LOW, "How long a task may take to end.")
        .define("topic.creation.enable", BOOLEAN, True, LOW, "Whether connectors may say how topics are made.")
        .define("topic.tracking.enable", BOOLEAN, True, LOW, "Whether the topics of a connector are remembered.")
        .define("topic.tracking.allow.reset", BOOLEAN, True, LOW, "Whether they may be forgotten on request.")
        .define(
            "connector.client.config.override.policy", STRING, "All", LOW, "Which client settings connectors change."
        )
        .define(
            "connector.client.config.override.allowlist",
            LIST,
            "",
            MEDIUM,
            "Those that the policy Allowlist lets them change.",
        )
        .define("config.providers", LIST, "", LOW, "Names of what variables are resolved with.")
        .define("plugin.path", LIST, "", LOW, "Directories that Python modules of connectors are in.")
        .define("task.restart.attempts", INT, 10, LOW, "How often in a row a failed task starts.", validator=Range(0))
        .define("task.restart.backoff.ms", LONG, 1_000, LOW, "After how long the first time.", validator=Range(1))
        .define("task.restart.backoff.max.ms", LONG, 60_000, LOW, "After how long at most.", validator=Range(1))
    )


STANDALONE: Final = _definition().define(
    "offset.storage.file.filename", STRING, NO_DEFAULT_VALUE, HIGH, "The file in which offsets are kept."
)
DISTRIBUTED: Final = (
    _definition()
    .define("group.id", STRING, NO_DEFAULT_VALUE, HIGH, "Workers of one group share the work.")
    .define("config.storage.topic", STRING, NO_DEFAULT_VALUE, HIGH, "The topic of configurations.")
    .define("config.storage.replication.factor", SHORT, 3, LOW, "Its replicas, if it has to be made.")
    .define("offset.storage.topic", STRING, NO_DEFAULT_VALUE, HIGH, "The topic of offsets.")
    .define("offset.storage.replication.factor", SHORT, 3, LOW, "Its replicas, if it has to be made.")
    .define("offset.storage.partitions", INT, 25, LOW, "Its partitions, if it has to be made.")
    .define("status.storage.topic", STRING, NO_DEFAULT_VALUE, HIGH, "The topic of statuses.")
    .define("status.storage.replication.factor", SHORT, 3, LOW, "Its replicas, if it has to be made.")
    .define("status.storage.partitions", INT, 5, LOW, "Its partitions, if it has to be made.")
    .define("session.timeout.ms", INT, 10_000, HIGH, "After which a silent worker is given up.", validator=Range(1))
    .define("heartbeat.interval.ms", INT, 3_000, HIGH, "How often a worker says that it is there.", validator=Range(1))
    .define("rebalance.timeout.ms", INT, 60_000, HIGH, "How long the workers may take to join.", validator=Range(1))
    .define("scheduled.rebalance.max.delay.ms", INT, 300_000, LOW, "How long a lost worker's tasks wait for it.")
    .define("worker.sync.timeout.ms", INT, 3_000, LOW, "How long reading all configurations may take.")
    .define(
        "connect.protocol", STRING, "sessioned", LOW, "Of the group.", validator=ValidString("compatible", "sessioned")
    )
    .define("inter.worker.key.ttl.ms", INT, 3_600_000, LOW, "How old a session key grows.", validator=Range(1))
    .define("inter.worker.key.generation.algorithm", STRING, "HmacSHA256", LOW, "For whose use session keys are.")
    .define("inter.worker.signature.algorithm", STRING, "HmacSHA256", LOW, "What workers sign requests with.")
    .define("inter.worker.verification.algorithms", LIST, "HmacSHA256", LOW, "Signatures that are taken.")
    .define(
        exactly_once.KEY,
        STRING,
        "disabled",
        HIGH,
        "Whether sources write records and offsets in transactions.",
        validator=ValidString(*(each.value for each in exactly_once.SourceSupport)),
    )
)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """`properties` as they were read, `values` as their types."""

    properties: Mapping[str, str] = field(repr=False)
    values: Mapping[str, object]
    is_distributed: bool

    def text(self, key: str) -> str:
        value = self.values[key]
        assert isinstance(value, str)
        return value

    def number(self, key: str) -> int:
        value = self.values[key]
        assert isinstance(value, int)
        return value

    def flag(self, key: str) -> bool:
        return bool(self.values[key])

    def names(self, key: str) -> list[str]:
        value = self.values[key]
        assert isinstance(value, list)
        return value

    @property
    def source_support(self) -> exactly_once.SourceSupport:
        if not self.is_distributed:
            return exactly_once.SourceSupport.DISABLED
        return exactly_once.SourceSupport(self.text(exactly_once.KEY))

    @property
    def bootstrap(self) -> str:
        return ",".join(self.names("bootstrap.servers"))

    @property
    def listeners(self) -> list[Listener]:
        return [Listener.parse("listeners", text) for text in self.names("listeners")]

    @property
    def admin_listeners(self) -> list[Listener] | None:
        """`None`: what is for administrators is served with the rest."""
        if self.values["admin.listeners"] is None:
            return None
        return [Listener.parse("admin.listeners", text) for text in self.names("admin.listeners")]

    @property
    def advertised_scheme(self) -> str:
        """By which others reach this worker."""
        said = self.values["rest.advertised.listener"]
        if said:
            return str(said).lower()
        return HTTP if any(each.scheme == HTTP for each in self.listeners) else HTTPS

    @property
    def offsets_file(self) -> Path:
        return Path(self.text("offset.storage.file.filename"))

    @property
    def security(self) -> dict[str, str]:
        return {key: text for key, text in self.properties.items() if key.startswith(CLIENT_PREFIXES)}

    def with_prefix(self, prefix: str) -> dict[str, str]:
        return {key.removeprefix(prefix): text for key, text in self.properties.items() if key.startswith(prefix)}


def standalone_config(properties: Mapping[str, str]) -> WorkerConfig:
    """`ConfigError` names the key."""
    return _read(properties, STANDALONE, is_distributed=False)


def distributed_config(properties: Mapping[str, str]) -> WorkerConfig:
    """`ConfigError` names the key."""
    config = _read(properties, DISTRIBUTED, is_distributed=True)
    from ottla.connect.distributed.session_key import check_algorithm

    for key in ("key.generation.algorithm", "signature.algorithm"):
        check_algorithm(f"inter.worker.{key}", config.text(f"inter.worker.{key}"))
    for name in config.names("inter.worker.verification.algorithms"):
        check_algorithm("inter.worker.verification.algorithms", name)
    return config


def _read(properties: Mapping[str, str], definition: ConfigDef, *, is_distributed: bool) -> WorkerConfig:
    values = definition.parse(properties)
    if not values["listeners"]:
        raise ConfigError.of("listeners", "", "write http://HOST:PORT")
    config = WorkerConfig(dict(properties), values, is_distributed)
    schemes = {each.scheme for each in config.listeners}
    if config.advertised_scheme not in schemes:
        advertised = config.values["rest.advertised.listener"]
        raise ConfigError.of("rest.advertised.listener", advertised, "name one of the protocols of listeners")
    _ = config.admin_listeners
    return config
