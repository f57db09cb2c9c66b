"""Applications come in through TLS, by passwords and by certificates: with librdkafka, and our own client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.peers.certificates import Authority
from tests.peers.ottla_node import OttlaNode
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, GROUP_SETTINGS, QUICK, STREAMS
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines
from tests.streams.dsl_word_count import topology

from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.timeout(200), pytest.mark.long]
MODULES: Final = "org.apache.kafka.common.security"


class Secured:
    """What a node with TLS is told, and what those who want in."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = Authority()
        self.authority = self._write("ca.pem", self._authority.pem)
        self._server = self._write("server.pem", "".join(self._authority.issue("localhost")))

    def _write(self, name: str, text: str) -> str:
        path = self._directory / name
        path.write_text(text)
        return str(path)

    def node(self, protocol: str) -> dict[str, str]:
        settings = GROUP_SETTINGS | {
            "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,PLAINTEXT:{protocol}",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._server,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin;User:CN=Bob;User:ANONYMOUS",
        }
        if protocol == "SSL":
            return settings | {"ssl.client.auth": "required"}
        return settings | {
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.plaintext.plain.sasl.jaas.config": (
                f'{MODULES}.plain.PlainLoginModule required username="admin" password="secret" user_admin="secret";'
            ),
        }

    def application(self, protocol: str, password: str = "secret") -> dict[str, str]:
        """Under the keys of Kafka's clients."""
        settings = {
            "security.protocol": protocol,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority,
        }
        if protocol == "SSL":
            key, certificate = self._authority.issue("Bob")
            return settings | {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": self._write("bob.pem", key + certificate),
            }
        module = f"{MODULES}.plain.PlainLoginModule"
        return settings | {
            "sasl.mechanism": "PLAIN",
            "sasl.jaas.config": f'{module} required username="admin" password="{password}";',
        }

    def client(self, protocol: str) -> dict[str, Any]:
        """Under librdkafka's keys."""
        options = {"security.protocol": protocol, "ssl.ca.location": self.authority}
        if protocol == "SSL":
            pem = str(self._directory / "bob.pem")
            return options | {"ssl.certificate.location": pem, "ssl.key.location": pem}
        return options | {"sasl.mechanism": "PLAIN", "sasl.username": "admin", "sasl.password": "secret"}


@pytest.fixture
def secured(tmp_path: Path) -> Secured:
    return Secured(tmp_path)


def application(tmp_path: Path, bootstrap: str, settings: dict[str, str]) -> KafkaStreams:
    needed = {"application.id": "word-count", "bootstrap.servers": bootstrap, "state.dir": str(tmp_path / "state")}
    config = needed | QUICK | EXACTLY_ONCE | {"statestore.cache.max.bytes": "0"} | settings
    return KafkaStreams(topology({}).build(config), config)


@pytest.mark.parametrize("protocol", [CLASSIC, STREAMS], ids=["classic", "streams"])
@pytest.mark.parametrize("security", ["SASL_SSL", "SSL"])
def test_an_application_works_through_it(
    tmp_path: Path, secured: Secured, security: str, protocol: dict[str, str]
) -> None:
    own = secured.application(security)
    client = secured.client(security)
    with OttlaNode(tmp_path / "node", secured.node(security)) as node:
        make_topics(node.address, client=client)
        words = send_lines(node.address, some_lines(300, 1), client=client)
        with application(tmp_path, node.address, own | protocol) as app:
            app.wait_until_running()
            assert_exactly_once(read_counts(node.address, words, client=client), words)


def test_a_wrong_password_ends_it_with_a_word_about_it(tmp_path: Path, secured: Secured) -> None:
    with OttlaNode(tmp_path / "node", secured.node("SASL_SSL")) as node:
        app = application(tmp_path, node.address, secured.application("SASL_SSL", "wrong") | STREAMS)
        with pytest.raises(StreamsError, match=r"(?i)authentication|password|SASL"):
            app.start()
            app.wait_until_running(60)
        app.close()
