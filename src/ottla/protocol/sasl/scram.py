"""SCRAM-SHA-256 and SCRAM-SHA-512: both sides prove that they know a password, and nobody sends it. RFC 5802, 7677.

    client   n,,n=user,r=cnonce[,tokenauth=true]
    server   r=cnonce+snonce,s=base64(salt),i=iterations
    client   c=biws,r=cnonce+snonce,p=base64(ClientProof)
    server   v=base64(ServerSignature)

    SaltedPassword = Hi(password, salt, iterations)     ClientKey = HMAC(SaltedPassword, "Client Key")
    StoredKey      = H(ClientKey)                       ServerKey = HMAC(SaltedPassword, "Server Key")
    ClientProof    = ClientKey XOR HMAC(StoredKey, AuthMessage)

`tokenauth=true` says that the name is the id of a delegation token (KIP-48). Nonces are handed in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from ottla.protocol.sasl.exchange import Identity, SaslError

if TYPE_CHECKING:
    from collections.abc import Callable


class ScramMechanism(IntEnum):
    """The number that travels and is stored (KIP-554)."""

    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2

    @property
    def mechanism_name(self) -> str:
        return self.name.replace("_", "-")

    @property
    def hash_name(self) -> str:
        return "sha256" if self is ScramMechanism.SCRAM_SHA_256 else "sha512"


SCRAM_MECHANISMS = {mechanism.mechanism_name: mechanism for mechanism in ScramMechanism}
MIN_ITERATIONS = 4096
MAX_ITERATIONS = 16384

_FIRST = re.compile(
    r"n,(?:a=(?P<authzid>[^,]*))?,(?P<bare>(?:m=[^,]*,)?n=(?P<name>[^,]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?P<rest>(?:,[A-Za-z]+=[^,]*)*))"
)
_SERVER_FIRST = re.compile(
    r"(?:m=[^,]*,)?r=(?P<nonce>[^,]+),s=(?P<salt>[A-Za-z0-9+/=]+),i=(?P<iterations>\d{1,9})(?:,.*)?"
)
_FINAL = re.compile(
    r"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]*),r=(?P<nonce>[^,]+)(?:,[A-Za-z]=[^,]*)*),p=(?P<proof>[A-Za-z0-9+/=]+)"
)
_NO_BINDING = base64.b64encode(b"n,,").decode()


@dataclass(frozen=True, slots=True)
class ScramCredential:
    """What a server keeps of a password: nobody can log in with it."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int

    def __repr__(self) -> str:
        return f"ScramCredential({self.iterations} iterations)"


@dataclass(frozen=True, slots=True)
class ScramUser:
    """A user, or the owner of a delegation token, with the credential to prove."""

    identity: Identity
    credential: ScramCredential


def salted_password(mechanism: ScramMechanism, password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac(mechanism.hash_name, password.encode(), salt, iterations)


def credential_of(mechanism: ScramMechanism, salted: bytes, salt: bytes, iterations: int) -> ScramCredential:
    """What is kept of a salted password."""
    name = mechanism.hash_name
    client_key = hmac.digest(salted, b"Client Key", name)
    return ScramCredential(
        salt, hashlib.new(name, client_key).digest(), hmac.digest(salted, b"Server Key", name), iterations
    )


class ScramServer:
    """`find(name, is_token)` gives the user of a name or of a token's id; `None` if there is none."""

    def __init__(
        self, mechanism: ScramMechanism, server_nonce: str, find: Callable[[str, bool], ScramUser | None]
    ) -> None:
        self._mechanism = mechanism
        self._server_nonce = server_nonce
        self._find = find
        self._user: ScramUser | None = None
        self._nonce = ""
        self._messages = ""
        self.identity: Identity | None = None

    def next(self, token: bytes) -> bytes:
        if self.identity is not None:
            raise SaslError("Authentication is complete")
        try:
            text = token.decode()
        except UnicodeDecodeError:
            raise SaslError("A SCRAM message is not UTF-8") from None
        return self._first(text) if self._user is None else self._final(text, self._user)

    def _first(self, text: str) -> bytes:
        match = _FIRST.fullmatch(text)
        if match is None:
            raise SaslError("The first message of a SCRAM client cannot be read")
        name = match["name"].replace("=2C", ",").replace("=3D", "=")
        if match["authzid"] not in (None, "", match["name"]):
            raise SaslError("The authorization id must be the user's name")
        user = self._find(name, ",tokenauth=true" in match["rest"])
        if user is None or user.credential.iterations < MIN_ITERATIONS:
            raise self._refused()
        self._user = user
        self._nonce = match["nonce"] + self._server_nonce
        credential = user.credential
        answer = f"r={self._nonce},s={base64.b64encode(credential.salt).decode()},i={credential.iterations}"
        self._messages = f"{match['bare']},{answer}"
        return answer.encode()

    def _final(self, text: str, user: ScramUser) -> bytes:
        match = _FINAL.fullmatch(text)
        if match is None or not hmac.compare_digest(match["nonce"].encode(), self._nonce.encode()):
            raise SaslError("The final message of a SCRAM client cannot be read, or has another nonce")
        name, credential = self._mechanism.hash_name, user.credential
        message = f"{self._messages},{match['bare']}".encode()
        proof = _decode(match["proof"])
        client_key = _xor(proof, hmac.digest(credential.stored_key, message, name))
        if not hmac.compare_digest(hashlib.new(name, client_key).digest(), credential.stored_key):
            raise self._refused()
        self.identity = user.identity
        return b"v=" + base64.b64encode(hmac.digest(credential.server_key, message, name))

    def _refused(self) -> SaslError:
        name = self._mechanism.mechanism_name
        return SaslError(f"Authentication failed due to invalid credentials with SASL mechanism {name}")


class ScramClient:
    """`client_nonce`: printable and fresh, without a comma."""

    def __init__(
        self, mechanism: ScramMechanism, name: str, password: str, client_nonce: str, *, token: bool = False
    ) -> None:
        self._mechanism = mechanism
        self._password = password
        self._nonce = client_nonce
        escaped = name.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={escaped},r={client_nonce}" + (",tokenauth=true" if token else "")
        self._signature: bytes | None = None

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def next(self, token: bytes) -> bytes | None:
        text = token.decode("utf-8", "replace")
        if self._signature is not None:
            if not hmac.compare_digest(token, b"v=" + base64.b64encode(self._signature)):
                raise SaslError("the broker does not know the password either: its signature is wrong")
            return None
        match = _SERVER_FIRST.fullmatch(text)
        if match is None or not match["nonce"].startswith(self._nonce) or match["nonce"] == self._nonce:
            raise SaslError("the broker's SCRAM message cannot be read, or has another nonce")
        iterations = int(match["iterations"])
        if not MIN_ITERATIONS <= iterations <= 1_000_000:
            raise SaslError(f"the broker asks for {iterations} SCRAM iterations")
        name = self._mechanism.hash_name
        salted = salted_password(self._mechanism, self._password, _decode(match["salt"]), iterations)
        client_key = hmac.digest(salted, b"Client Key", name)
        bare = f"c={_NO_BINDING},r={match['nonce']}"
        message = f"{self._bare},{text},{bare}".encode()
        stored_key = hashlib.new(name, client_key).digest()
        proof = _xor(client_key, hmac.digest(stored_key, message, name))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", name), message, name)
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise SaslError("A part of a SCRAM message is not base64") from None


def _xor(left: bytes, right: bytes) -> bytes:
    if len(left) != len(right):
        raise SaslError("The proof of a SCRAM client has the wrong size")
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
