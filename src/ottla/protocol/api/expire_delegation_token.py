"""ExpireDelegationToken, API 40: versions 1 to 2.

KIP-48 (0), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64


class ExpireDelegationTokenRequest(Request, api=40, versions="1-2", flexible="2+"):
    """Shortens or ends the life of a delegation token."""

    hmac: bytes
    expiry_time_period_ms: Int64


class ExpireDelegationTokenResponse(Response, api=40, versions="1-2", flexible="2+"):
    """The new time of expiry."""

    error_code: Int16
    expiry_timestamp_ms: Int64
    throttle_time_ms: Int32 = field(default=0)
