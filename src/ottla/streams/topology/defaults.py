"""What a topology leaves to the configuration: serdes, the timestamp extractor, the prefix of internal topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.errors import StreamsError
from ottla.streams.serdes.serde import Serde
from ottla.streams.topology.timestamp_extractor import fail_on_invalid_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.topology.timestamp_extractor import TimestampExtractor

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

TOPIC_PREFIX = "__internal.override.topic.prefix__"
"""The key under which Kafka Streams lets internal topics have another prefix than the application's id."""


class Deferred(Generic[T_co]):
    """Something of a topology that can be made only when the configuration is known."""

    def __init__(self, make: Callable[[Defaults], T_co]) -> None:
        self.make = make


def resolved(given: T | Deferred[T], defaults: Defaults) -> T:
    return given.make(defaults) if isinstance(given, Deferred) else given


class Defaults:
    def __init__(self, config: Mapping[str, Any]) -> None:
        application_id = config.get("application.id")
        if not application_id:
            raise StreamsError("application.id must be set: it names the group, the internal topics and the state")
        self.config = config
        self.application_id = str(application_id)
        self.topic_prefix = str(config.get(TOPIC_PREFIX) or application_id)

    def topic(self, name: str) -> str:
        """The whole name of an internal topic."""
        return f"{self.topic_prefix}-{name}"

    @property
    def key_serde(self) -> Serde[Any]:
        return self._serde("default.key.serde", "key")

    @property
    def value_serde(self) -> Serde[Any]:
        return self._serde("default.value.serde", "value")

    @property
    def timestamp_extractor(self) -> TimestampExtractor:
        given: TimestampExtractor | type | None = self.config.get("default.timestamp.extractor")
        if given is None:
            return fail_on_invalid_timestamp
        return given() if isinstance(given, type) else given

    def _serde(self, key: str, what: str) -> Serde[Any]:
        given = self.config.get(key)
        if given is None:
            raise StreamsError(f"give a {what} serde where the topology needs one, or set {key} in the configuration")
        made = given if isinstance(given, Serde) else given()
        if not isinstance(made, Serde):
            raise StreamsError(f"{key} must be a Serde, or make one; it is {given!r}")
        return made
