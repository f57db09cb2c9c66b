"""A plugin of pytest for kafka-python's tests: their fixture of a broker is a node of the peer under test.

Loaded by `-p` in kafka-python's own folder, before its conftest. It stands in for `test/service.py`, which the source
distribution leaves out, and for the part of `KafkaFixture` that starts a broker; everything else is kafka-python's.
"""

from __future__ import annotations

import os
import sys
import tempfile
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from tests.foreign.peers import AUTHORIZER, make_node
from tests.peers.apache_kafka import run_java
from tests.peers.certificates import Authority

if TYPE_CHECKING:
    from tests.foreign.results import Peer
    from tests.peers.process import NodeProcess

LOGS = Path(os.environ["OTTLA_FOREIGN_LOGS"])
PEER = cast("Peer", os.environ["OTTLA_FOREIGN_PEER"])
ADMIN_TIMEOUT_S = 30.0


def settings_for(broker: Any, certificates: Path) -> dict[str, str]:
    """What kafka-python's template of `server.properties` says for the listener that `broker` describes.

    A node for SCRAM takes PLAIN too, so that somebody can come in and make the first user.
    """
    user, password, mechanism = broker.broker_user, broker.broker_password, broker.sasl_mechanism
    settings = AUTHORIZER | {
        "super.users": f"User:ANONYMOUS;User:{user}",
        "num.partitions": str(broker.partitions),
        "auto.create.topics.enable": str(broker.auto_create_topic).lower(),
        "node.id": "0",  # which test_create_partitions takes for granted
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",  # test_group asks for 3000, less than a broker grants by default
        "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,PLAINTEXT:{broker.transport}",
    }
    if mechanism:
        modules, login = "org.apache.kafka.common.security", f'required username="{user}" password="{password}"'
        settings |= {
            "sasl.enabled.mechanisms": ",".join(dict.fromkeys(("PLAIN", mechanism))),
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.plaintext.plain.sasl.jaas.config": (
                f'{modules}.plain.PlainLoginModule {login} user_{user}="{password}";'
            ),
        }
        if mechanism != "PLAIN":
            key = f"listener.name.plaintext.{mechanism.lower()}.sasl.jaas.config"
            settings[key] = f"{modules}.scram.ScramLoginModule {login};"
    if "SSL" in broker.transport:
        settings |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(certificates / "keystore.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(certificates / "ca-cert"),
        }
    return settings


def open_broker(broker: Any) -> None:
    """`KafkaFixture.open`: a node of the peer, running, with the user that the tests log in as."""
    if broker.running:
        return
    folder = Path(tempfile.mkdtemp(prefix="node-", dir=LOGS))
    authority = Authority()
    key, certificate = authority.issue("localhost")
    (folder / "ca-cert").write_text(authority.pem)
    (folder / "keystore.pem").write_text(key + certificate)
    broker.ssl_dir = str(folder)
    broker.node = make_node(PEER, folder, settings_for(broker, folder))
    broker.node.start()
    broker.host, _, port = broker.node.address.rpartition(":")
    broker.port = int(port)
    broker.child = Child()
    broker.running = True
    if (broker.sasl_mechanism or "").startswith("SCRAM"):
        _make_scram_user(broker)


def _make_scram_user(broker: Any) -> None:
    admin = AdminClient(
        {
            "bootstrap.servers": broker.node.address,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": broker.broker_user,
            "sasl.password": broker.broker_password,
        }
    )
    kind = ScramMechanism.SCRAM_SHA_256 if "256" in broker.sasl_mechanism else ScramMechanism.SCRAM_SHA_512
    user = UserScramCredentialUpsertion(
        broker.broker_user, ScramCredentialInfo(kind, 4096), broker.broker_password.encode()
    )
    for done in admin.alter_user_scram_credentials([user]).values():
        done.result(ADMIN_TIMEOUT_S)


def topic_names(broker: Any) -> list[str]:
    """`KafkaFixture.get_topic_names`: as Apache Kafka's own tool lists them."""
    lines = ["security.protocol=" + broker.transport]
    if broker.sasl_mechanism:
        kind = "scram.Scram" if broker.sasl_mechanism.startswith("SCRAM") else "plain.Plain"
        login = f'username="{broker.broker_user}" password="{broker.broker_password}"'
        lines.append("sasl.mechanism=" + broker.sasl_mechanism)
        lines.append(f"sasl.jaas.config=org.apache.kafka.common.security.{kind}LoginModule required {login};")
    config = broker.node.directory / "client.properties"
    config.write_text("\n".join(lines))
    listed = ["--bootstrap-server", broker.node.address, "--command-config", str(config), "--list"]
    return run_java("org.apache.kafka.tools.TopicCommand", *listed).stdout.split()


class Child:
    """What the tests ask of the process of a broker that they started."""

    def dump_logs(self) -> None:
        """The node's output is in its folder."""


def close_broker(broker: Any) -> None:
    node: NodeProcess | None = broker.__dict__.pop("node", None)
    if node is not None:
        broker.running = False
        node.close()


def _install() -> None:
    """Before kafka-python's conftest is imported: the module that is missing, and our way to open a broker."""
    service = types.ModuleType("test.service")
    service.ExternalService = service.SpawnedService = object  # type: ignore[attr-defined]
    sys.modules["test.service"] = service
    os.environ["KAFKA_ROOT"] = str(LOGS)  # only looked at, to see that it is there
    from test.integration.fixtures import KafkaFixture  # type: ignore[import-not-found]

    KafkaFixture.open = open_broker
    KafkaFixture.get_topic_names = topic_names
    KafkaFixture.start = lambda self: self.running
    KafkaFixture.stop = KafkaFixture.close = KafkaFixture.__del__ = close_broker


_install()
