"""Nothing is served to who has not said who it is; failures end the connection; sessions end and begin again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import ManualClock, ManualTimers
from tests.unit.broker.wire import Client, Server, framed

from ottla.broker.authentication.mechanisms import ListenerMechanisms, ScramDirectory, jaas_entry
from ottla.broker.authentication.oauth import UNSECURED, make_validator
from ottla.broker.listener_security import ListenerSecurity
from ottla.broker.peer.connection import PeerError
from ottla.broker.peer.peer import Peer, PeerContext
from ottla.broker.peer.security import ListenerClient, inter_broker_peer_security
from ottla.metadata.controller.delegation_tokens import TokenSettings
from ottla.metadata.delegation_tokens import DelegationTokensImage
from ottla.metadata.image import MetadataImage
from ottla.metadata.scram import ScramImage
from ottla.protocol.api.api_versions import ApiVersion, ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.metadata import MetadataRequest
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.delegation_token_record import DelegationTokenRecord
from ottla.protocol.metadata_record.user_scram_credential_record import UserScramCredentialRecord
from ottla.protocol.sasl.scram import ScramClient, ScramMechanism, credential_of, salted_password
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from ottla.broker.request_context import Handler, RequestContext
    from ottla.protocol.message import Response

PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret" user_bob="geheim";'
SETTINGS = {
    "listeners": "SASL_PLAINTEXT://127.0.0.1:9092",
    "inter.broker.listener.name": "SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
    "listener.name.sasl_plaintext.plain.sasl.jaas.config": PLAIN,
}
GOOD = b"\0alice\0secret"
TOKENS = TokenSettings(secret_key="key", max_lifetime_ms=10, expiry_time_ms=5)


def image() -> MetadataImage:
    mechanism, salt = ScramMechanism.SCRAM_SHA_256, b"salt"
    credential = credential_of(mechanism, salted_password(mechanism, "pencil", salt, 4096), salt, 4096)
    record = UserScramCredentialRecord(
        name="user",
        mechanism=mechanism,
        salt=salt,
        stored_key=credential.stored_key,
        server_key=credential.server_key,
        iterations=4096,
    )
    now_ms = ManualClock().ms
    token = DelegationTokenRecord(
        owner="User:owner",
        requester="User:owner",
        renewers=[],
        issue_timestamp=now_ms,
        max_timestamp=now_ms + 10_000,
        expiration_timestamp=now_ms + 5_000,
        token_id="the-id",
    )
    return MetadataImage(
        scram=ScramImage({(1, "user"): record}), delegation_tokens=DelegationTokensImage({"the-id": token})
    )


class Node:
    """A server whose heartbeats say who asked."""

    def __init__(self, max_unknown_bytes: int = 1000, **settings: str) -> None:
        self.clock = ManualClock()
        config = server_config_of(SETTINGS | {key.replace("_", "."): text for key, text in settings.items()})
        directory = ScramDirectory(image, TOKENS)
        security = ListenerSecurity(
            protocol="SASL_PLAINTEXT",
            mechanisms=ListenerMechanisms(config, "SASL_PLAINTEXT", directory, make_validator(self.clock)),
            failed_authentication_delay_ms=config.get_int("connection.failed.authentication.delay.ms"),
            max_unknown_bytes=max_unknown_bytes,
            clock=self.clock,
        )
        self.seen: list[tuple[str, bool]] = []

        def heartbeat(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
            self.seen.append((context.principal, context.connection.token_authenticated))
            return HeartbeatResponse(error_code=ErrorCode.NONE)

        def versions(context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
            keys = (ApiKey.HEARTBEAT, ApiKey.SASL_AUTHENTICATE)
            spoken = [ApiVersion(api_key=key, min_version=0, max_version=2) for key in keys]
            return ApiVersionsResponse(error_code=ErrorCode.NONE, api_keys=spoken)

        def out_of_place(context: RequestContext, request: object) -> Response:
            return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE, mechanisms=[])

        table: dict[ApiKey, Handler] = {
            ApiKey.HEARTBEAT: heartbeat,
            ApiKey.API_VERSIONS: versions,
            ApiKey.SASL_HANDSHAKE: out_of_place,
            ApiKey.SASL_AUTHENTICATE: out_of_place,
        }
        self.server = Server(table, security=security)

    async def __aenter__(self) -> Node:
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.__aexit__()


HEARTBEAT = HeartbeatRequest(group_id="g", generation_id=1, member_id="m")


async def handshake(client: Client, mechanism: str = "PLAIN", version: int = 1) -> SaslHandshakeResponse:
    client.send(SaslHandshakeRequest(mechanism=mechanism), version)
    return (await client.receive(SaslHandshakeResponse, version))[1]


async def authenticate(client: Client, token: bytes, version: int = 2) -> SaslAuthenticateResponse:
    client.send(SaslAuthenticateRequest(auth_bytes=token), version)
    return (await client.receive(SaslAuthenticateResponse, version))[1]


async def is_served(client: Client) -> bool:
    client.send(HEARTBEAT, 4)
    await client.receive(HeartbeatResponse, 4)
    return True


async def test_versions_handshake_token_and_then_everything() -> None:
    async with Node() as node:
        client = await node.server.client()
        client.send(ApiVersionsRequest(client_software_name="x", client_software_version="1"), 3)
        await client.receive(ApiVersionsResponse, 3)
        hands = await handshake(client)
        assert (hands.error_code, hands.mechanisms) == (0, ["PLAIN", "SCRAM-SHA-256"])
        answer = await authenticate(client, GOOD)
        assert (answer.error_code, answer.auth_bytes, answer.session_lifetime_ms) == (0, b"", 0)
        assert await is_served(client)
        assert node.seen == [("User:alice", False)]
        assert (await handshake(client)).error_code == ErrorCode.ILLEGAL_SASL_STATE


async def test_nothing_is_served_before() -> None:
    async with Node() as node:
        for first in (HEARTBEAT, SaslAuthenticateRequest(auth_bytes=GOOD)):
            client = await node.server.client()
            client.send(first, 1)
            assert await client.end() == b""
        assert node.seen == []


async def test_what_comes_instead_of_a_token_is_refused_and_the_last() -> None:
    async with Node() as node:
        client = await node.server.client()
        await handshake(client)
        client.send(HEARTBEAT, 4)
        assert (await client.receive(HeartbeatResponse, 4))[1].error_code == ErrorCode.ILLEGAL_SASL_STATE
        assert await client.end() == b""
        client = await node.server.client()
        await handshake(client)
        client.send(MetadataRequest(topics=[]), 9)  # its answer has no place for it
        assert await client.end() == b""
        assert node.seen == []


async def test_a_request_before_is_bounded_and_one_after_is_not() -> None:
    async with Node(max_unknown_bytes=300) as node:
        client = await node.server.client()
        client.send_bytes(framed(bytes(301)))
        assert await client.end() == b""
        client = await node.server.client()
        await handshake(client)
        await authenticate(client, GOOD)
        client.send(HeartbeatRequest(group_id="g" * 5000, generation_id=1, member_id="m"), 4)
        await client.receive(HeartbeatResponse, 4)


async def test_a_wrong_password_is_told_once_and_ends_the_connection() -> None:
    async with Node(connection_failed_authentication_delay_ms="1") as node:
        client = await node.server.client()
        await handshake(client)
        client.send(SaslAuthenticateRequest(auth_bytes=b"\0alice\0wrong"), 2)
        client.send(HEARTBEAT, 4)
        answer = (await client.receive(SaslAuthenticateResponse, 2))[1]
        assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
        assert await client.end() == b""
        assert node.seen == []


async def test_a_mechanism_that_is_not_enabled() -> None:
    async with Node(connection_failed_authentication_delay_ms="0") as node:
        client = await node.server.client()
        hands = await handshake(client, "SCRAM-SHA-512")
        assert hands.error_code == ErrorCode.UNSUPPORTED_SASL_MECHANISM
        assert hands.mechanisms == ["PLAIN", "SCRAM-SHA-256"]
        assert await client.end() == b""


async def test_bare_tokens_after_the_oldest_handshake() -> None:
    async with Node(connection_failed_authentication_delay_ms="0") as node:
        client = await node.server.client()
        await handshake(client, version=0)
        client.send_bytes(framed(GOOD))
        assert await client.frame() == b""
        assert await is_served(client)
        client = await node.server.client()
        await handshake(client, version=0)
        client.send_bytes(framed(b"\0alice\0wrong"))
        assert await client.end() == b""


async def scram(client: Client, name: str, password: str, *, token: bool = False) -> SaslAuthenticateResponse:
    exchange = ScramClient(ScramMechanism.SCRAM_SHA_256, name, password, "nonce", token=token)
    await handshake(client, "SCRAM-SHA-256")
    first = await authenticate(client, exchange.first())
    if first.error_code:
        return first
    second = exchange.next(bytes(first.auth_bytes))
    assert second is not None
    last = await authenticate(client, second)
    if last.error_code == 0:
        assert exchange.next(bytes(last.auth_bytes)) is None
    return last


async def test_scram_and_delegation_tokens() -> None:
    import base64

    async with Node(connection_failed_authentication_delay_ms="0") as node:
        client = await node.server.client()
        assert (await scram(client, "user", "pencil")).error_code == 0
        await is_served(client)
        client = await node.server.client()
        secret = base64.b64encode(TOKENS.hmac_of("the-id")).decode()
        answer = await scram(client, "the-id", secret, token=True)
        assert (answer.error_code, answer.session_lifetime_ms) == (0, 5_000)
        await is_served(client)
        assert node.seen == [("User:user", False), ("User:owner", True)]
        node.clock.ms += 6_000
        late = await scram(await node.server.client(), "the-id", secret, token=True)
        assert late.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED


async def test_a_session_ends_unless_it_is_begun_again() -> None:
    async with Node(connections_max_reauth_ms="1000") as node:
        client = await node.server.client()
        await handshake(client)
        assert (await authenticate(client, GOOD)).session_lifetime_ms == 1000
        node.clock.ms += 900
        assert await is_served(client)
        await handshake(client)
        assert (await authenticate(client, GOOD)).session_lifetime_ms == 1000
        node.clock.ms += 900
        assert await is_served(client)
        node.clock.ms += 200
        client.send(HEARTBEAT, 4)
        assert await client.end() == b""
        assert len(node.seen) == 2


def of_another_node(clock: ManualClock) -> ListenerClient:
    login = PLAIN.replace("required", 'required username="alice" password="secret"')
    key = "listener.name.sasl_plaintext.plain.sasl.jaas.config"
    config = server_config_of(SETTINGS | {"sasl.mechanism.inter.broker.protocol": "PLAIN", key: login})
    security = inter_broker_peer_security(config, clock)
    assert security is not None
    return security


async def test_another_node_begins_its_session_anew_in_time() -> None:
    """KIP-368: on the same connection, before the next request; requests that come meanwhile wait."""
    clock = ManualClock()
    timers, security = ManualTimers(clock), of_another_node(clock)
    network = SocketNetwork(asyncio.get_running_loop())
    async with Node(connections_max_reauth_ms="1000") as node:
        lost: list[int] = []
        context = PeerContext(network, clock, timers, "test", security)
        peer = Peer(context, ("127.0.0.1", node.server.port), on_lost=lambda: lost.append(1))
        for _ in range(3):
            beats = [peer.send(HEARTBEAT, HeartbeatResponse, timeout_ms=30_000) for _ in range(3)]
            assert [(await beat).error_code for beat in beats] == [ErrorCode.NONE] * 3
            node.clock.ms += 950
            timers.advance(950)
        open_without_more = peer.connection
        assert open_without_more is None, "it is to be begun anew first"
        await peer.connect()
        assert (len(node.server.listeners.connections), lost) == (1, [])
        node.clock.ms += 1100  # the other side's time is over before ours, and it hears of no new session
        with pytest.raises(PeerError):
            await peer.send(HEARTBEAT, HeartbeatResponse, timeout_ms=30_000)
        peer.close()
    network.close()


async def test_a_session_that_is_not_begun_anew_ends_the_connection() -> None:
    clock = ManualClock()
    timers, security = ManualTimers(clock), of_another_node(clock)
    network = SocketNetwork(asyncio.get_running_loop())
    async with Node(connections_max_reauth_ms="1000", connection_failed_authentication_delay_ms="0") as node:
        peer = Peer(PeerContext(network, clock, timers, "test", security), ("127.0.0.1", node.server.port))
        await peer.connect()
        security._options["password"] = "changed"
        timers.advance(950)
        with pytest.raises(PeerError, match=r"(?i)authentication failed"):
            await peer.send(HEARTBEAT, HeartbeatResponse, timeout_ms=30_000)
        assert peer.retry_after_ms > 0
        peer.close()
    network.close()


async def test_a_principal_does_not_change() -> None:
    async with Node(connections_max_reauth_ms="1000", connection_failed_authentication_delay_ms="0") as node:
        client = await node.server.client()
        await handshake(client)
        await authenticate(client, GOOD)
        await handshake(client)
        answer = await authenticate(client, b"\0bob\0geheim")
        assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
        assert await client.end() == b""


@pytest.mark.parametrize(
    "settings",
    [
        {"sasl.enabled.mechanisms": "GSSAPI"},
        {"sasl.enabled.mechanisms": ""},
        {"listener.name.sasl_plaintext.plain.sasl.jaas.config": "PlainLoginModule required user_a=top-secret"},
        {"listener.name.sasl_plaintext.plain.sasl.jaas.config": "other.Module required user_a=top-secret;"},
        {"sasl.enabled.mechanisms": "OAUTHBEARER"},
        {"sasl.enabled.mechanisms": "OAUTHBEARER", "sasl.oauthbearer.jwks.endpoint.url": "file:///no/such/file"},
        {"sasl.enabled.mechanisms": "OAUTHBEARER", "sasl.oauthbearer.jwks.endpoint.url": "ftp://host/keys"},
    ],
)
def test_settings_that_let_nobody_in_are_refused_and_show_no_secret(settings: dict[str, str]) -> None:
    config = server_config_of(SETTINGS | settings)
    with pytest.raises(ConfigError) as refused:
        ListenerMechanisms(config, "SASL_PLAINTEXT", ScramDirectory(image, None), make_validator(ManualClock()))
    assert "secret" not in str(refused.value)


def test_unsigned_tokens_must_be_asked_for_by_name() -> None:
    settings = {"sasl.enabled.mechanisms": "OAUTHBEARER", "sasl.server.callback.handler.class": UNSECURED}
    config = server_config_of(SETTINGS | settings)
    found = ListenerMechanisms(config, "SASL_PLAINTEXT", ScramDirectory(image, None), make_validator(ManualClock()))
    assert found.names == ("OAUTHBEARER",)
    entry = jaas_entry(server_config_of(SETTINGS), "SASL_PLAINTEXT", "PLAIN")
    assert entry is not None
    assert "secret" not in repr(entry)
