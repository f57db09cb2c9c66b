"""OAUTHBEARER: a bearer token that somebody else has signed. RFC 7628, KIP-255.

client   n,[a=authzid], ^A auth=Bearer TOKEN ^A [key=value ^A …] ^A        ^A is the byte 1
server   (empty); or {"status":"invalid_token",…}, which the client answers with ^A
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ottla.protocol.sasl.exchange import Identity, SaslError

if TYPE_CHECKING:
    from collections.abc import Callable

MECHANISM = "OAUTHBEARER"

_TOKEN = re.compile(
    r"n,(?:a=(?P<authzid>[^,]*))?,\x01(?:auth=(?P<scheme>\w+)[ ]+(?P<token>[-_~+/.A-Za-z0-9]+[=]*))"
    r"(?P<extensions>(?:\x01[A-Za-z]+=[\x21-\x7e \t\r\n]*)*)\x01\x01"
)


class OAuthBearerServer:
    """`validate(token)` says whose it is; raises `SaslError`."""

    def __init__(self, validate: Callable[[str], Identity]) -> None:
        self._validate = validate
        self._failed: SaslError | None = None
        self.identity: Identity | None = None

    def next(self, token: bytes) -> bytes:
        if self._failed is not None:
            raise self._failed
        try:
            match = _TOKEN.fullmatch(token.decode())
        except UnicodeDecodeError:
            match = None
        if match is None or match["scheme"].lower() != "bearer":
            raise SaslError("The message of an OAUTHBEARER client cannot be read")
        try:
            identity = self._validate(match["token"])
        except SaslError as error:
            self._failed = error
            return b'{"status":"invalid_token"}'
        if match["authzid"] not in (None, "", identity.name):
            raise SaslError("Authentication failed: the authorization id is not that of the token")
        self.identity = identity
        return b""


class OAuthBearerClient:
    def __init__(self, token: str) -> None:
        self._token = token

    def first(self) -> bytes:
        return f"n,,\x01auth=Bearer {self._token}\x01\x01".encode()

    def next(self, token: bytes) -> bytes | None:
        return b"\x01" if token else None
