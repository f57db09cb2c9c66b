"""The config definitions behind the controller's port: what is valid, what is a default, what applies.

Errors are Kafka's: INVALID_CONFIG for a topic's or a group's wrong value, INVALID_REQUEST for a broker's and for what a
metrics subscription does not know. KIP-226, 714, 848.
"""

from collections.abc import Mapping

from ottla.broker.dynamic_config import DynamicServerConfig
from ottla.metadata.controller.config_schema import ConfigResourceType, EffectiveConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.config.client_metrics import CLIENT_METRICS_CONFIGS, check_interval, parse_match
from ottla.runtime.config.definition import ConfigError, ConfigType, Definitions
from ottla.runtime.config.description import describe_topic
from ottla.runtime.config.dynamic import PER_BROKER, is_dynamic
from ottla.runtime.config.group import BROKER_CONFIG_OF_GROUP_CONFIG, GROUP_CONFIGS
from ottla.runtime.config.server_config import BROKER_DEFINITIONS, ServerConfig, check_topic_overrides
from ottla.runtime.config.topic import TOPIC_CONFIGS

DEFINITIONS: Mapping[int, Definitions] = {
    ConfigResourceType.TOPIC: TOPIC_CONFIGS,
    ConfigResourceType.BROKER: BROKER_DEFINITIONS,
    ConfigResourceType.GROUP: GROUP_CONFIGS,
    ConfigResourceType.CLIENT_METRICS: CLIENT_METRICS_CONFIGS,
}


class ServerConfigSchema:
    """`metadata.controller.config_schema.ConfigSchema` over the static config of this node."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._dynamic = DynamicServerConfig(config)

    @property
    def own_name(self) -> str:
        return str(self._config.node_id)

    def is_list(self, resource_type: int, name: str) -> bool:
        if resource_type not in (ConfigResourceType.TOPIC, ConfigResourceType.BROKER):
            return False  # Apache Kafka's controller knows no types of the others: its answers are the same
        definition = DEFINITIONS.get(resource_type, {}).get(name)
        return definition is not None and definition.type is ConfigType.LIST

    def default(self, resource_type: int, name: str) -> str | None:
        definition = DEFINITIONS.get(resource_type, {}).get(name)
        if definition is None:
            return None
        if resource_type == ConfigResourceType.TOPIC:
            return definition.format(self._config.topic_default(name))
        if resource_type == ConfigResourceType.BROKER:
            return None if definition.is_required and name not in self._config.static else self._config.get_text(name)
        broker_name = BROKER_CONFIG_OF_GROUP_CONFIG.get(name)
        if resource_type == ConfigResourceType.GROUP and broker_name is not None:
            return self._config.get_text(broker_name)
        default = definition.default
        return definition.format(default) if isinstance(default, bool | int | float | str | tuple) else None

    def validate(
        self,
        resource_type: int,
        resource_name: str,
        configs: Mapping[str, str],
        before: Mapping[str, str] | None = None,
    ) -> None:
        try:
            match resource_type:
                case ConfigResourceType.TOPIC:
                    check_topic_overrides(configs)
                case ConfigResourceType.BROKER:
                    self._check_broker_configs(resource_name, before or {}, configs)
                case ConfigResourceType.GROUP:
                    self._check_group_configs(configs)
                case ConfigResourceType.CLIENT_METRICS:
                    _check_client_metrics(configs)
                case _:
                    raise KafkaError(ErrorCode.INVALID_REQUEST, f"Resource type {resource_type} has no configs")
        except ConfigError as error:
            in_broker = resource_type == ConfigResourceType.BROKER
            raise KafkaError(
                ErrorCode.INVALID_REQUEST if in_broker else ErrorCode.INVALID_CONFIG, str(error)
            ) from error

    def effective_topic_configs(
        self, overrides: Mapping[str, str], cluster_configs: Mapping[str, str], own_configs: Mapping[str, str]
    ) -> list[EffectiveConfig]:
        described = describe_topic(self._dynamic.of(cluster_configs, own_configs), overrides)
        return [
            EffectiveConfig(one.name, one.value, one.source, one.is_sensitive)
            for one in sorted(described, key=lambda one: one.name)
        ]

    def _check_broker_configs(self, broker: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        cluster_wide = not broker
        from ottla.runtime.config.dynamic_check import check_dynamic_configs  # seldom needed, and not at start

        _check_broker_definitions(after, cluster_wide=cluster_wide)
        if not self._config.is_broker or broker not in ("", str(self._config.node_id)):
            return  # that broker has looked at them by its own settings
        check_dynamic_configs(self._config, before, after, cluster_wide=cluster_wide)
        if broker == str(self._config.node_id):
            _check_stores(self._config.with_dynamic({}, before), self._config.with_dynamic({}, after))

    def _check_group_configs(self, configs: Mapping[str, str]) -> None:
        for name, text in configs.items():
            definition = GROUP_CONFIGS.get(name)
            if definition is None:
                raise ConfigError(name, text, "no group config has that name")
            value = definition.parse(text)
            broker_name = BROKER_CONFIG_OF_GROUP_CONFIG.get(name)
            if broker_name is None or not isinstance(value, int):
                continue
            kind, _, what = broker_name.removeprefix("group.").partition(".")
            what = what.removeprefix("num.")
            for bound, is_least in ((f"group.{kind}.min.{what}", True), (f"group.{kind}.max.{what}", False)):
                if bound in BROKER_DEFINITIONS:
                    limit = self._config.get_int(bound)
                    if value < limit if is_least else value > limit:
                        at = "at least" if is_least else "at most"
                        raise ConfigError(name, text, f"it must be {at} {bound} ({limit})")
        for kind in ("consumer", "share", "streams"):
            heartbeat, session = f"{kind}.heartbeat.interval.ms", f"{kind}.session.timeout.ms"
            if heartbeat in configs or session in configs:
                self._check_heartbeat(configs, heartbeat, session)

    def _check_heartbeat(self, configs: Mapping[str, str], heartbeat: str, session: str) -> None:
        interval, timeout = (
            int(configs.get(name) or self.default(ConfigResourceType.GROUP, name) or 0) for name in (heartbeat, session)
        )
        if interval >= timeout:
            raise ConfigError(heartbeat, str(interval), f"it must be less than {session} ({timeout})")


def _check_broker_definitions(configs: Mapping[str, str], *, cluster_wide: bool) -> None:
    for name, text in configs.items():
        definition = BROKER_DEFINITIONS.get(name)
        if definition is None:
            continue  # a plug-in's own, as far as anyone can tell
        if not is_dynamic(name):
            raise ConfigError(name, None if definition.is_sensitive else text, "it is read at start only")
        if cluster_wide and name in PER_BROKER:
            raise ConfigError(name, None if definition.is_sensitive else text, "it can be set for one broker only")
        definition.parse(text)


def _check_stores(before: ServerConfig, after: ServerConfig) -> None:
    """Keys and certificates that a listener is to have from now on can be read."""
    from ottla.broker.listener_security import stores_differ, tls_of

    for endpoint in after.broker_listeners:
        name = endpoint.listener_name
        if endpoint.security_protocol.endswith("SSL") and stores_differ(before, after, name):
            tls_of(after, name)


def _check_client_metrics(configs: Mapping[str, str]) -> None:
    for name, text in configs.items():
        definition = CLIENT_METRICS_CONFIGS.get(name)
        if definition is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"No client metrics config is named {name}")
        value = definition.parse(text)
        if name == "interval.ms" and isinstance(value, int):
            try:
                check_interval(value)
            except ConfigError as error:
                raise KafkaError(ErrorCode.INVALID_REQUEST, str(error)) from error
        elif name == "match" and isinstance(value, tuple):
            for pattern in value:
                parse_match(pattern)
