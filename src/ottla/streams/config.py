"""The configuration of an application, under Kafka Streams' keys (`org.apache.kafka.streams.StreamsConfig`).

    StreamsConfig(application_id="app", bootstrap_servers="localhost:9092", processing_guarantee="exactly_once_v2")
    StreamsConfig({"application.id": "app", "bootstrap.servers": "localhost:9092", "producer.compression.type": "lz4"})

Whatever is wrong is said here, when the application is written, and not while it runs.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.config.definition import BOOLEAN, CLASS, LIST, STRING, ConfigDefinition, ConfigError
from ottla.streams.config_definitions import (
    EOS_COMMIT_INTERVAL_MS,
    EXACTLY_ONCE_V2,
    NO_OPTIMIZATION,
    OPTIMIZATIONS,
    OPTIMIZE,
    PREFIXES,
    RENAMED,
    STREAMS,
    STREAMS_CONFIGS,
    WITHOUT_EFFECT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ConfigError", "StreamsConfig"]

TRANSACTION_TIMEOUT_MS: Final = 10_000
TAGS_MAX: Final = 5
TAG_KEY_MAX: Final = 20
TAG_VALUE_MAX: Final = 30
IN_FLIGHT_MAX: Final = 5
SECURITY_PREFIXES: Final = ("sasl.", "ssl.", "security.")

_ALSO_TEXT: Final = {STRING: Path, LIST: str, BOOLEAN: str}
"""Beside text, what a value of the type may be given as; numbers as numbers."""
_BY_KEYWORD: Final = {name.replace(".", "_"): name for name in STREAMS_CONFIGS}
_FIXED_CONSUMER: Final = ("enable.auto.commit", "group.protocol", "allow.auto.create.topics", "group.id")
_FIXED_PRODUCER: Final = ("enable.idempotence", "transactional.id")

_log: Final = logging.getLogger(__name__)


class StreamsConfig(Mapping[str, Any]):
    """Immutable. As a mapping it has every key of Kafka Streams, set or by default, and whatever else was set."""

    def __init__(self, properties: Mapping[str, Any] | None = None, /, **settings: Any) -> None:
        """`properties` by Kafka's keys; `settings` by the same keys with `_` for `.`. Raises `ConfigError`."""
        self.originals: dict[str, Any] = dict(properties or {}) | {_key(name): each for name, each in settings.items()}
        self._values: dict[str, Any] = {}
        for name, definition in STREAMS_CONFIGS.items():
            if name in self.originals:
                self._values[name] = _read(definition, self.originals[name])
            elif definition.is_required:
                raise ConfigError(name, None, f"it must be set, to {definition.allowed}")
            else:
                self._values[name] = definition.default
        self._values |= {name: each for name, each in self.originals.items() if name not in STREAMS_CONFIGS}
        for old, new in RENAMED.items():
            if old in self.originals and new not in self.originals:
                self._values[new] = self._values[old]
        self._exactly_once_defaults()
        self._check_prefixed()
        self._check_tags()

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"StreamsConfig({self.application_id!r})"

    def replaced(self, changes: Mapping[str, Any]) -> StreamsConfig:
        """The same with these keys set anew."""
        return StreamsConfig(self.originals | dict(changes))

    # The keys that the library itself asks for, typed

    @property
    def application_id(self) -> str:
        return str(self._values["application.id"])

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(self._values["bootstrap.servers"])

    @property
    def exactly_once(self) -> bool:
        return bool(self._values["processing.guarantee"] == EXACTLY_ONCE_V2)

    @property
    def commit_interval_ms(self) -> int:
        return int(self._values["commit.interval.ms"])

    @property
    def wants_streams_groups(self) -> bool:
        """KIP-1071; otherwise the classic protocol."""
        return str(self._values["group.protocol"]).lower() == STREAMS

    @property
    def optimizations(self) -> frozenset[str]:
        """Of `OPTIMIZATIONS`."""
        text = str(self._values["topology.optimization"])
        if text == OPTIMIZE:
            return frozenset(OPTIMIZATIONS)
        return frozenset(part.strip() for part in text.split(",")) - {NO_OPTIMIZATION}

    @property
    def application_server(self) -> tuple[str, int] | None:
        host, _, port = str(self._values["application.server"]).rpartition(":")
        return (host.strip("[]"), int(port)) if host else None

    @property
    def transaction_timeout_ms(self) -> int:
        return int(self.originals.get("producer.transaction.timeout.ms", TRANSACTION_TIMEOUT_MS))

    @property
    def client_tags(self) -> dict[str, str]:
        return {key: str(value) for key, value in self.with_prefix("client.tag.").items()}

    @property
    def topic_configs(self) -> dict[str, str]:
        """Defaults for the internal topics."""
        return {key: str(value) for key, value in self.with_prefix("topic.").items()}

    @property
    def security(self) -> dict[str, str]:
        """What every client needs to be let in, under the keys of Kafka's clients."""
        found = {key: str(value) for key, value in self.originals.items() if key.startswith(SECURITY_PREFIXES)}
        return found | {"security.protocol": str(self._values["security.protocol"]).upper()}

    def with_prefix(self, prefix: str) -> dict[str, Any]:
        """What was set under `prefix`, without it."""
        return {key[len(prefix) :]: value for key, value in self.originals.items() if key.startswith(prefix)}

    # What is looked at together

    def _exactly_once_defaults(self) -> None:
        if not self.exactly_once:
            return
        if "commit.interval.ms" not in self.originals:
            self._values["commit.interval.ms"] = EOS_COMMIT_INTERVAL_MS
        if self.transaction_timeout_ms < self.commit_interval_ms:
            raise ConfigError(
                "commit.interval.ms",
                str(self.commit_interval_ms),
                f"under {EXACTLY_ONCE_V2} it must not be longer than producer.transaction.timeout.ms"
                f" ({self.transaction_timeout_ms})",
            )

    def _check_prefixed(self) -> None:
        fixed = {f"{prefix}{key}" for prefix in PREFIXES[:4] for key in _FIXED_CONSUMER}
        fixed |= {f"producer.{key}" for key in _FIXED_PRODUCER if self.exactly_once}
        fixed |= {f"{prefix}isolation.level" for prefix in PREFIXES[:4] if self.exactly_once}
        for key in sorted(fixed & self.originals.keys()):
            _log.warning("%s=%s is ignored: an application sets it by itself", key, self.originals[key])
        in_flight = self.originals.get("producer.max.in.flight.requests.per.connection", IN_FLIGHT_MAX)
        if self.exactly_once and int(in_flight) > IN_FLIGHT_MAX:
            raise ConfigError(
                "producer.max.in.flight.requests.per.connection",
                str(in_flight),
                f"under {EXACTLY_ONCE_V2} it must be at most {IN_FLIGHT_MAX}",
            )
        if self.wants_streams_groups:
            for key in ("consumer.group.instance.id", "main.consumer.group.instance.id"):
                if instance := self.originals.get(key):
                    raise ConfigError(key, str(instance), "group.protocol=streams has no static members; leave it out")
        for key in sorted(WITHOUT_EFFECT & self.originals.keys()):
            _log.warning("%s has no effect here; docs/gaps.md says why", key)
        for key in self.originals:
            if key not in STREAMS_CONFIGS and not key.startswith((*PREFIXES, *SECURITY_PREFIXES)):
                _log.warning("%s is no key of Kafka Streams; only the application's own processors see it", key)

    def _check_tags(self) -> None:
        tags = self.client_tags
        if len(tags) > TAGS_MAX:
            raise ConfigError("client.tag.*", ",".join(tags), f"there may be at most {TAGS_MAX} client tags")
        for key, value in tags.items():
            if not 0 < len(key.strip()) <= TAG_KEY_MAX:
                raise ConfigError(f"client.tag.{key}", value, f"the tag's key must have 1 to {TAG_KEY_MAX} characters")
            if not 0 < len(value.strip()) <= TAG_VALUE_MAX:
                raise ConfigError(f"client.tag.{key}", value, f"it must have 1 to {TAG_VALUE_MAX} characters")
        for key in self._values["rack.aware.assignment.tags"]:
            if key not in tags:
                raise ConfigError("rack.aware.assignment.tags", key, f"there is no client.tag.{key}")


def _key(keyword: str) -> str:
    if keyword in _BY_KEYWORD:
        return _BY_KEYWORD[keyword]
    dotted = keyword.replace("_", ".")
    if dotted.startswith((*PREFIXES, *SECURITY_PREFIXES)):
        return dotted
    raise ConfigError(dotted, None, "Kafka Streams has no such key; what is the application's own goes into a mapping")


def _read(definition: ConfigDefinition, given: Any) -> Any:
    """A value from text, or as Python has it; `ConfigError` where it is not of the type or not allowed."""
    if definition.type is CLASS:
        return _object(definition.name, given) if isinstance(given, str) else given
    if isinstance(given, timedelta) and definition.name.endswith(".ms"):
        given = int(given / timedelta(milliseconds=1))
    if given is None:
        if definition.default is None:
            return None
    elif definition.type is LIST and isinstance(given, list | tuple):
        return definition.parse(",".join(map(str, given)))
    elif isinstance(given, bool):
        if definition.type is BOOLEAN:
            return given
    elif isinstance(given, str | _ALSO_TEXT.get(definition.type, int)):
        return definition.parse(str(given))
    raise ConfigError(definition.name, None if given is None else str(given), f"it must be {definition.allowed}")


def _object(key: str, text: str) -> Any:
    """What `package.module:name` is."""
    module, separator, name = text.strip().partition(":")
    if not separator or not module or not name:
        raise ConfigError(key, text, "it must be an object of Python, or the text package.module:name")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(key, text, f"it cannot be imported ({error})") from None
    return found
