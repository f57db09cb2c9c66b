"""TLS over real sockets: bytes and regions arrive whole, certificates are asked for, named and renewed."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, cast

import pytest
from cryptography.x509.oid import NameOID
from tests.peers.certificates import Authority
from tests.unit.broker.wire import Client, Server, framed

from ottla.broker.authentication.tls_principal import PrincipalMapper, distinguished_name
from ottla.broker.listener_security import ListenerSecurity
from ottla.protocol.api.fetch import FetchableTopicResponse, FetchRequest, FetchResponse, PartitionData
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api_keys import ApiKey
from ottla.runtime import tls
from ottla.runtime.clock import SystemClock
from ottla.runtime.config.broker import BROKER_CONFIGS
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.files import FileRegion
from ottla.runtime.tls_context import Setting, client_context, server_contexts

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.broker.request_context import Handler, RequestContext
    from ottla.runtime.config.definition import Value
    from ottla.runtime.files import File

HEARTBEAT = HeartbeatRequest(group_id="g", generation_id=1, member_id="m")


def settings(**given: str) -> Setting:
    texts = {f"ssl.{key.replace('_', '.')}": text for key, text in given.items()}

    def setting(name: str) -> Value:
        definition = BROKER_CONFIGS[name]
        return definition.parse(texts[name]) if name in texts else cast("Value", definition.default)

    return setting


class Node:
    """A server with TLS: heartbeats say who asked, fetches answer with a region of `file`."""

    def __init__(self, security: ListenerSecurity, file: File | None = None, size: int = 0) -> None:
        self.seen: list[str] = []

        def heartbeat(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
            self.seen.append(context.principal)
            return HeartbeatResponse(error_code=0)

        def fetch(context: RequestContext, request: FetchRequest) -> FetchResponse:
            assert file is not None
            data = PartitionData(
                partition_index=0,
                error_code=0,
                high_watermark=1,
                aborted_transactions=None,
                records=cast("bytes", FileRegion(file, 7, size)),
            )
            return FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=[data])])

        table: dict[ApiKey, Handler] = {ApiKey.HEARTBEAT: heartbeat, ApiKey.FETCH: fetch}
        self.server = Server(table, security=security)

    async def __aenter__(self) -> Node:
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.__aexit__()

    async def client(self, context: ssl.SSLContext) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.server.port, ssl=context))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def security(setting: Setting, rules: str = "DEFAULT") -> ListenerSecurity:
    return ListenerSecurity(
        protocol="SSL", clock=SystemClock(), tls=server_contexts(setting), mapper=PrincipalMapper(rules)
    )


def keystore(authority: Authority, path: Path, name: str = "localhost") -> Path:
    path.write_text("".join(authority.issue(name)))
    return path


async def served(client: Client) -> None:
    client.send(HEARTBEAT, 4)
    await client.receive(HeartbeatResponse, 4)


async def test_large_requests_and_file_regions_arrive_whole(authority: Authority, tmp_path: Path) -> None:
    from ottla.runtime.disk import Disk

    content = os.urandom(3_000_000)
    (tmp_path / "records").write_bytes(b"1234567" + content)
    file = Disk().open(tmp_path / "records")
    store = keystore(authority, tmp_path / "server.pem")
    setting = settings(keystore_type="PEM", keystore_location=str(store))
    trust = client_context(settings(truststore_type="PEM", truststore_certificates=authority.pem))
    async with Node(security(setting), file, len(content)) as node:
        client = await node.client(trust)
        client.send(HeartbeatRequest(group_id="g" * 900, generation_id=1, member_id="m"), 4)
        await client.receive(HeartbeatResponse, 4)
        client.send(FetchRequest(max_wait_ms=0, min_bytes=0, topics=[], forgotten_topics_data=[]), 12)
        _, response = await client.receive(FetchResponse, 12)
        records = response.responses[0].partitions[0].records
        assert isinstance(records, memoryview)
        assert records == content
        for _ in range(50):
            client.send(HEARTBEAT, 4)
        for _ in range(50):
            await client.receive(HeartbeatResponse, 4)
        assert set(node.seen) == {"User:ANONYMOUS"}
    file.close()


async def test_a_certificate_says_who_the_client_is(authority: Authority, tmp_path: Path) -> None:
    store = keystore(authority, tmp_path / "server.pem")
    trust = {"truststore_type": "PEM", "truststore_certificates": authority.pem}
    setting = settings(keystore_type="PEM", keystore_location=str(store), client_auth="required", **trust)
    key, chain = authority.issue("alice", [(NameOID.ORGANIZATION_NAME, "Acme, Inc")], password="hidden")
    mine = settings(
        keystore_type="PEM", keystore_key=key, keystore_certificate_chain=chain, key_password="hidden", **trust
    )
    async with Node(security(setting)) as node:
        await served(await node.client(client_context(mine)))
        assert node.seen == [r"User:CN=alice,O=Acme\, Inc"]
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await served(await node.client(client_context(settings(**trust))))
        strangers = Authority("Somebody else")
        key, chain = strangers.issue("alice")
        forged = settings(keystore_type="PEM", keystore_key=key, keystore_certificate_chain=chain, **trust)
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await served(await node.client(client_context(forged)))
        assert len(node.seen) == 1


async def test_rules_that_take_no_name_let_nobody_in(authority: Authority, tmp_path: Path) -> None:
    store = keystore(authority, tmp_path / "server.pem")
    trust = {"truststore_type": "PEM", "truststore_certificates": authority.pem}
    setting = settings(keystore_type="PEM", keystore_location=str(store), client_auth="required", **trust)
    key, chain = authority.issue("alice")
    mine = settings(keystore_type="PEM", keystore_key=key, keystore_certificate_chain=chain, **trust)
    async with Node(security(setting, "RULE:^CN=bob$/bob/")) as node:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await served(await node.client(client_context(mine)))
        assert node.seen == []


async def test_certificates_are_renewed_without_a_restart(authority: Authority, tmp_path: Path) -> None:
    store = keystore(authority, tmp_path / "server.pem", "before")
    contexts = server_contexts(settings(keystore_type="PEM", keystore_location=str(store)))
    first = contexts.current(10.0)
    assert contexts.current(20.0) is first
    store.write_text("half a certificate")
    assert contexts.current(30.0) is first
    keystore(authority, store, "after")
    assert contexts.current(30.5) is first
    assert contexts.current(31.0) is not first


async def test_a_handshake_is_bounded_in_time_and_bytes_that_are_no_tls_end_it(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        tls.TlsTransport.__init__,
        "__kwdefaults__",
        {"server_hostname": None, "secured": None, "handshake_timeout_seconds": 0.05},
    )
    store = keystore(authority, tmp_path / "server.pem")
    async with Node(security(settings(keystore_type="PEM", keystore_location=str(store)))) as node:
        silent = await node.server.client()
        assert await silent.end() == b""
        plain = await node.server.client()
        plain.send_bytes(framed(b"\0\x03\0\x01 this is no TLS"))
        await plain.end()
        assert node.seen == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "needs a key"),
        ({"keystore_location": "/no/such.jks"}, "No such file"),
        ({"keystore_type": "BKS", "keystore_location": "server.bks"}, "PEM, JKS or PKCS12"),
        ({"keystore_type": "PEM", "keystore_location": "/no/such.pem"}, "No such file"),
        ({"keystore_type": "PEM", "keystore_key": "top-secret", "keystore_certificate_chain": "x"}, "cannot be read"),
        ({"keystore_type": "PEM", "keystore_key": "top-secret"}, "belong together"),
        ({"enabled_protocols": "TLSv1"}, "TLSv1.2"),
    ],
)
def test_settings_that_do_not_work_say_what_to_do_and_show_no_secret(given: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        server_contexts(settings(**given))
    assert says in str(refused.value)
    assert "top-secret" not in str(refused.value)


def test_client_auth_needs_a_truststore(authority: Authority, tmp_path: Path) -> None:
    store = keystore(authority, tmp_path / "server.pem")
    with pytest.raises(ConfigError):
        server_contexts(settings(keystore_type="PEM", keystore_location=str(store), client_auth="required"))


@pytest.mark.parametrize(
    ("rules", "name", "expected"),
    [
        ("DEFAULT", "CN=a,O=b", "CN=a,O=b"),
        ("RULE:^CN=(.*?),.*$/$1/", "CN=a,O=b", "a"),
        ("RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/L, DEFAULT", "CN=A,OU=B,O=c", "a@b"),
        ("RULE:^CN=(.*?),OU=(.*?),.*$/$1@$2/U,DEFAULT", "CN=a,OU=b,O=c", "A@B"),
        ("RULE:^X=.*$/x/,RULE:^.*$/anyone/", "CN=a", "anyone"),
    ],
)
def test_mapping_rules(rules: str, name: str, expected: str) -> None:
    assert PrincipalMapper(rules).map(name) == expected


def test_rules_that_cannot_be_read() -> None:
    for rules in ("RULE:^CN=(.*$/x/", "SOMETHING", "RULE:a"):
        with pytest.raises(ConfigError):
            PrincipalMapper(rules)
    with pytest.raises(ValueError):
        PrincipalMapper("RULE:^X$/x/").map("CN=a")


def test_distinguished_names_are_written_as_java_writes_them() -> None:
    subject = (
        (("countryName", "DE"),),
        (("organizationName", ' A+B "x" '),),
        (("userId", "u"), ("commonName", "#c")),
        (("emailAddress", "a@b"),),
    )
    expected = r"1.2.840.113549.1.9.1=#1603614062,UID=u+CN=\#c,O=\ A\+B \"x\"\ ,C=DE"
    assert distinguished_name({"subject": subject}) == expected
