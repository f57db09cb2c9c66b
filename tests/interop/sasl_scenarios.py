"""What a broker says to clients that do not know how to come in, step by step, and every answer or its absence.

Each note is the answer's error code, what else a client goes by, and whether the connection was closed then. Texts of
errors are each broker's own; that there is one is noted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import time
from typing import TYPE_CHECKING, Any, Final

from tests.interop.barrier import until_applied
from tests.interop.connection import Connection

from ottla.protocol.api.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from ottla.protocol.api.api_versions import ApiVersionsRequest
from ottla.protocol.api.list_groups import ListGroupsRequest
from ottla.protocol.api.metadata import MetadataRequest
from ottla.protocol.api.sasl_authenticate import SaslAuthenticateRequest
from ottla.protocol.api.sasl_handshake import SaslHandshakeRequest
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.sasl.scram import SCRAM_MECHANISMS, ScramClient, salted_password

if TYPE_CHECKING:
    from ottla.protocol.message import Request

MODULES: Final = "org.apache.kafka.common.security"
PLAIN, SCRAM, OAUTHBEARER = "PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"
REAUTH_MS: Final = 3_600_000
UNSECURED: Final = f"{MODULES}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
SETTINGS: Final = {
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": f"{PLAIN},{SCRAM},{OAUTHBEARER}",
    "sasl.mechanism.inter.broker.protocol": PLAIN,
    "listener.name.plaintext.plain.sasl.jaas.config": (
        f'{MODULES}.plain.PlainLoginModule required username="admin" password="admin-secret"'
        ' user_admin="admin-secret" user_alice="alice-secret";'
    ),
    "listener.name.plaintext.scram-sha-256.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;",
    "listener.name.plaintext.oauthbearer.sasl.jaas.config": (
        f'{MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";'
    ),
    "listener.name.plaintext.oauthbearer.sasl.server.callback.handler.class": UNSECURED,
    "listener.name.plaintext.plain.connections.max.reauth.ms": str(REAUTH_MS),
    "connection.failed.authentication.delay.ms": "0",
}
ANSWER_S: Final = 60.0
MIN_REAUTH_INTERVAL_S: Final = 1.1
"""Sooner than a second after the last time Apache Kafka lets nobody authenticate again."""


class Stranger:
    """One connection of somebody who is not in yet."""

    def __init__(self, connection: Connection, notes: list[str], title: str) -> None:
        self._connection = connection
        self._notes = notes
        self._title = title

    async def ask(self, request: Request, version: int) -> Any:
        """The answer; None when the connection was closed instead."""
        kind = API[ApiKey(request.api_key)].response
        try:
            answer = await asyncio.wait_for(self._connection.ask(request, version, kind), ANSWER_S)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.note(f"{type(request).__name__} v{version}: closed")
            return None
        self.note(f"{type(request).__name__} v{version}: {told(answer)}")
        return answer

    def note(self, text: str) -> None:
        self._notes.append(f"{self._title}: {text}")

    async def closed(self) -> None:
        """Whether that was the end: one more request shows."""
        await self.ask(ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3)

    async def handshake(self, mechanism: str, version: int = 1) -> Any:
        return await self.ask(SaslHandshakeRequest(mechanism=mechanism), version)

    async def authenticate(self, token: bytes, version: int = 2) -> Any:
        return await self.ask(SaslAuthenticateRequest(auth_bytes=token), version)

    async def bare(self, token: bytes) -> None:
        """A token behind its size alone, as after a handshake of version 0."""
        writer, reader = self._connection._writer, self._connection._reader
        writer.write(struct.pack(">i", len(token)) + token)
        try:
            (size,) = struct.unpack(">i", await asyncio.wait_for(reader.readexactly(4), ANSWER_S))
            self.note(f"bare token: {(await reader.readexactly(size))!r}")
        except (asyncio.IncompleteReadError, ConnectionError):
            self.note("bare token: closed")


def told(answer: Any) -> str:
    """What may not differ: codes, mechanisms, tokens, life times, and whether something is said beside the code."""
    facts: dict[str, Any] = {}
    for name in ("error_code", "mechanisms", "auth_bytes", "session_lifetime_ms"):
        if hasattr(answer, name):
            facts[name] = getattr(answer, name)
    if "session_lifetime_ms" in facts and 0 < facts["session_lifetime_ms"] != REAUTH_MS:
        facts["session_lifetime_ms"] = "until the token ends"
    if str(facts.get("auth_bytes", b""))[2:4] in ("r=", "v="):
        facts["auth_bytes"] = facts["auth_bytes"][:2]
    if hasattr(answer, "error_message"):
        facts["error_message"] = answer.error_message if not answer.error_message else "some"
    if hasattr(answer, "brokers"):
        facts["brokers"] = len(answer.brokers)
    return str(facts)


async def play(address: str) -> list[str]:
    notes: list[str] = []
    await make_alice(address)
    for title, scenario in SCENARIOS.items():
        connection = await Connection.open(address)
        try:
            await scenario(Stranger(connection, notes, title))
        finally:
            connection.close()
    return notes


async def make_alice(address: str) -> None:
    """Her password, by SCRAM; known to the broker before anybody asks."""
    connection = await Connection.open(address)
    await connection.ask(SaslHandshakeRequest(mechanism=PLAIN), 1, API[ApiKey.SASL_HANDSHAKE].response)
    secret = SaslAuthenticateRequest(auth_bytes=plain("admin", "admin-secret"))
    await connection.ask(secret, 2, API[ApiKey.SASL_AUTHENTICATE].response)
    mechanism = SCRAM_MECHANISMS[SCRAM]
    salted = salted_password(mechanism, "alice-secret", b"salt of alice", 4096)
    wanted = ScramCredentialUpsertion(
        name="alice", mechanism=int(mechanism), iterations=4096, salt=b"salt of alice", salted_password=salted
    )
    request = AlterUserScramCredentialsRequest(deletions=[], upsertions=[wanted])
    await connection.ask(request, 0, API[ApiKey.ALTER_USER_SCRAM_CREDENTIALS].response)
    await until_applied(connection)
    connection.close()


def plain(name: str, password: str, as_whom: str = "") -> bytes:
    return f"{as_whom}\0{name}\0{password}".encode()


def bearer(name: str = "alice", *, expires_in_s: int = 600, algorithm: str = "none", **claims: Any) -> bytes:
    now = int(time.time())
    body = {"sub": name, "iat": now - 1000, "exp": now + expires_in_s} | claims
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": algorithm}, {key: value for key, value in body.items() if value is not None})
    ]
    return f"n,,\x01auth=Bearer {'.'.join(parts)}.\x01\x01".encode()


# --- what each of them tries


async def unknown_mechanism(stranger: Stranger) -> None:
    await stranger.handshake("GSSAPI")
    await stranger.closed()


async def unknown_mechanism_v0(stranger: Stranger) -> None:
    await stranger.handshake("", 0)
    await stranger.closed()


async def good_password(stranger: Stranger) -> None:
    await stranger.ask(ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3)
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "alice-secret"))
    await stranger.handshake(PLAIN)  # and then no token
    await stranger.ask(ListGroupsRequest(), 4)
    await stranger.closed()


async def good_password_in_old_words(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN, 0)
    await stranger.bare(plain("alice", "alice-secret"))
    await stranger.ask(MetadataRequest(topics=[]), 12)


async def wrong_password_in_old_words(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN, 0)
    await stranger.bare(plain("alice", "wrong"))


async def wrong_password(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "wrong"), 0)
    await stranger.closed()


async def wrong_token(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.authenticate(b"alice", 1)
    await stranger.closed()


async def as_somebody_else(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "alice-secret", "admin"))
    await stranger.closed()


async def impatient(stranger: Stranger) -> None:
    await stranger.ask(MetadataRequest(topics=[]), 12)


async def token_first(stranger: Stranger) -> None:
    await stranger.authenticate(plain("alice", "alice-secret"))


async def groups_in_between(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.ask(ListGroupsRequest(), 4)
    await stranger.closed()


async def handshake_twice(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.handshake(PLAIN)
    await stranger.closed()


async def versions_in_between(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.ask(ApiVersionsRequest(client_software_name="t", client_software_version="1"), 3)
    await stranger.closed()


async def scram(stranger: Stranger, name: str = "alice", password: str = "alice-secret") -> None:
    client = ScramClient(SCRAM_MECHANISMS[SCRAM], name, password, "nonce")
    await stranger.handshake(SCRAM)
    answer = await stranger.authenticate(client.first())
    if answer is not None and not answer.error_code:
        final = client.next(bytes(answer.auth_bytes))
        assert final is not None
        await stranger.authenticate(final)
    await stranger.ask(MetadataRequest(topics=[]), 12)


async def scram_wrong_password(stranger: Stranger) -> None:
    await scram(stranger, password="wrong")


async def scram_nobody(stranger: Stranger) -> None:
    await scram(stranger, "nobody")


async def scram_noise(stranger: Stranger) -> None:
    await stranger.handshake(SCRAM)
    await stranger.authenticate(b"noise")
    await stranger.closed()


async def good_bearer(stranger: Stranger) -> None:
    await stranger.handshake(OAUTHBEARER)
    await stranger.authenticate(bearer())
    await stranger.ask(MetadataRequest(topics=[]), 12)


async def bad_bearer(stranger: Stranger, token: bytes) -> None:
    await stranger.handshake(OAUTHBEARER)
    await stranger.authenticate(token)
    await stranger.authenticate(b"\x01")
    await stranger.closed()


async def expired_bearer(stranger: Stranger) -> None:
    await bad_bearer(stranger, bearer(expires_in_s=-10))


async def nameless_bearer(stranger: Stranger) -> None:
    await bad_bearer(stranger, bearer(sub=None))


async def early_bearer(stranger: Stranger) -> None:
    await bad_bearer(stranger, bearer(iat=int(time.time()) + 500))


async def bearer_as_somebody_else(stranger: Stranger) -> None:
    await stranger.handshake(OAUTHBEARER)
    await stranger.authenticate(bearer().replace(b"n,,", b"n,a=bob,"))
    await stranger.closed()


async def bearer_noise(stranger: Stranger) -> None:
    await stranger.handshake(OAUTHBEARER)
    await stranger.authenticate(b"noise")
    await stranger.closed()


async def again(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "alice-secret"))
    await asyncio.sleep(MIN_REAUTH_INTERVAL_S)
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "alice-secret"))
    await stranger.ask(MetadataRequest(topics=[]), 12)


async def again_as_somebody_else(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "alice-secret"))
    await asyncio.sleep(MIN_REAUTH_INTERVAL_S)
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("admin", "admin-secret"))
    await stranger.closed()


async def again_by_another_mechanism(stranger: Stranger) -> None:
    await stranger.handshake(PLAIN)
    await stranger.authenticate(plain("alice", "alice-secret"))
    await asyncio.sleep(MIN_REAUTH_INTERVAL_S)
    await stranger.handshake(SCRAM)
    await stranger.closed()


async def again_though_nobody_asked(stranger: Stranger) -> None:
    await scram(stranger)
    await stranger.handshake(SCRAM)
    await stranger.authenticate(b"")
    await stranger.ask(MetadataRequest(topics=[]), 12)


SCENARIOS: Final = {
    scenario.__name__: scenario
    for scenario in (
        unknown_mechanism, unknown_mechanism_v0, good_password, good_password_in_old_words,
        wrong_password_in_old_words, wrong_password, wrong_token, as_somebody_else, impatient, token_first,
        groups_in_between, handshake_twice, versions_in_between, scram,
        scram_wrong_password, scram_nobody, scram_noise, good_bearer, expired_bearer, nameless_bearer, early_bearer,
        bearer_as_somebody_else, bearer_noise, again, again_as_somebody_else, again_by_another_mechanism,
        again_though_nobody_asked,
    )
}  # fmt: skip
