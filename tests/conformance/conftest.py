"""Nodes of each kind: as they come, and with SASL, an authorizer and delegation tokens, and its administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import TEST_SETTINGS
from tests.interop.security_scenarios import SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_cli import InProcessCli
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

LOGIN = {
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": "PLAIN",
    "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="admin" password="admin-secret";',
}
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule required"
NODE = {
    **SETTINGS,
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.plaintext.scram-sha-256.sasl.jaas.config": f"{SCRAM_MODULE};",
    "listener.name.plaintext.scram-sha-512.sasl.jaas.config": f"{SCRAM_MODULE};",
    "transaction.partition.verification.enable": "false",
    "transaction.state.log.num.partitions": "2",
    "offsets.topic.num.partitions": "2",
}
KINDS = ["ottla", pytest.param("apache-kafka", marks=[pytest.mark.java, pytest.mark.long])]


@pytest.fixture(scope="session", params=KINDS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """The session's node, and where everything runs one of Apache Kafka as well."""
    if request.param == "ottla":
        yield request.getfixturevalue("node")
    else:
        with KafkaNode(tmp_path_factory.mktemp("kafka"), TEST_SETTINGS) as node:
            yield node


@pytest.fixture(scope="session", params=KINDS)
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    kind = OttlaNode if request.param == "ottla" else KafkaNode
    with kind(tmp_path_factory.mktemp("secured"), NODE) as node:
        yield node


@pytest.fixture(scope="session")
def admin(secured: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> InProcessCli:
    return as_user(secured, tmp_path_factory.mktemp("client"), LOGIN)


def as_user(node: NodeProcess, directory: Path, login: dict[str, str]) -> InProcessCli:
    file = directory / "client.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in login.items()))
    return InProcessCli(("--bootstrap", node.address, "--command-config", str(file)))
