"""The static layer of a node's configuration: `server.properties`, and what Ottla assumes where that is silent."""

from collections.abc import Mapping

from ottla.runtime.config.server_config import ServerConfig
from ottla.runtime.config.validation import check_server_config

EMBEDDED_DEFAULTS: dict[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "log.dirs": "data",
    "listeners": "PLAINTEXT://127.0.0.1:9092",
}
"""What Ottla assumes where Kafka requires a key, or has a default that suits no one who just tries it (`/tmp`; every
interface). No controller listener: a quorum of one needs none."""

SINGLE_NODE_DEFAULTS: dict[str, str] = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
"""What Ottla assumes on a node that is its whole quorum: Kafka's defaults (3, 3, 2, 3, 2) cannot be met there."""


def server_config_of(properties: Mapping[str, str]) -> ServerConfig:
    """Of the keys and values of a `server.properties`, command-line settings already laid over them.

    Raises `ConfigError`, also where values do not go together.
    """
    static = dict(properties)
    if "log.dir" in static:
        static.setdefault("log.dirs", static["log.dir"])
    if "broker.id" in static:
        static.setdefault("node.id", static["broker.id"])
    static = EMBEDDED_DEFAULTS | static
    static.setdefault("broker.id", static["node.id"])
    quorum = static.get("controller.quorum.voters") or static.get("controller.quorum.bootstrap.servers") or ""
    if "," not in quorum and {"broker", "controller"} <= {r.strip() for r in static["process.roles"].split(",")}:
        static = SINGLE_NODE_DEFAULTS | static
    config = ServerConfig(static, frozenset(properties), {}, {})
    check_server_config(config)
    return config
