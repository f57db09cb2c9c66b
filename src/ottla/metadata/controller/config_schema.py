"""The port to config definitions: what the controller asks about configs without knowing how they are defined."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class ConfigResourceType(IntEnum):
    """`ConfigResource.Type`: the number that travels and is stored."""

    UNKNOWN = 0
    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """One config of a topic as it applies: the value as text, and where it comes from (`ConfigSource`)."""

    name: str
    value: str | None
    source: int
    sensitive: bool


class ConfigSchema(Protocol):
    @property
    def own_name(self) -> str:
        """The name of this node's broker configs, dynamic ones of which count before those of all brokers."""
        ...

    def is_list(self, resource_type: int, name: str) -> bool:
        """Whether APPEND and SUBTRACT make sense."""
        ...

    def default(self, resource_type: int, name: str) -> str | None:
        """The value that applies without a dynamic config: of server.properties, else the default."""
        ...

    def validate(
        self,
        resource_type: int,
        resource_name: str,
        configs: Mapping[str, str],
        before: Mapping[str, str] | None = None,
    ) -> None:
        """All configs of a resource as they would be, and as they were.

        Raises `KafkaError` (INVALID_CONFIG or INVALID_REQUEST).
        """
        ...

    def effective_topic_configs(
        self, overrides: Mapping[str, str], cluster_configs: Mapping[str, str], own_configs: Mapping[str, str]
    ) -> list[EffectiveConfig]:
        """Every topic config that is not internal, sorted by name, with the topic's and the brokers' overrides."""
        ...
