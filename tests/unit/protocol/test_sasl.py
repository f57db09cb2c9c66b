"""SASL exchanges, both sides: RFC 7677's own example, every refusal, and that no secret is ever told."""

from __future__ import annotations

import base64

import pytest

from ottla.protocol.sasl.exchange import Identity, SaslError
from ottla.protocol.sasl.oauthbearer import OAuthBearerClient, OAuthBearerServer
from ottla.protocol.sasl.plain import PlainClient, PlainServer
from ottla.protocol.sasl.scram import (
    ScramClient,
    ScramMechanism,
    ScramServer,
    ScramUser,
    credential_of,
    salted_password,
)

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
EXAMPLE = (
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)
"""RFC 7677, section 3."""


def server(mechanism: ScramMechanism, *, iterations: int = 4096) -> ScramServer:
    users = {
        (name, is_token): ScramUser(
            Identity(owner),
            credential_of(mechanism, salted_password(mechanism, "pencil", SALT, iterations), SALT, iterations),
        )
        for name, is_token, owner in (("user", False, "user"), ("a,b=c", False, "a,b=c"), ("id", True, "owner"))
    }
    return ScramServer(mechanism, SERVER_NONCE, lambda name, is_token: users.get((name, is_token)))


def test_the_example_of_the_rfc() -> None:
    mechanism = ScramMechanism.SCRAM_SHA_256
    client, there = ScramClient(mechanism, "user", "pencil", CLIENT_NONCE), server(mechanism)
    assert client.first() == EXAMPLE[0]
    assert there.next(EXAMPLE[0]) == EXAMPLE[1]
    assert client.next(EXAMPLE[1]) == EXAMPLE[2]
    assert there.next(EXAMPLE[2]) == EXAMPLE[3]
    assert there.identity == Identity("user")
    assert client.next(EXAMPLE[3]) is None


@pytest.mark.parametrize("mechanism", list(ScramMechanism))
@pytest.mark.parametrize(("name", "token", "owner"), [("a,b=c", False, "a,b=c"), ("id", True, "owner")])
def test_names_and_tokens(mechanism: ScramMechanism, name: str, token: bool, owner: str) -> None:
    client, there = ScramClient(mechanism, name, "pencil", "nonce", token=token), server(mechanism)
    second = client.next(there.next(client.first()))
    assert second is not None
    client.next(there.next(second))
    assert there.identity == Identity(owner)


@pytest.mark.parametrize(
    ("name", "password", "token"),
    [("user", "pen", False), ("no", "pencil", False), ("id", "pencil", False), ("user", "pencil", True)],
)
def test_who_does_not_know_the_password_is_refused_alike(name: str, password: str, token: bool) -> None:
    mechanism = ScramMechanism.SCRAM_SHA_512
    client, there = ScramClient(mechanism, name, password, "nonce", token=token), server(mechanism)
    with pytest.raises(SaslError) as refused:
        second = client.next(there.next(client.first()))
        assert second is not None
        there.next(second)
    assert str(refused.value) == "Authentication failed due to invalid credentials with SASL mechanism SCRAM-SHA-512"
    assert there.identity is None


def test_a_credential_with_too_few_iterations_lets_nobody_in() -> None:
    with pytest.raises(SaslError):
        server(ScramMechanism.SCRAM_SHA_256, iterations=4095).next(EXAMPLE[0])


@pytest.mark.parametrize(
    "message",
    [b"", b"n,,", b"n,,n=user", b"y,,n=user,r=x", b"n,,n=user,r=\xff", b"n,a=other,n=user,r=abc", b"p=tls,,n=user,r=x"],
)
def test_a_first_message_that_cannot_be_read(message: bytes) -> None:
    with pytest.raises(SaslError):
        server(ScramMechanism.SCRAM_SHA_256).next(message)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"c=biws,r=other,p=AAAA",
        EXAMPLE[2].replace(b"p=", b"p=AA"),
        EXAMPLE[2][:-2] + b"!=",
        EXAMPLE[2].replace(b"dHzb", b"dHzc"),
        EXAMPLE[2].replace(b"%hv", b"%hw"),
    ],
)
def test_a_final_message_that_proves_nothing(message: bytes) -> None:
    there = server(ScramMechanism.SCRAM_SHA_256)
    there.next(EXAMPLE[0])
    with pytest.raises(SaslError):
        there.next(message)
    assert there.identity is None


def test_a_finished_exchange_takes_nothing_more() -> None:
    there = server(ScramMechanism.SCRAM_SHA_256)
    there.next(EXAMPLE[0])
    there.next(EXAMPLE[2])
    with pytest.raises(SaslError):
        there.next(EXAMPLE[2])


@pytest.mark.parametrize(
    "message",
    [b"r=other,s=AAAA,i=4096", EXAMPLE[1].replace(b"4096", b"1"), EXAMPLE[1].replace(b"4096", b"99999999"), b"x"],
)
def test_a_client_takes_no_weak_or_foreign_server(message: bytes) -> None:
    client = ScramClient(ScramMechanism.SCRAM_SHA_256, "user", "pencil", CLIENT_NONCE)
    with pytest.raises(SaslError):
        client.next(message)


def test_a_client_wants_the_server_to_know_the_password() -> None:
    client = ScramClient(ScramMechanism.SCRAM_SHA_256, "user", "pencil", CLIENT_NONCE)
    client.next(EXAMPLE[1])
    with pytest.raises(SaslError):
        client.next(b"v=" + base64.b64encode(bytes(32)))


def test_nothing_shows_a_credential() -> None:
    mechanism = ScramMechanism.SCRAM_SHA_256
    credential = credential_of(mechanism, b"s" * 32, SALT, 4096)
    assert repr(credential) == "ScramCredential(4096 iterations)"
    assert "pencil" not in repr(ScramUser(Identity("u"), credential))


def plain() -> PlainServer:
    return PlainServer(lambda name, password: (name, password) == ("alice", "secret"))


def test_plain() -> None:
    there = plain()
    assert there.next(PlainClient("alice", "secret").first()) == b""
    assert there.identity == Identity("alice")
    assert there.identity.principal == "User:alice"
    also = plain()
    also.next(b"alice\0alice\0secret")
    assert also.identity == Identity("alice")


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"\0alice",
        b"\0alice\0",
        b"\0\0secret",
        b"\0alice\0wrong",
        b"\0bob\0secret",
        b"bob\0alice\0secret",
        b"\xff\0a\0b",
    ],
)
def test_plain_refuses(token: bytes) -> None:
    there = plain()
    with pytest.raises(SaslError) as refused:
        there.next(token)
    assert there.identity is None
    assert "secret" not in str(refused.value)


def bearer(token: str) -> Identity:
    if token != "good":
        raise SaslError("Authentication failed: no")
    return Identity("carol", expires_ms=1)


def test_oauthbearer() -> None:
    there = OAuthBearerServer(bearer)
    assert there.next(OAuthBearerClient("good").first()) == b""
    assert there.identity == Identity("carol", expires_ms=1)


def test_oauthbearer_refuses_in_two_steps() -> None:
    there, client = OAuthBearerServer(bearer), OAuthBearerClient("bad")
    said = there.next(client.first())
    assert b"invalid_token" in said
    last = client.next(said)
    assert last == b"\x01"
    with pytest.raises(SaslError):
        there.next(last)
    assert there.identity is None


@pytest.mark.parametrize(
    "token", [b"", b"n,,\x01auth=Basic good\x01\x01", b"n,,auth=Bearer good", b"n,a=eve,\x01auth=Bearer good\x01\x01"]
)
def test_oauthbearer_takes_nothing_else(token: bytes) -> None:
    there = OAuthBearerServer(bearer)
    with pytest.raises(SaslError):
        there.next(token)
    assert there.identity is None
