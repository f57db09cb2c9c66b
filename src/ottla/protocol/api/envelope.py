"""Envelope, API 58: version 0.

KIP-590 (0).
"""

from ottla.protocol.message import Message, Request, Response, field
from ottla.protocol.types import Int16


class DefaultPrincipalData(Message, versions="0", flexible="0+"):
    """The principal that an `EnvelopeRequest` carries in its default form."""

    type: str
    name: str
    token_authenticated: bool


class EnvelopeRequest(Request, api=58, versions="0", flexible="0+"):
    """A broker forwards a client's request to the controller, with the client's principal."""

    request_data: bytes
    request_principal: bytes | None = field(nullable="0+")
    client_host_address: bytes


class EnvelopeResponse(Response, api=58, versions="0", flexible="0+"):
    """The forwarded request's response, as opaque bytes."""

    response_data: bytes | None = field(default=None, nullable="0+")
    error_code: Int16
