"""UnregisterBroker, API 64: version 0.

KIP-631 (0).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32


class UnregisterBrokerRequest(Request, api=64, versions="0", flexible="0+"):
    """Removes a broker's registration for good."""

    broker_id: Int32


class UnregisterBrokerResponse(Response, api=64, versions="0", flexible="0+"):
    """Whether it was removed."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
