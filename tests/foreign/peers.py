"""A node of either peer for a foreign suite, with the same settings, and Apache Kafka's tools as the suites call them.

Every suite gets a node of its own, fresh, on a free port of the loopback.
"""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import KafkaNode, jars, java_command
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.foreign.results import Peer
    from tests.peers.process import NodeProcess

AUTHORIZER: Final = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin",
    "allow.everyone.if.no.acl.found": "true",
}
"""Suites that make ACLs expect an authorizer that lets everybody do what no ACL speaks of."""
SCRIPTS: Final = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}


def make_node(peer: Peer, directory: Path, settings: Mapping[str, str]) -> NodeProcess:
    """A node that is not started yet; its output is `directory/output.log`. Ottla is told its listener as Kafka is."""
    if peer == "apache-kafka":
        return KafkaNode(directory, settings)
    listener = f"PLAINTEXT://127.0.0.1:{free_port()}"
    return OttlaNode(directory, {"listeners": listener, "advertised.listeners": listener, **settings})


def fresh(folder: Path) -> Path:
    """`folder`, empty: a node must not find what an earlier run left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def kafka_home(place: Path) -> Path:
    """A folder like a distribution of Apache Kafka, made of its jars: `libs`, and those of `bin` that suites call."""
    home = place / "kafka"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    if not (home / "libs").exists():
        (home / "libs").symlink_to(jars())
    for name, main_class in SCRIPTS.items():
        _script(home / "bin" / name, [*java_command(main_class), '"$@"'])
    command = java_command("MAIN")
    command[command.index("-cp") + 1] += ":$CLASSPATH"
    _script(home / "bin" / "kafka-run-class.sh", [*command[:-1], '"$@"'])
    return home


def _script(path: Path, command: list[str]) -> None:
    words = [word if word == '"$@"' else f'"{word}"' for word in command]
    path.write_text(f"#!/bin/sh\nexec {' '.join(words)}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
