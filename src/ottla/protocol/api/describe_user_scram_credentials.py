"""DescribeUserScramCredentials, API 50: version 0.

KIP-554 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class UserName(Struct):
    name: str


class DescribeUserScramCredentialsRequest(Request, api=50, versions="0", flexible="0+"):
    """Asks which SCRAM mechanisms users have credentials for."""

    users: list[UserName] | None = field(nullable="0+")


class CredentialInfo(Struct):
    mechanism: Int8
    iterations: Int32


class DescribeUserScramCredentialsResult(Struct):
    user: str
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    credential_infos: list[CredentialInfo]


class DescribeUserScramCredentialsResponse(Response, api=50, versions="0", flexible="0+"):
    """Mechanisms and iteration counts by user; never a secret."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    results: list[DescribeUserScramCredentialsResult]
