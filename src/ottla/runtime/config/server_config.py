"""The configuration of a node: `server.properties`, what was set at run time over it, and Kafka's defaults under it.

    strongest   dynamic, for this broker        IncrementalAlterConfigs of BROKER "1"
                dynamic, for every broker       IncrementalAlterConfigs of BROKER ""
                static                          --set, --listen, --data, server.properties, `static_config.py`
    weakest     default                         `broker.BROKER_CONFIGS`

A key that Kafka does not know is kept and reported (`unknown_keys`), as is a known one without effect in Ottla yet
(`ineffective_keys`); neither is an error. A wrong value is a `ConfigError` with the key, the value and what is allowed.
Variables of the dynamic layers are replaced by the providers of the static one, where they are replaced already
(KIP-421).
"""

import os
from collections.abc import Mapping
from functools import cached_property

from ottla.runtime.config.broker import BROKER_CONFIGS
from ottla.runtime.config.definition import ConfigError, Definitions, Value, parse_all
from ottla.runtime.config.dynamic import DYNAMIC_ONLY_CONFIGS
from ottla.runtime.config.effective import EFFECTIVE_KEYS
from ottla.runtime.config.endpoints import Endpoint, QuorumVoter, parse_endpoints, parse_protocol_map, parse_voters
from ottla.runtime.config.providers import KEY as PROVIDERS
from ottla.runtime.config.providers import resolve_variables
from ottla.runtime.config.synonyms import BROKER_SYNONYMS, same_broker_configs
from ottla.runtime.config.topic import TOPIC_CONFIGS
from ottla.runtime.config.typed_values import TypedValues

BROKER_DEFINITIONS: Definitions = BROKER_CONFIGS | DYNAMIC_ONLY_CONFIGS
_DEFAULT_PROTOCOL_MAP = BROKER_CONFIGS["listener.security.protocol.map"].default
_LISTENER_PREFIX = "listener.name."
_JAAS_CONFIG = "sasl.jaas.config"  # of a listener and a mechanism only
AUTHORIZER_CONFIGS = frozenset({"super.users", "allow.everyone.if.no.acl.found"})
"""What the standard authorizer reads beside Kafka's own definitions."""

METRICS_LISTEN = "ottla.metrics.listen"
METRICS_TLS = tuple(f"ottla.metrics.tls.{name}" for name in ("certificate", "key", "ca", "client.auth"))
"""Files of PEM, and none, requested or required: `TlsFiles` of the metrics' listener."""
LOG_FORMAT = "ottla.log.format"
LOG_LEVEL = "ottla.log.level"
OTLP_ENDPOINT = "ottla.otlp.endpoint"
TRACES_ENDPOINT = "ottla.traces.endpoint"
OWN_CONFIGS = frozenset({METRICS_LISTEN, *METRICS_TLS, LOG_FORMAT, LOG_LEVEL, OTLP_ENDPOINT, TRACES_ENDPOINT})
"""Ottla's own, which Kafka does not know: of the process, before there is a node. See `ottla start --help`."""


class ServerConfig(TypedValues):
    """The effective broker configs, and what follows from them. Immutable: `with_dynamic` makes another."""

    def __init__(
        self,
        static: Mapping[str, str],
        explicit: frozenset[str],
        dynamic_default: Mapping[str, str],
        dynamic_broker: Mapping[str, str],
    ) -> None:
        self.static = static
        """Keys and texts of the static layer, embedded defaults and unknown keys included."""
        self.explicit = explicit
        """Keys of the static layer that someone set."""
        self.dynamic_default = dynamic_default
        self.dynamic_broker = dynamic_broker
        """Both as they were set, variables and all."""
        replaced = [resolve_variables(layer, os.environ, static) for layer in (dynamic_default, dynamic_broker)]
        self._layers = (static, *replaced)
        values = parse_all(BROKER_DEFINITIONS, static.items())
        for layer in replaced:
            for name in layer:
                for same in same_broker_configs(name):  # a stronger layer also beats what says the same in other words
                    values.pop(same, None)
            values.update(parse_all(BROKER_DEFINITIONS, layer.items()))
        super().__init__(BROKER_DEFINITIONS, values)

    def with_dynamic(self, dynamic_default: Mapping[str, str], dynamic_broker: Mapping[str, str]) -> "ServerConfig":
        """The same node with these configs of the cluster (BROKER "") and of this broker. Raises `ConfigError`."""
        return ServerConfig(self.static, self.explicit, dynamic_default, dynamic_broker)

    def own(self, name: str) -> str | None:
        """The text of one of `OWN_CONFIGS`."""
        return self.static.get(name)

    @property
    def unknown_keys(self) -> list[str]:
        """Keys set that Kafka does not define."""
        return sorted(key for key in self.explicit - OWN_CONFIGS if not _is_known(key))

    @property
    def ineffective_keys(self) -> list[str]:
        """Keys set that Kafka defines and that have no effect in Ottla yet."""
        effective = EFFECTIVE_KEYS | AUTHORIZER_CONFIGS | {_JAAS_CONFIG}
        ineffective = {key for key in self.explicit if _is_known(key) and not effective & _names_of(key)}
        return sorted(ineffective | (self.explicit & {_JAAS_CONFIG}))

    @property
    def node_id(self) -> int:
        return self.get_int("node.id")

    @property
    def is_broker(self) -> bool:
        return "broker" in self.get_list("process.roles")

    @property
    def is_controller(self) -> bool:
        return "controller" in self.get_list("process.roles")

    @property
    def log_dirs(self) -> tuple[str, ...]:
        """The folders of `log.dirs`, or of `log.dir`."""
        return self.get_list("log.dirs") or self.get_list("log.dir")

    @property
    def metadata_log_dir(self) -> str:
        """Where `__cluster_metadata-0` lies: `metadata.log.dir`, or the first log directory."""
        return self.get_optional_str("metadata.log.dir") or self.log_dirs[0]

    @cached_property
    def controller_listener_names(self) -> tuple[str, ...]:
        """In upper case; empty where the controller has no listener of its own."""
        if "controller.listener.names" not in self.values:
            return ()
        return tuple(name.upper() for name in self.get_list("controller.listener.names"))

    @cached_property
    def security_protocols(self) -> dict[str, str]:
        """Security protocol by listener name.

        As in Kafka, a controller listener that a default map does not name is PLAINTEXT.
        """
        key = "listener.security.protocol.map"
        text = self.get_str(key)
        protocols = parse_protocol_map(key, text)
        if text == _DEFAULT_PROTOCOL_MAP:
            for name in self.controller_listener_names:
                protocols.setdefault(name, "PLAINTEXT")
        return protocols

    @cached_property
    def listeners(self) -> tuple[Endpoint, ...]:
        """What the node listens on, controller listeners included."""
        return parse_endpoints("listeners", self.get_list("listeners"), self.security_protocols)

    @cached_property
    def broker_listeners(self) -> tuple[Endpoint, ...]:
        """What clients and brokers connect to: every listener but the controller's."""
        return tuple(one for one in self.listeners if one.listener_name not in self.controller_listener_names)

    @cached_property
    def controller_listeners(self) -> tuple[Endpoint, ...]:
        return tuple(one for one in self.listeners if one.listener_name in self.controller_listener_names)

    @cached_property
    def advertised_listeners(self) -> tuple[Endpoint, ...]:
        """What is told to clients: `advertised.listeners`, or the listeners; never the controller's.

        An empty host (every interface) and port 0 (any free one) are for the node to fill in.
        """
        key = "advertised.listeners"
        given = self.get_list(key)
        advertised = parse_endpoints(key, given, self.security_protocols) if given else self.listeners
        return tuple(one for one in advertised if one.listener_name not in self.controller_listener_names)

    @cached_property
    def advertised_controller_listeners(self) -> tuple[Endpoint, ...]:
        """What is told to other nodes of this controller: as `advertised.listeners` says, or the listeners."""
        key = "advertised.listeners"
        given = parse_endpoints(key, self.get_list(key), self.security_protocols) if self.get_list(key) else ()
        advertised = {one.listener_name: one for one in given}
        return tuple(advertised.get(one.listener_name, one) for one in self.controller_listeners)

    @property
    def inter_broker_listener_name(self) -> str:
        """By name, or the first that speaks `security.inter.broker.protocol`, which is named like it."""
        name = self.get_optional_str("inter.broker.listener.name")
        return (name or self.get_str("security.inter.broker.protocol")).upper()

    @cached_property
    def quorum_voters(self) -> tuple[QuorumVoter, ...]:
        """`controller.quorum.voters`: empty for a quorum that keeps its voters in its log (KIP-853)."""
        key = "controller.quorum.voters"
        return parse_voters(key, self.get_list(key))

    def listener_override(self, listener_name: str, name: str) -> Value:
        """The value of a config for one listener: `listener.name.<name>.<key>`, else that of the key itself."""
        key = f"{_LISTENER_PREFIX}{listener_name.lower()}.{name}"
        for layer in reversed(self._layers):
            if key in layer:
                return self.definitions[name].parse(layer[key])
        return self.get(name)

    def mechanism_override(self, listener_name: str, mechanism: str, name: str) -> Value:
        """The value for a SASL mechanism of a listener: `listener.name.<name>.<mechanism>.<key>`, or the listener's."""
        key = f"{_LISTENER_PREFIX}{listener_name.lower()}.{mechanism.lower()}.{name}"
        for layer in reversed(self._layers):
            if key in layer:
                return self.definitions[name].parse(layer[key])
        return self.listener_override(listener_name, name)

    def topic_default(self, name: str) -> Value:
        """The value of a topic config where the topic does not set it."""
        for synonym in BROKER_SYNONYMS.get(name, ()):
            value = self.get(synonym.name)
            if value is not None:
                if synonym.factor != 1 and isinstance(value, int):
                    return value * synonym.factor if value >= 0 else -1
                return -1 if name == "retention.ms" and isinstance(value, int) and value < 0 else value
        default = TOPIC_CONFIGS[name].default
        assert default is None or isinstance(default, bool | int | float | str | tuple)
        return default

    def topic_config(self, overrides: Mapping[str, str]) -> TypedValues:
        """All configs of a topic that sets these. Raises `ConfigError`; names that are none are left out."""
        values = {name: self.topic_default(name) for name in TOPIC_CONFIGS}
        values.update(parse_all(TOPIC_CONFIGS, overrides.items()))
        return TypedValues(TOPIC_CONFIGS, values)


def check_topic_overrides(overrides: Mapping[str, str]) -> None:
    """What Kafka checks of the configs of a topic (`LogConfig.validate`). Raises `ConfigError`."""
    for name in overrides:
        if name not in TOPIC_CONFIGS:
            raise ConfigError(name, overrides[name], "no topic config has that name")
    values = parse_all(TOPIC_CONFIGS, overrides.items())
    least, most = values.get("min.compaction.lag.ms", 0), values.get("max.compaction.lag.ms", 2**63 - 1)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        raise ConfigError("min.compaction.lag.ms", str(least), f"it must not exceed max.compaction.lag.ms ({most})")


def _is_known(key: str) -> bool:
    return any(name in BROKER_DEFINITIONS or name in AUTHORIZER_CONFIGS for name in _names_of(key))


def _names_of(key: str) -> set[str]:
    """The config that a key may mean: itself, or what stands behind `listener.name.<name>.` and a SASL mechanism."""
    if key.startswith(f"{PROVIDERS}."):
        return {PROVIDERS}
    if not key.startswith(_LISTENER_PREFIX):
        return {key}
    _, _, suffix = key.removeprefix(_LISTENER_PREFIX).partition(".")
    return {suffix, suffix.partition(".")[2]}
