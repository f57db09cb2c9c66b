"""What a broker checks before its configs change at run time. KIP-226; Kafka's `DynamicBrokerConfig`.

Everything that must hold of a node at start, and beside it: thread pools at most double or halve at a time, no bound on
connections may lock everybody out, keys and stores belong to one listener, classes cannot be loaded here.
"""

from collections.abc import Mapping

from ottla.runtime.config.definition import ConfigDefinition, ConfigError
from ottla.runtime.config.dynamic import OF_ONE_LISTENER, PER_BROKER
from ottla.runtime.config.server_config import BROKER_DEFINITIONS, ServerConfig
from ottla.runtime.config.validation import check_server_config

THREAD_POOLS = (
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
)
AT_LEAST_ONE = ("max.connections", "max.connection.creation.rate")
KNOWN_CLASSES: Mapping[str, frozenset[str]] = {
    "metric.reporters": frozenset({"org.apache.kafka.common.metrics.JmxReporter"}),
    "principal.builder.class": frozenset(
        {"org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"}
    ),
}
_LISTENER_PREFIX = "listener.name."
_EVERY_DIRECTORY = "*"


def check_dynamic_configs(
    static: ServerConfig, before: Mapping[str, str], after: Mapping[str, str], *, cluster_wide: bool
) -> None:
    """`before`, `after`: all dynamic configs of one broker, or of all. Raises `ConfigError`."""

    def with_layer(layer: Mapping[str, str]) -> ServerConfig:
        return static.with_dynamic(layer, {}) if cluster_wide else static.with_dynamic({}, layer)

    changed = {name: text for name, text in after.items() if before.get(name) != text}
    _check_listener_keys(changed, cluster_wide=cluster_wide)
    wanted = with_layer(after)
    if changed.keys() & THREAD_POOLS:
        _check_thread_pools(with_layer(before), wanted, changed)
    for name in changed.keys() & AT_LEAST_ONE:
        if wanted.get_int(name) < 1:
            raise ConfigError(name, after[name], "it must be at least 1: nobody could connect any more")
    _check_connections_of_hosts(wanted)
    for name in changed.keys() & KNOWN_CLASSES.keys():
        if not set(_items(after[name])) <= KNOWN_CLASSES[name]:
            raise ConfigError(name, after[name], "no class can be loaded here")
    _check_cordoned(wanted)
    _check_protocols(with_layer(before), wanted)
    check_server_config(wanted)


def _check_listener_keys(changed: Mapping[str, str], *, cluster_wide: bool) -> None:
    for name in changed:
        if name in OF_ONE_LISTENER:
            raise ConfigError(name, None, f"it can be changed for one listener only: {_LISTENER_PREFIX}NAME.{name}")
        if name.startswith(_LISTENER_PREFIX):
            _, _, key = name.removeprefix(_LISTENER_PREFIX).partition(".")
            if key not in BROKER_DEFINITIONS:
                key = key.partition(".")[2]  # of a SASL mechanism
            if cluster_wide and key in PER_BROKER:
                raise ConfigError(name, None, "it can be set for one broker only")
            if key in BROKER_DEFINITIONS:
                _check_value(name, BROKER_DEFINITIONS[key], changed[name])


def _check_value(name: str, definition: ConfigDefinition, text: str) -> None:
    try:
        definition.parse(text)
    except ConfigError as error:
        raise ConfigError(name, error.value, error.allowed) from None


def _check_thread_pools(current: ServerConfig, wanted: ServerConfig, changed: Mapping[str, str]) -> None:
    for name in THREAD_POOLS:
        if name not in changed:
            continue
        now, new = current.get_int(name), wanted.get_int(name)
        least, most = max(now // 2, 1), now * 2
        if not least <= new <= most:
            raise ConfigError(name, str(new), f"it must be {least} to {most}: at most half or double")


def _check_connections_of_hosts(config: ServerConfig) -> None:
    key = "max.connections.per.ip.overrides"
    overrides = config.get_str(key)
    for item in _items(overrides):
        host, _, count = item.rpartition(":")
        if not host or not count.isdigit():
            raise ConfigError(key, item, "each item must be HOST:COUNT")
    if not overrides and config.get_int("max.connections.per.ip") == 0:
        raise ConfigError("max.connections.per.ip", "0", f"it may be 0 only where {key} lets somebody in")


def _check_protocols(current: ServerConfig, wanted: ServerConfig) -> None:
    there = current.security_protocols
    for name, protocol in wanted.security_protocols.items():
        if there.get(name, protocol) != protocol:
            key = "listener.security.protocol.map"
            raise ConfigError(key, wanted.get_str(key), f"listener {name} is there already, and speaks {there[name]}")


def _check_cordoned(config: ServerConfig) -> None:
    key = "cordoned.log.dirs"
    missing = set(config.get_list(key)) - {*config.log_dirs, _EVERY_DIRECTORY}
    if missing:
        raise ConfigError(key, ",".join(sorted(missing)), "each must be one of log.dirs")


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
