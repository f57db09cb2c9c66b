"""Settings in variables of the environment, as the image `apache/kafka` takes them (KIP-975).

KAFKA_LOG_RETENTION_MS                 ─► log.retention.ms
KAFKA_LISTENER_NAME_A__B_SSL_KEY_TYPE  ─► listener.name.a_b.ssl.key.type     two underscores are one
KAFKA_SOME___KEY                       ─► some-key                           three are a dash
"""

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "KAFKA_"
OF_JAVA: Final = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "VERSION",
        "HEAP_OPT",
        "HEAP_OPTS",
        "LOG4J_OPTS",
        "OPTS",
        "JMX_OPTS",
        "JMX_PORT",
        "JMX_HOSTNAME",
        "JVM_PERFORMANCE_OPTS",
        "GC_LOG_OPTS",
        "LOG4J_ROOT_LOGLEVEL",
        "LOG4J_LOGGERS",
        "TOOLS_LOG4J_LOGLEVEL",
    )
)
"""Variables that are no settings of a node."""


def properties_in(environment: Mapping[str, str]) -> dict[str, str]:
    """In the order of their names."""
    return {
        _key(name): environment[name]
        for name in sorted(environment)
        if name.startswith(PREFIX) and name != PREFIX and name not in OF_JAVA
    }


def _key(name: str) -> str:
    dotted = name.removeprefix(PREFIX).lower().replace("_", ".")
    return dotted.replace("...", "-").replace("..", "_")
