"""What every SASL mechanism looks like, from both sides: tokens in, tokens out, nothing else. RFC 4422.

client   first() ─► token ─►┐        ┌─► token ─► next(token) ─► …  ─► None: nothing more to send
server                      └► next ─┘   done: who it is; or `SaslError`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MAX_TOKEN_BYTES = 512 * 1024


class SaslError(Exception):
    """The exchange has failed. The text may be told to the other side: it names no secret and no user."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who was authenticated, until when (`None`: no end), and whether with a delegation token."""

    name: str
    principal_type: str = "User"
    expires_ms: int | None = None
    token_authenticated: bool = False

    @property
    def principal(self) -> str:
        return f"{self.principal_type}:{self.name}"


class ServerExchange(Protocol):
    @property
    def identity(self) -> Identity | None:
        """Once the client has proved it."""
        ...

    def next(self, token: bytes) -> bytes:
        """The server's answer to a token of the client. Raises `SaslError`."""
        ...


class ClientExchange(Protocol):
    def first(self) -> bytes:
        """What the client says first."""
        ...

    def next(self, token: bytes) -> bytes | None:
        """The client's answer to a token of the server; `None`: all is said. Raises `SaslError`."""
        ...
