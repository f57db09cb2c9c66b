"""AlterUserScramCredentials, API 51: version 0.

KIP-554 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class ScramCredentialDeletion(Struct):
    name: str
    mechanism: Int8


class ScramCredentialUpsertion(Struct):
    name: str
    mechanism: Int8
    iterations: Int32
    salt: bytes
    salted_password: bytes


class AlterUserScramCredentialsRequest(Request, api=51, versions="0", flexible="0+"):
    """Deletes or upserts SCRAM credentials."""

    deletions: list[ScramCredentialDeletion]
    upsertions: list[ScramCredentialUpsertion]


class AlterUserScramCredentialsResult(Struct):
    user: str
    error_code: Int16
    error_message: str | None = field(nullable="0+")


class AlterUserScramCredentialsResponse(Response, api=51, versions="0", flexible="0+"):
    """What became of each user."""

    throttle_time_ms: Int32 = field(default=0)
    results: list[AlterUserScramCredentialsResult]
