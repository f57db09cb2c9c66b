"""CreateDelegationToken, API 38: versions 1 to 3.

KIP-48 (0), KIP-482 (2), KIP-373 (3).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class CreatableRenewers(Struct):
    principal_type: str
    principal_name: str


class CreateDelegationTokenRequest(Request, api=38, versions="1-3", flexible="2+"):
    """Asks for a delegation token."""

    owner_principal_type: str | None = field("3+", default="", nullable="3+")
    owner_principal_name: str | None = field("3+", default="", nullable="3+")
    renewers: list[CreatableRenewers]
    max_lifetime_ms: Int64


class CreateDelegationTokenResponse(Response, api=38, versions="1-3", flexible="2+"):
    """The token, its HMAC and its life time."""

    error_code: Int16
    principal_type: str
    principal_name: str
    token_requester_principal_type: str = field("3+", default="")
    token_requester_principal_name: str = field("3+", default="")
    issue_timestamp_ms: Int64
    expiry_timestamp_ms: Int64
    max_timestamp_ms: Int64
    token_id: str
    hmac: bytes
    throttle_time_ms: Int32 = field(default=0)
