"""Clients of other makers come in through TLS, client certificates and every SASL mechanism, and work in a group.

One node asks for SASL inside TLS, the other for a certificate. Passwords of SCRAM users are set by a client, bearer
tokens are signed by a key of the tests, and a delegation token is made by Apache Kafka's own tool.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiokafka
import aiokafka.abc
import aiokafka.conn
import jwt
import kafka
import kafka.errors
import kafka.net.sasl.oauth
import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.conformance.scenarios import unique
from tests.conftest import make_node
from tests.peers.apache_kafka import run_java
from tests.peers.certificates import Authority
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

ISSUER, AUDIENCE = "https://issuer.example", "kafka"
PLAIN, SCRAM_256, SCRAM_512, OAUTHBEARER = "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"
MODULES = "org.apache.kafka.common.security"
RECORDS = 20
TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Way:
    """A way into a node. `mechanism` is empty where the certificate alone says who comes."""

    address: str
    authority: str
    mechanism: str = ""
    name: str = ""
    secret: str = field(default="", repr=False)
    certificate: str = ""
    key: str = ""
    is_token: bool = False
    is_wrong: bool = False

    @property
    def protocol(self) -> str:
        return "SASL_SSL" if self.mechanism else "SSL"

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


class Secured:
    """The two nodes, and the ways into them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir()
        self._authority = Authority()
        self._write("ca.pem", self._authority.pem)
        key, certificate = self._authority.issue("localhost")
        self._write("server.pem", key + certificate)
        self._signer = ec.generate_private_key(ec.SECP256R1())
        public = jwt.algorithms.ECAlgorithm.to_jwk(self._signer.public_key(), as_dict=True)
        jwks = self._write("jwks.json", json.dumps({"keys": [{**public, "kid": "k", "use": "sig", "alg": "ES256"}]}))
        self.jwks = f"file://{jwks}"
        self.sasl = make_node(directory / "sasl", self._sasl_settings())
        self.mutual = make_node(directory / "mutual", self._mutual_settings())

    def _write(self, name: str, text: str) -> str:
        path = self._directory / name
        path.write_text(text)
        return str(path)

    def _tls_settings(self, protocol: str) -> dict[str, str]:
        return {
            "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,PLAINTEXT:{protocol}",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._directory / "server.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._directory / "ca.pem"),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        }

    def _sasl_settings(self) -> dict[str, str]:
        listener = "listener.name.plaintext"
        return self._tls_settings("SASL_SSL") | {
            "sasl.enabled.mechanisms": ",".join((PLAIN, SCRAM_256, SCRAM_512, OAUTHBEARER)),
            "sasl.mechanism.inter.broker.protocol": PLAIN,
            f"{listener}.plain.sasl.jaas.config": (
                f'{MODULES}.plain.PlainLoginModule required username="admin" password="admin-secret"'
                ' user_admin="admin-secret";'
            ),
            f"{listener}.scram-sha-256.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;",
            f"{listener}.scram-sha-512.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;",
            f"{listener}.oauthbearer.sasl.jaas.config": f"{MODULES}.oauthbearer.OAuthBearerLoginModule required;",
            f"{listener}.oauthbearer.sasl.server.callback.handler.class": (
                f"{MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
            "sasl.oauthbearer.jwks.endpoint.url": self.jwks,
            "sasl.oauthbearer.expected.issuer": ISSUER,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "delegation.token.secret.key": "a secret of this cluster",
            "super.users": "User:admin;User:alice;User:carol;User:ANONYMOUS",
        }

    def _mutual_settings(self) -> dict[str, str]:
        return self._tls_settings("SSL") | {
            "ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?),O=(.*?)$/$1@$2/L,DEFAULT",
            "super.users": "User:bob@sales;User:ANONYMOUS",
        }

    def way(self, mechanism: str, **changes: Any) -> Way:
        """That of a client who knows what it takes."""
        authority = str(self._directory / "ca.pem")
        if not mechanism:
            key, certificate = self._authority.issue("Bob", [(NameOID.ORGANIZATION_NAME, "Sales")])
            files = self._write("bob.crt", certificate), self._write("bob.key", key)
            way = Way(self.mutual.address, authority, certificate=files[0], key=files[1])
        else:
            name = {PLAIN: "admin", OAUTHBEARER: "carol"}.get(mechanism, "alice")
            secret = self.bearer(name) if mechanism == OAUTHBEARER else f"{name}-secret"
            way = Way(self.sasl.address, authority, mechanism, name, secret)
        return replace(way, **changes)

    def bearer(self, name: str, *, expires_in_s: int = 3600, audience: str = AUDIENCE) -> str:
        now = int(time.time())
        claims = {"sub": name, "iss": ISSUER, "aud": audience, "iat": now - 60, "exp": now + expires_in_s}
        return jwt.encode(claims, self._signer, algorithm="ES256", headers={"kid": "k"})

    def set_passwords(self) -> None:
        admin = AdminClient(librdkafka_options(self.way(PLAIN)))
        kinds = (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        for kind in kinds:
            wanted = UserScramCredentialUpsertion("alice", ScramCredentialInfo(kind, 4096), b"alice-secret")
            made = admin.alter_user_scram_credentials([wanted])
            assert isinstance(made, dict)
            made["alice"].result(TIMEOUT_S)

        def known() -> bool:
            found = admin.describe_user_scram_credentials(["alice"])
            assert isinstance(found, dict)
            return len(found["alice"].result(TIMEOUT_S).scram_credential_infos) == len(kinds)

        wait_for(known, "alice's credentials")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured") / "files")
    patch = pytest.MonkeyPatch()
    if os.environ.get("OTTLA_TEST_PEER") == "apache-kafka":  # it reads no keys from anywhere it was not told to
        patch.setenv("JAVA_TOOL_OPTIONS", f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={made.jwks}")
    with patch.context(), made.sasl, made.mutual:
        made.set_passwords()
        yield made
    patch.undo()


# --- the libraries, each with what it calls the same things


def librdkafka_options(way: Way) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap.servers": way.address,
        "security.protocol": way.protocol,
        "ssl.ca.location": way.authority,
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 200,
    }
    if way.certificate:
        options |= {"ssl.certificate.location": way.certificate, "ssl.key.location": way.key}
    if way.mechanism == OAUTHBEARER:
        options |= {"oauth_cb": lambda _: (way.secret, time.time() + 3600)}
    elif way.mechanism:
        options |= {"sasl.username": way.name, "sasl.password": way.secret}
    return options | ({"sasl.mechanism": way.mechanism} if way.mechanism else {})


def use_librdkafka(way: Way, topic: str) -> list[bytes]:
    options = librdkafka_options(way)
    told: list[int] = []
    producer = Producer({**options, "error_cb": lambda error: told.append(error.code())})
    for number in range(RECORDS):
        producer.produce(topic, b"%d" % number)
    deadline = time.monotonic() + TIMEOUT_S
    while producer.flush(0.1) and time.monotonic() < deadline:
        if KafkaError._AUTHENTICATION in told:
            producer.purge()
            raise PermissionError("the library says that it cannot authenticate")
    consumer = Consumer({**options, "group.id": topic, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        values: list[bytes] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(values) < RECORDS and time.monotonic() < deadline:
            values += [message.value() or b"" for message in consumer.consume(RECORDS, 0.2) if not message.error()]
        return values
    finally:
        consumer.close()


class KafkaPythonToken(kafka.net.sasl.oauth.AbstractTokenProvider):  # type: ignore[misc]  # untyped
    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def token(self) -> str:
        return self._token


def use_kafka_python(way: Way, topic: str) -> list[bytes]:
    options: dict[str, Any] = {
        "bootstrap_servers": way.address,
        "security_protocol": way.protocol,
        "ssl_context": way.tls(),
        "bootstrap_timeout_ms": 3000 if way.is_wrong else 30_000,  # it tries again and again for so long
    }
    if way.mechanism == OAUTHBEARER:
        options |= {"sasl_mechanism": way.mechanism, "sasl_oauth_token_provider": KafkaPythonToken(way.secret)}
    elif way.mechanism:
        options |= {
            "sasl_mechanism": way.mechanism,
            "sasl_plain_username": way.name,
            "sasl_plain_password": way.secret,
        }
    producer = kafka.KafkaProducer(acks="all", **options)
    for number in range(RECORDS):
        producer.send(topic, b"%d" % number)
    producer.flush(TIMEOUT_S)
    producer.close()
    consumer = kafka.KafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **options)
    try:
        values: list[bytes] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(values) < RECORDS and (left_s := deadline - time.monotonic()) > 0:
            # Not in short polls: a rejoin for new metadata that ends while no poll waits for it is never looked at
            # again, and the consumer stays without partitions and heartbeats (kafka-python 3.0.12).
            values += [record.value for records in consumer.poll(int(left_s * 1000)).values() for record in records]
        return values
    finally:
        consumer.close()


class AiokafkaToken(aiokafka.abc.AbstractTokenProvider):  # type: ignore[misc]  # untyped
    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token


class TokenScram(aiokafka.conn.ScramAuthenticator):  # type: ignore[misc]  # untyped
    """The library's own exchange; it only knows nothing of Kafka's extension for delegation tokens (KIP-48)."""

    def first_message(self) -> str:
        first: str = super().first_message()
        self._auth_message += ",tokenauth=true"
        return first + ",tokenauth=true"


def use_aiokafka(way: Way, topic: str) -> list[bytes]:
    return asyncio.run(_use_aiokafka(way, topic))


async def _use_aiokafka(way: Way, topic: str) -> list[bytes]:
    options: dict[str, Any] = {
        "bootstrap_servers": way.address,
        "security_protocol": way.protocol,
        "ssl_context": way.tls(),
    }
    if way.mechanism == OAUTHBEARER:
        options |= {"sasl_mechanism": way.mechanism, "sasl_oauth_token_provider": AiokafkaToken(way.secret)}
    elif way.mechanism:
        options |= {
            "sasl_mechanism": way.mechanism,
            "sasl_plain_username": way.name,
            "sasl_plain_password": way.secret,
        }
    async with asyncio.timeout(3 if way.is_wrong else TIMEOUT_S):  # for ever, if the token is wrong
        async with aiokafka.AIOKafkaProducer(acks="all", **options) as producer:
            await asyncio.gather(*[await producer.send(topic, b"%d" % number) for number in range(RECORDS)])
        values: list[bytes] = []
        consumer = aiokafka.AIOKafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **options)
        async with consumer:
            while len(values) < RECORDS:
                values.append((await consumer.getone()).value)
        return values


LIBRARIES: Mapping[str, Callable[[Way, str], list[bytes]]] = {
    "librdkafka": use_librdkafka,
    "kafka-python": use_kafka_python,
    "aiokafka": use_aiokafka,
}
REFUSED = (PermissionError, TimeoutError, aiokafka.errors.KafkaError, kafka.errors.KafkaError)


@pytest.mark.parametrize("mechanism", [PLAIN, SCRAM_256, SCRAM_512, OAUTHBEARER, ""], ids=lambda name: name or "mTLS")
@pytest.mark.parametrize("library", LIBRARIES)
def test_who_knows_the_secret_works_as_anybody(secured: Secured, library: str, mechanism: str) -> None:
    values = LIBRARIES[library](secured.way(mechanism), unique("secured"))
    assert sorted(values, key=int) == [b"%d" % number for number in range(RECORDS)]


@pytest.mark.parametrize("mechanism", [PLAIN, SCRAM_256, SCRAM_512, OAUTHBEARER])
@pytest.mark.parametrize("library", LIBRARIES)
def test_who_does_not_is_refused(secured: Secured, library: str, mechanism: str) -> None:
    secret = secured.bearer("carol", audience="somebody else") if mechanism == OAUTHBEARER else "wrong"
    way = secured.way(mechanism, secret=secret, is_wrong=True)
    with pytest.raises(REFUSED):
        LIBRARIES[library](way, unique("refused"))


@pytest.mark.parametrize("library", ["kafka-python", "aiokafka"])
def test_without_a_certificate_nobody_comes_in(secured: Secured, library: str) -> None:
    with pytest.raises(REFUSED):
        LIBRARIES[library](secured.way("", certificate="", key="", is_wrong=True), unique("refused"))


# --- delegation tokens


@pytest.fixture(scope="module")
def token(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Way:
    """alice's, made by Apache Kafka's tool; its id is the name, its HMAC the password."""
    config = tmp_path_factory.mktemp("token") / "alice.properties"
    alice = secured.way(SCRAM_512)
    config.write_text(java_properties(alice))
    made = run_java(
        "org.apache.kafka.tools.DelegationTokenCommand", "--bootstrap-server", alice.address,
        "--command-config", str(config), "--create", "--max-life-time-period", "-1",
    ).stdout  # fmt: skip
    found = re.search(r"^(\S+)\s+(\S+==?)\s+User:alice", made, re.MULTILINE)
    assert found is not None, made
    return replace(alice, name=found[1], secret=found[2], is_token=True)


def java_properties(way: Way) -> str:
    extra = ' tokenauth="true"' if way.is_token else ""
    return (
        f"security.protocol={way.protocol}\n"
        f"sasl.mechanism={way.mechanism}\n"
        "ssl.truststore.type=PEM\n"
        f"ssl.truststore.location={way.authority}\n"
        f"sasl.jaas.config={MODULES}.scram.ScramLoginModule required"
        f' username="{way.name}" password="{way.secret}"{extra};\n'
    )


@pytest.mark.java
def test_a_delegation_token_lets_apache_kafkas_client_in(secured: Secured, token: Way, tmp_path: Path) -> None:
    config = tmp_path / "token.properties"
    config.write_text(java_properties(token))
    topic = unique("by-token")
    common = ("--bootstrap-server", token.address, "--command-config", str(config))
    run_java("org.apache.kafka.tools.TopicCommand", *common, "--create", "--topic", topic)
    listed = run_java("org.apache.kafka.tools.TopicCommand", *common, "--list").stdout
    assert topic in listed.split()
    another = ("--create", "--max-life-time-period", "-1")
    refused = run_java("org.apache.kafka.tools.DelegationTokenCommand", *common, *another, check=False)
    assert refused.returncode != 0
    assert "Delegation Token requests are not allowed" in refused.stdout + refused.stderr


@pytest.mark.java
def test_a_delegation_token_lets_aiokafka_in(secured: Secured, token: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiokafka.conn, "ScramAuthenticator", TokenScram)
    values = use_aiokafka(replace(token, mechanism=SCRAM_256), unique("by-token"))
    assert sorted(values, key=int) == [b"%d" % number for number in range(RECORDS)]
    with pytest.raises(REFUSED):
        use_aiokafka(replace(token, secret="bm90IHRoZSBobWFj", is_wrong=True), unique("refused"))
