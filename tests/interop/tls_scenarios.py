"""Who comes in through TLS, and as whom: versions, certificates and bytes that are none of it.

Each note says whether the handshake went through, in which version, and what became of a first request. Alerts are
each library's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import warnings
from typing import TYPE_CHECKING, Final

from cryptography.x509.oid import NameOID
from tests.interop.connection import ANSWER_TIMEOUT_S, Connection
from tests.peers.certificates import Authority
from tests.peers.process import free_port

from ottla.protocol.api.create_delegation_token import CreateDelegationTokenRequest, CreateDelegationTokenResponse
from ottla.protocol.api.describe_acls import DescribeAclsRequest, DescribeAclsResponse

if TYPE_CHECKING:
    from pathlib import Path

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
ANY: Final = 1
"""Of ACLs: any resource type, pattern, operation and permission."""


class Keys:
    """The server's keystore, and what clients show."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.authority = Authority()
        self.strangers = Authority("Somebody else")
        self.keystore = self._write("server.pem", "".join(self.authority.issue("localhost")))
        self.truststore = self._write("authority.pem", self.authority.pem)
        self.boss = self._write(
            "boss.pem", "".join(self.authority.issue("Boss", [(NameOID.ORGANIZATION_NAME, "Ottla")]))
        )
        self.clerk = self._write("clerk.pem", "".join(self.authority.issue("clerk")))
        self.stranger = self._write("stranger.pem", "".join(self.strangers.issue("Boss")))

    def _write(self, name: str, text: str) -> Path:
        path = self._directory / name
        path.write_text(text)
        return path


class Doors:
    """The ports of one node's three listeners: a certificate required, requested, not asked for."""

    def __init__(self) -> None:
        self.required, self.requested, self.none, self.controller = (free_port() for _ in range(4))

    def settings(self, keys: Keys) -> dict[str, str]:
        listeners = {"PLAINTEXT": self.required, "REQUESTED": self.requested, "NONE": self.none}
        addresses = ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())
        return {
            "listeners": f"{addresses},CONTROLLER://127.0.0.1:{self.controller}",
            "advertised.listeners": addresses,
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT," + ",".join(f"{name}:SSL" for name in listeners),
            "inter.broker.listener.name": "PLAINTEXT",
            "ssl.client.auth": "required",
            "listener.name.requested.ssl.client.auth": "requested",
            "listener.name.none.ssl.client.auth": "none",
            "ssl.keystore.type": "PEM",
            "ssl.truststore.type": "PEM",
            "ssl.keystore.location": str(keys.keystore),
            "ssl.truststore.location": str(keys.truststore),
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?),O=Ottla.*$/$1/L,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:boss;User:ANONYMOUS",  # brokers and controllers speak in plain text here
            "delegation.token.secret.key": "a secret of the tests",
            "early.start.listeners": "CONTROLLER",
        }


class Visitor:
    def __init__(self, keys: Keys, notes: list[str]) -> None:
        self._keys = keys
        self._notes = notes

    async def knock(
        self,
        title: str,
        port: int,
        *,
        shows: Path | None = None,
        oldest: ssl.TLSVersion = TLS12,
        latest: ssl.TLSVersion = TLS13,
        ciphers: str | None = None,
    ) -> None:
        context = ssl.create_default_context(cafile=str(self._keys.truststore))
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version, context.maximum_version = oldest, latest
        if ciphers is not None:
            context.set_ciphers(ciphers)
        if shows is not None:
            context.load_cert_chain(str(shows))
        self._notes.append(f"{title}: {await _come_in(port, context)}")

    async def shout(self, title: str, port: int, noise: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(noise)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), ANSWER_TIMEOUT_S)
        writer.close()
        self._notes.append(f"{title}: closed")


async def _come_in(port: int, context: ssl.SSLContext) -> str:
    try:
        opened = asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        reader, writer = await asyncio.wait_for(opened, ANSWER_TIMEOUT_S)
    except (ssl.SSLError, ConnectionError):
        return "no handshake"
    version = writer.get_extra_info("ssl_object").version()
    connection = Connection(reader, writer)
    filters = DescribeAclsRequest(
        resource_type_filter=ANY, resource_name_filter=None, pattern_type_filter=ANY,
        principal_filter=None, host_filter=None, operation=ANY, permission_type=ANY,
    )  # fmt: skip
    try:
        asked = connection.ask(filters, 3, DescribeAclsResponse)
        acls = await asyncio.wait_for(asked, ANSWER_TIMEOUT_S)
        wanted = CreateDelegationTokenRequest(renewers=[], max_lifetime_ms=-1)
        token = await asyncio.wait_for(connection.ask(wanted, 3, CreateDelegationTokenResponse), ANSWER_TIMEOUT_S)
    except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
        return "no handshake"  # TLS 1.3 tells of a refusal only afterwards
    finally:
        connection.close()
    return f"{version}, ACLs {acls.error_code}, token {token.error_code} for {token.principal_name!r}"


async def play(doors: Doors, keys: Keys) -> list[str]:
    notes: list[str] = []
    visitor = Visitor(keys, notes)
    for name, port in (("required", doors.required), ("requested", doors.requested), ("none", doors.none)):
        await visitor.knock(f"{name}, boss", port, shows=keys.boss)
        await visitor.knock(f"{name}, clerk", port, shows=keys.clerk)
        await visitor.knock(f"{name}, nobody", port)
        await visitor.knock(f"{name}, nobody, 1.2", port, latest=TLS12)
        await visitor.knock(f"{name}, stranger", port, shows=keys.stranger)
        await visitor.knock(f"{name}, stranger, 1.2", port, shows=keys.stranger, latest=TLS12)
    await visitor.knock("boss, 1.2", doors.required, shows=keys.boss, latest=TLS12)
    await visitor.knock("boss, 1.3", doors.required, shows=keys.boss, oldest=TLS13)
    old = ssl.TLSVersion.TLSv1_1
    await visitor.knock("boss, 1.1", doors.required, shows=keys.boss, oldest=old, latest=old, ciphers="ALL:@SECLEVEL=0")
    await visitor.knock("weak", doors.required, shows=keys.boss, latest=TLS12, ciphers="NULL:@SECLEVEL=0")
    await visitor.knock("CBC", doors.required, shows=keys.boss, latest=TLS12, ciphers="ECDHE-ECDSA-AES128-SHA256")
    await visitor.knock(
        "ChaCha", doors.required, shows=keys.boss, latest=TLS12, ciphers="ECDHE-ECDSA-CHACHA20-POLY1305"
    )
    await visitor.shout("plain Kafka", doors.required, b"\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff")
    await visitor.shout("HTTP", doors.required, b"GET / HTTP/1.1\r\n\r\n")
    await visitor.shout("half a hello", doors.required, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03")
    return notes
