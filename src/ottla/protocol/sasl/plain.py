"""PLAIN: a name and a password in the clear, so only for protected connections. RFC 4616.

client   [authzid] NUL authcid NUL passwd
server   (empty)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.protocol.sasl.exchange import Identity, SaslError

if TYPE_CHECKING:
    from collections.abc import Callable

MECHANISM = "PLAIN"


class PlainServer:
    """`check(name, password)` says whether that is the user's password."""

    def __init__(self, check: Callable[[str, str], bool]) -> None:
        self._check = check
        self.identity: Identity | None = None

    def next(self, token: bytes) -> bytes:
        try:
            parts = token.decode().split("\0")
        except UnicodeDecodeError:
            raise SaslError("Authentication failed: the PLAIN token is not UTF-8") from None
        if len(parts) != 3:
            raise SaslError("Authentication failed: a PLAIN token has three parts")
        authorization_id, name, password = parts
        if not name or not password:
            raise SaslError("Authentication failed: name or password is missing")
        if not self._check(name, password):
            raise SaslError("Authentication failed: Invalid username or password")
        if authorization_id not in ("", name):
            raise SaslError("Authentication failed: the authorization id must be the user's name")
        self.identity = Identity(name)
        return b""


class PlainClient:
    def __init__(self, name: str, password: str) -> None:
        self._token = f"\0{name}\0{password}".encode()

    def first(self) -> bytes:
        return self._token

    def next(self, token: bytes) -> bytes | None:
        return None
