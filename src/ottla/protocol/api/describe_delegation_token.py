"""DescribeDelegationToken, API 41: versions 1 to 3.

KIP-48 (0), KIP-482 (2), KIP-373 (3).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class DescribeDelegationTokenOwner(Struct):
    principal_type: str
    principal_name: str


class DescribeDelegationTokenRequest(Request, api=41, versions="1-3", flexible="2+"):
    """Asks for the delegation tokens of the given owners."""

    owners: list[DescribeDelegationTokenOwner] | None = field(nullable="0+")


class DescribedDelegationTokenRenewer(Struct):
    principal_type: str
    principal_name: str


class DescribedDelegationToken(Struct):
    principal_type: str
    principal_name: str
    token_requester_principal_type: str = field("3+", default="")
    token_requester_principal_name: str = field("3+", default="")
    issue_timestamp: Int64
    expiry_timestamp: Int64
    max_timestamp: Int64
    token_id: str
    hmac: bytes
    renewers: list[DescribedDelegationTokenRenewer]


class DescribeDelegationTokenResponse(Response, api=41, versions="1-3", flexible="2+"):
    """The tokens that the requester may see."""

    error_code: Int16
    tokens: list[DescribedDelegationToken]
    throttle_time_ms: Int32 = field(default=0)
