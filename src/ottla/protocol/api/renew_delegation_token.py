"""RenewDelegationToken, API 39: versions 1 to 2.

KIP-48 (0), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64


class RenewDelegationTokenRequest(Request, api=39, versions="1-2", flexible="2+"):
    """Extends a delegation token."""

    hmac: bytes
    renew_period_ms: Int64


class RenewDelegationTokenResponse(Response, api=39, versions="1-2", flexible="2+"):
    """The new time of expiry."""

    error_code: Int16
    expiry_timestamp_ms: Int64
    throttle_time_ms: Int32 = field(default=0)
