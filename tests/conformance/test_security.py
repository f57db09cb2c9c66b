"""Security by others' hands: Apache Kafka's own tools and confluent-kafka against a node with SASL and ACLs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient
from tests.interop.security_scenarios import SETTINGS
from tests.peers.apache_kafka import run_java
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = (
    "security.protocol=SASL_PLAINTEXT\n"
    "sasl.mechanism=PLAIN\n"
    "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="admin" password="admin-secret";\n'
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaNode]:
    settings = SETTINGS | {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"}
    with OttlaNode(tmp_path_factory.mktemp("secured"), settings) as made:
        yield made


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "admin.properties"
    path.write_text(ADMIN)
    return str(path)


def tool(main_class: str, node: OttlaNode, config: str, *words: str) -> str:
    return run_java(main_class, "--bootstrap-server", node.address, "--command-config", config, *words).stdout


def scram_user(node: OttlaNode, mechanism: str, name: str, password: str) -> dict[str, str]:
    return {
        "bootstrap.servers": node.address,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.username": name,
        "sasl.password": password,
    }


@pytest.mark.java
def test_kafka_acls(node: OttlaNode, config: str) -> None:
    acls = "org.apache.kafka.tools.AclCommand"
    tool(acls, node, config, "--add", "--allow-principal", "User:dora", "--operation", "Read", "--topic", "tool-topic")
    assert "principal=User:dora" in tool(acls, node, config, "--list", "--topic", "tool-topic")
    tool(acls, node, config, "--remove", "--force", "--topic", "tool-topic")
    assert "User:dora" not in tool(acls, node, config, "--list", "--topic", "tool-topic")


@pytest.mark.java
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_kafka_configs_makes_a_user_who_logs_in(node: OttlaNode, config: str, mechanism: str) -> None:
    configs = "kafka.admin.ConfigCommand"
    change = f"{mechanism}=[password=dora-secret]"
    tool(configs, node, config, "--alter", "--entity-type", "users", "--entity-name", "dora", "--add-config", change)
    described = tool(configs, node, config, "--describe", "--entity-type", "users", "--entity-name", "dora")
    assert mechanism in described
    assert "secret" not in described
    dora = AdminClient({**scram_user(node, mechanism, "dora", "dora-secret")})
    assert dora.list_topics(timeout=60).brokers


@pytest.mark.long
@pytest.mark.java
def test_kafka_configs_sets_a_quota(node: OttlaNode, config: str) -> None:
    configs = "kafka.admin.ConfigCommand"
    entity = ("--entity-type", "clients", "--entity-name", "measured")
    tool(configs, node, config, "--alter", *entity, "--add-config", "producer_byte_rate=1000000")
    assert "producer_byte_rate=1000000" in tool(configs, node, config, "--describe", *entity)
    tool(configs, node, config, "--alter", *entity, "--delete-config", "producer_byte_rate")
    assert "producer_byte_rate" not in tool(configs, node, config, "--describe", *entity)


@pytest.mark.long
@pytest.mark.java
def test_kafka_delegation_tokens(node: OttlaNode, config: str) -> None:
    tokens = "org.apache.kafka.tools.DelegationTokenCommand"
    made = tool(tokens, node, config, "--create", "--max-life-time-period", "-1")
    found = re.search(r"^(\S+)\s+(\S+==?)\s+User:admin", made, re.MULTILINE)
    assert found is not None, made
    token_id, secret = found.groups()
    mine = ("--describe", "--owner-principal", "User:admin")
    assert token_id in tool(tokens, node, config, *mine)
    tool(tokens, node, config, "--renew", "--renew-time-period", "-1", "--hmac", secret)
    tool(tokens, node, config, "--expire", "--expiry-time-period", "-1", "--hmac", secret)
    assert token_id not in tool(tokens, node, config, *mine)
