"""With what configuration an application makes its internal topics (`InternalTopicConfig` and its kinds)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.duration import LONG_MAX
from ottla.streams.topology.built import InternalTopic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.state.store import StoreBuilder

DAY_MS: Final = 24 * 60 * 60 * 1000
COMPACTION_LAG_BEYOND_HISTORY_MS: Final = DAY_MS
TOPIC_PREFIX: Final = "topic."

_EVERY: Final = {"message.timestamp.type": "CreateTime"}
_REPARTITION: Final = _EVERY | {"cleanup.policy": "delete", "segment.bytes": "52428800", "retention.ms": "-1"}


def repartition_topic(name: str, partitions: int | None, config: Mapping[str, Any]) -> InternalTopic:
    """The library's own settings give way to the application's `topic.` ones."""
    return InternalTopic(name, _REPARTITION | _topic_configs(config), partitions)


def changelog_topic(
    name: str, builder: StoreBuilder, history_retention_ms: int | None, config: Mapping[str, Any]
) -> InternalTopic:
    """The store's own settings go before the application's `topic.` ones, and those before the library's."""
    retention_ms = builder.window_retention_ms
    policy = "compact" if retention_ms is None else "compact,delete"
    settings = _EVERY | {"cleanup.policy": policy} | _topic_configs(config) | builder.log_config
    if history_retention_ms is not None and "min.compaction.lag.ms" not in builder.log_config:
        lag_ms = min(history_retention_ms + COMPACTION_LAG_BEYOND_HISTORY_MS, LONG_MAX)
        settings["min.compaction.lag.ms"] = str(lag_ms)
    elif retention_ms is not None and "retention.ms" not in builder.log_config:
        additional_ms = int(config.get("windowstore.changelog.additional.retention.ms", DAY_MS))
        settings["retention.ms"] = str(min(retention_ms + additional_ms, LONG_MAX))
    return InternalTopic(name, settings)


def _topic_configs(config: Mapping[str, Any]) -> dict[str, str]:
    return {key.removeprefix(TOPIC_PREFIX): str(value) for key, value in config.items() if key.startswith(TOPIC_PREFIX)}
