"""SaslHandshake, API 17: versions 0 to 1.

KIP-43 (0), KIP-152 (1).
"""

from ottla.protocol.message import Request, Response
from ottla.protocol.types import Int16


class SaslHandshakeRequest(Request, api=17, versions="0-1", flexible="none"):
    """A client names the SASL mechanism that it wants to use."""

    mechanism: str


class SaslHandshakeResponse(Response, api=17, versions="0-1", flexible="none"):
    """Whether the mechanism is enabled, and which ones are."""

    error_code: Int16
    mechanisms: list[str]
