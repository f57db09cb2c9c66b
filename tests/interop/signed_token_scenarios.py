"""Signed bearer tokens, good ones and every kind that is not: what a broker answers to each."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.interop.connection import Connection
from tests.interop.sasl_scenarios import MODULES, OAUTHBEARER, Stranger

from ottla.protocol.api.metadata import MetadataRequest

if TYPE_CHECKING:
    from pathlib import Path

VALIDATOR: Final = f"{MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler"
LOGIN: Final = f"{MODULES}.oauthbearer.OAuthBearerLoginModule required;"
AUDIENCE, ISSUER = "kafka", "https://issuer.test"
ALLOWED_URLS: Final = "org.apache.kafka.sasl.oauthbearer.allowed.urls"
LIFETIME_S: Final = 600

RSA: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC: Final = ec.generate_private_key(ec.SECP256R1())


def write_jwks(path: Path) -> None:
    keys = {
        "rsa": jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True),
        "ec": jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True),
    }
    path.write_text(json.dumps({"keys": [{**key, "kid": name, "use": "sig"} for name, key in keys.items()]}))


def settings(jwks: Path) -> dict[str, str]:
    return {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": OAUTHBEARER,
        "sasl.mechanism.inter.broker.protocol": OAUTHBEARER,
        "listener.name.plaintext.oauthbearer.sasl.jaas.config": LOGIN,
        "listener.name.plaintext.oauthbearer.sasl.server.callback.handler.class": VALIDATOR,
        "listener.name.plaintext.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": jwks.as_uri(),
        "listener.name.plaintext.oauthbearer.sasl.oauthbearer.expected.audience": AUDIENCE,
        "listener.name.plaintext.oauthbearer.sasl.oauthbearer.expected.issuer": ISSUER,
        "connection.failed.authentication.delay.ms": "0",
    }


def signed(key: Any = RSA, algorithm: str = "RS256", kid: str | None = "rsa", **claims: Any) -> str:
    now = int(time.time())
    body = {"sub": "alice", "iat": now - 60, "exp": now + LIFETIME_S, "aud": AUDIENCE, "iss": ISSUER} | claims
    headers = None if kid is None else {"kid": kid}
    return jwt.encode({k: v for k, v in body.items() if v is not None}, key, algorithm=algorithm, headers=headers)


def tokens() -> dict[str, str]:
    now = int(time.time())
    return {
        "good": signed(),
        "by an elliptic curve": signed(EC, "ES256", "ec"),
        "PSS": signed(RSA, "PS256"),
        "several audiences": signed(aud=["other", AUDIENCE]),
        "a scope": signed(scope="read write"),
        "scopes": signed(scope=["read", "write"]),
        "somebody else's key": signed(STRANGERS),
        "an unknown key": signed(kid="nobody"),
        "no key named": signed(kid=None),
        "the other kind of key": signed(EC, "ES256", "rsa"),
        "a shared secret": signed("a shared secret of enough bytes!!", "HS256"),
        "unsigned": jwt.encode({"sub": "alice", "exp": now + 60, "iat": now}, "", algorithm="none"),
        "expired": signed(exp=now - 3600),
        "just expired": signed(exp=now - 10),
        "no end": signed(exp=None),
        "not yet": signed(nbf=now + 3600),
        "issued later": signed(iat=now + 3600),
        "no issue": signed(iat=None),
        "nobody": signed(sub=None),
        "an empty name": signed(sub=""),
        "a blank name": signed(sub="  "),
        "another audience": signed(aud="other"),
        "no audience": signed(aud=None),
        "another issuer": signed(iss="https://other.test"),
        "no issuer": signed(iss=None),
        "a blank scope": signed(scope=""),
        "a scope twice": signed(scope=["read", "read"]),
        "a scope that is a number": signed(scope=7),
        "a torn signature": signed()[:-8] + "AAAAAAAA",
        "two parts": signed().rpartition(".")[0],
        "noise": "noise",
        "empty": "",
    }


async def play(address: str, presented: dict[str, str]) -> list[str]:
    notes: list[str] = []
    for title, token in presented.items():
        connection = await Connection.open(address)
        stranger = Stranger(connection, notes, title)
        try:
            await stranger.handshake(OAUTHBEARER)
            answer = await stranger.authenticate(f"n,,\x01auth=Bearer {token}\x01\x01".encode())
            if answer is not None and answer.auth_bytes:
                await stranger.authenticate(b"\x01")  # a client that was refused says that it heard
            await stranger.ask(MetadataRequest(topics=[]), 12)
        finally:
            connection.close()
    return notes
