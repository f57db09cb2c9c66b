"""The JMX exporter beside Apache Kafka: its agent (by Maven, once), and the rules by which it makes names.

The rules are those that Strimzi ships for Kafka in KRaft mode, which go on from the exporter's own example for Kafka 2,
and two for what they leave out: coordinators, as the exporter's example has them, and `group-coordinator-metrics` after
the same pattern. They are facts of an interface, restated; Ottla's names are what they make of Kafka's MBeans.
"""

from __future__ import annotations

from typing import Final

from tests.peers.apache_kafka import fetched_jars

VERSION: Final = "1.0.1"

_QUANTILE: Final = "<>(\\d+)thPercentile"

RULES: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    (
        "kafka.server<type=(.+), name=(.+), clientId=(.+), topic=(.+), partition=(.*)><>Value",
        "kafka_server_$1_$2",
        "GAUGE",
        {"clientId": "$3", "topic": "$4", "partition": "$5"},
    ),
    (
        "kafka.coordinator.(\\w+)<type=(.+), name=(.+)><>Value",
        "kafka_coordinator_$1_$2_$3",
        "GAUGE",
        {},
    ),
    (
        "kafka.server<type=(group|transaction)-coordinator-metrics, (protocol|state)=(.+)><>(.+):",
        "kafka_server_$1_coordinator_metrics_$4",
        "GAUGE",
        {"$2": "$3"},
    ),
    (
        "kafka.server<type=(.+), clientSoftwareName=(.+), clientSoftwareVersion=(.+), listener=(.+), "
        "networkProcessor=(.+)><>connections",
        "kafka_server_$1_connections_software",
        "GAUGE",
        {
            "clientSoftwareName": "$2",
            "clientSoftwareVersion": "$3",
            "listener": "$4",
            "networkProcessor": "$5",
        },
    ),
    (
        "kafka.server<type=(.+), listener=(.+), networkProcessor=(.+)><>(.+-total)",
        "kafka_server_$1_$4",
        "COUNTER",
        {"listener": "$2", "networkProcessor": "$3"},
    ),
    (
        "kafka.server<type=(.+), listener=(.+), networkProcessor=(.+)><>(.+):",
        "kafka_server_$1_$4",
        "GAUGE",
        {"listener": "$2", "networkProcessor": "$3"},
    ),
    ("kafka.(\\w+)<type=(.+), name=(.+)Percent\\w*><>MeanRate", "kafka_$1_$2_$3_percent", "GAUGE", {}),
    ("kafka.(\\w+)<type=(.+), name=(.+)Percent\\w*><>Value", "kafka_$1_$2_$3_percent", "GAUGE", {}),
    (
        "kafka.(\\w+)<type=(.+), name=(.+)PerSec\\w*, (.+)=(.+), (.+)=(.+)><>Count",
        "kafka_$1_$2_$3_total",
        "COUNTER",
        {"$4": "$5", "$6": "$7"},
    ),
    ("kafka.(\\w+)<type=(.+), name=(.+)PerSec\\w*, (.+)=(.+)><>Count", "kafka_$1_$2_$3_total", "COUNTER", {"$4": "$5"}),
    ("kafka.(\\w+)<type=(.+), name=(.+)PerSec\\w*><>Count", "kafka_$1_$2_$3_total", "COUNTER", {}),
    (
        "kafka.(\\w+)<type=(.+), name=(.+), (.+)=(.+), (.+)=(.+)><>Value",
        "kafka_$1_$2_$3",
        "GAUGE",
        {"$4": "$5", "$6": "$7"},
    ),
    ("kafka.(\\w+)<type=(.+), name=(.+), (.+)=(.+)><>Value", "kafka_$1_$2_$3", "GAUGE", {"$4": "$5"}),
    ("kafka.(\\w+)<type=(.+), name=(.+)><>Value", "kafka_$1_$2_$3", "GAUGE", {}),
    ("kafka.(\\w+)<type=(.+), name=(.+), (.+)=(.+)><>Count", "kafka_$1_$2_$3_count", "COUNTER", {"$4": "$5"}),
    (
        f"kafka.(\\w+)<type=(.+), name=(.+), (.+)=(.*)>{_QUANTILE}",
        "kafka_$1_$2_$3",
        "GAUGE",
        {"$4": "$5", "quantile": "0.$6"},
    ),
    (
        "kafka.server<type=raft-metrics><>(current-state): (.+)",
        "kafka_server_raftmetrics_$1",
        "UNTYPED",
        {"$1": "$2"},
    ),
    ("kafka.server<type=raft-metrics><>(.+):", "kafka_server_raftmetrics_$1", "GAUGE", {}),
    ("kafka.server<type=broker-metadata-metrics><>(.+):", "kafka_server_brokermetadatametrics_$1", "GAUGE", {}),
)


def rules_text() -> str:
    """The exporter's configuration file."""
    lines = ["lowercaseOutputName: true", "rules:"]
    for pattern, name, kind, labels in RULES:
        lines += [f"- pattern: '{pattern}'", f"  name: '{name}'", f"  type: {kind}"]
        if name.endswith("raftmetrics_$1") and kind == "UNTYPED":
            lines.append("  value: 1")
        if labels:
            lines.append("  labels:")
            lines += [f"    '{label}': '{value}'" for label, value in labels.items()]
    return "\n".join(lines) + "\n"


def agent_option(port: int) -> str:
    """What makes a JVM serve its metrics on `port` of the loopback."""
    lib = fetched_jars("jmx-exporter-" + VERSION, (("io.prometheus.jmx", "jmx_prometheus_javaagent", VERSION),))
    rules = lib.parent / "kafka.yml"
    rules.write_text(rules_text())
    return f"-javaagent:{lib}/jmx_prometheus_javaagent-{VERSION}.jar=127.0.0.1:{port}:{rules}"
