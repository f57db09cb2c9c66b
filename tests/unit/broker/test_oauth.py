"""Signed bearer tokens: keys of a JWKS file, what is expected of the claims, and every token that is not good."""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.unit.broker.replicas import ManualClock

from ottla.broker.authentication.oauth import JsonWebKeys, SignedTokens, UnsecuredTokens
from ottla.protocol.sasl.exchange import Identity, SaslError

if TYPE_CHECKING:
    from pathlib import Path

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
NOW_S = 2_000_000_000
CLAIMS = {"sub": "carol", "iat": 1_700_000_000, "exp": NOW_S, "iss": "https://issuer", "aud": ["kafka"], "name": "C"}
SETTINGS: dict[str, Any] = {
    "sasl.oauthbearer.expected.audience": ("kafka",),
    "sasl.oauthbearer.expected.issuer": "https://issuer",
    "sasl.oauthbearer.clock.skew.seconds": 30,
    "sasl.oauthbearer.sub.claim.name": "sub",
}


def jwks(*names: str) -> dict[str, list[dict[str, Any]]]:
    keys = {
        "rsa": jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True),
        "ec": jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True),
    }
    return {"keys": [{**keys[name], "kid": name, "use": "sig"} for name in names]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks("rsa", "ec")))
    return path


def tokens(file: Path, **settings: object) -> SignedTokens:
    changed = SETTINGS | {f"sasl.oauthbearer.{key.replace('_', '.')}": value for key, value in settings.items()}
    return SignedTokens(JsonWebKeys(file.as_uri(), 3_600_000, ManualClock()), changed.__getitem__)


def signed(key: Any = RSA, algorithm: str = "RS256", kid: str | None = "rsa", **claims: Any) -> str:
    headers = None if kid is None else {"kid": kid}
    body = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(body, key, algorithm=algorithm, headers=headers)


def test_a_good_token(file: Path) -> None:
    assert tokens(file).validate(signed()) == Identity("carol", expires_ms=NOW_S * 1000)
    assert tokens(file).validate(signed(EC, "ES256", "ec")).name == "carol"
    assert tokens(file).validate(signed(kid=None)).name == "carol", "any key may have signed"
    assert tokens(file).validate(signed(scope="read write")).name == "carol"
    assert tokens(file, sub_claim_name="name").validate(signed()).name == "C"
    assert tokens(file, expected_audience=(), expected_issuer=None).validate(signed(aud="x", iss="y")).name == "carol"


def unsigned(**claims: Any) -> str:
    parts = ({"alg": "none"}, CLAIMS | claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(OTHER),
        signed(kid="nobody"),
        signed(OTHER, kid=None),
        signed(scope=""),
        signed(scope=["read", "read"]),
        signed(exp=1_600_000_000),
        signed(exp=None),
        signed(iat=None),
        signed(sub=None),
        signed(sub=" "),
        signed(aud=["other"]),
        signed(iss="https://other"),
        signed("a shared secret of enough bytes!!", "HS256"),
        unsigned(),
        signed()[:-8] + "AAAAAAAA",
        signed(EC, "ES256", "rsa"),
    ],
)
def test_every_other_token_is_refused(file: Path, token: str) -> None:
    with pytest.raises(SaslError) as refused:
        tokens(file).validate(token)
    assert not token or token not in str(refused.value)


def test_keys_are_read_again(file: Path) -> None:
    clock = ManualClock()
    file.write_text(json.dumps(jwks("rsa")))
    keys = JsonWebKeys(file.as_uri(), 60_000, clock)
    assert keys.find("ec", "ES256") == []
    file.write_text(json.dumps(jwks("rsa", "ec")))
    clock.ms += 20_000
    assert keys.find("ec", "ES256") == []  # looks it up behind the scenes
    for thread in threading.enumerate():
        if thread.name == "jwks":
            thread.join(10)
    assert keys.find("ec", "ES256") != []


def test_unsecured_tokens() -> None:
    clock = ManualClock()
    validate = UnsecuredTokens(clock, {"unsecuredValidatorRequiredScope": "read"}).validate
    end = clock.ms // 1000 + 60
    assert validate(unsigned(exp=end, scope="read write")).name == "carol"
    assert validate(unsigned(exp=end, scope=["read"])).expires_ms == end * 1000
    for token in (
        signed(exp=end),
        unsigned(exp=end),
        unsigned(exp=1, scope="read"),
        unsigned(sub="", scope="read"),
        "x",
    ):
        with pytest.raises(SaslError):
            validate(token)
