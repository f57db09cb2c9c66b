"""SaslAuthenticate, API 36: versions 0 to 2.

KIP-152 (0), KIP-368 (1), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int64


class SaslAuthenticateRequest(Request, api=36, versions="0-2", flexible="2+"):
    """Carries one token of a SASL exchange."""

    auth_bytes: bytes


class SaslAuthenticateResponse(Response, api=36, versions="0-2", flexible="2+"):
    """The server's token, and how long the session lasts (1)."""

    error_code: Int16
    error_message: str | None = field(nullable="0+")
    auth_bytes: bytes
    session_lifetime_ms: Int64 = field("1+", default=0, ignorable=True)
