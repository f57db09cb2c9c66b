"""The effective configs of share groups: what is set for the group, within the broker's bounds, else the broker's."""

from collections.abc import Callable, Mapping

from ottla.broker.dynamic_config import DynamicServerConfig
from ottla.coordinator.group.share.config import ShareGroupConfig, ShareGroupsConfig
from ottla.metadata.image import MetadataImage
from ottla.runtime.config.definition import parse_all
from ottla.runtime.config.group import GROUP_CONFIGS
from ottla.runtime.config.server_config import ServerConfig
from ottla.runtime.config.typed_values import TypedValues

GROUP_RESOURCE = 32
MAX_KEPT = 1_000


class ShareGroupConfigs:
    def __init__(self, config: ServerConfig, image: Callable[[], MetadataImage]) -> None:
        self._dynamic = DynamicServerConfig(config)
        self._config = config
        self._image = image
        self._kept: dict[str, tuple[Mapping[str, str], ShareGroupConfig]] = {}
        self._default = self._make({})

    def of(self, group_id: str) -> ShareGroupConfig:
        image = self._image()
        config = self._dynamic(image)
        if config is not self._config:
            self._config = config
            self._kept.clear()
            self._default = self._make({})
        overrides = image.configs.of(GROUP_RESOURCE, group_id)
        if not overrides:
            return self._default
        kept = self._kept.get(group_id)
        if kept is None or kept[0] != overrides:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            kept = self._kept[group_id] = (dict(overrides), self._make(overrides))
        return kept[1]

    def of_all(self) -> ShareGroupsConfig:
        return ShareGroupsConfig(
            max_size=self._config.get_int("group.share.max.size"),
            initialize_retry_interval_ms=self._config.get_int("group.share.initialize.retry.interval.ms"),
        )

    def _make(self, overrides: Mapping[str, str]) -> ShareGroupConfig:
        values = TypedValues(GROUP_CONFIGS, parse_all(GROUP_CONFIGS, overrides.items()))

        def bounded(broker_key: str, least_key: str = "", most_key: str = "") -> int:
            key = broker_key.removeprefix("group.")
            value = values.get_int(key) if key in overrides else self._config.get_int(broker_key)
            if least_key:
                value = max(value, self._config.get_int(least_key))
            return min(value, self._config.get_int(most_key)) if most_key else value

        return ShareGroupConfig(
            session_timeout_ms=bounded(
                "group.share.session.timeout.ms",
                "group.share.min.session.timeout.ms",
                "group.share.max.session.timeout.ms",
            ),
            heartbeat_interval_ms=bounded(
                "group.share.heartbeat.interval.ms",
                "group.share.min.heartbeat.interval.ms",
                "group.share.max.heartbeat.interval.ms",
            ),
            assignment_interval_ms=bounded(
                "group.share.assignment.interval.ms",
                "group.share.min.assignment.interval.ms",
                "group.share.max.assignment.interval.ms",
            ),
            record_lock_duration_ms=bounded(
                "group.share.record.lock.duration.ms",
                "group.share.min.record.lock.duration.ms",
                "group.share.max.record.lock.duration.ms",
            ),
            delivery_count_limit=bounded(
                "group.share.delivery.count.limit",
                "group.share.min.delivery.count.limit",
                "group.share.max.delivery.count.limit",
            ),
            partition_max_record_locks=bounded(
                "group.share.partition.max.record.locks",
                "group.share.min.partition.max.record.locks",
                "group.share.max.partition.max.record.locks",
            ),
            auto_offset_reset=values.get_str("share.auto.offset.reset"),
            isolation_level=values.get_str("share.isolation.level"),
            renew_acknowledge_enable=values.get_bool("share.renew.acknowledge.enable"),
        )
