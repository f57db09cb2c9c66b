"""CreateAcls, API 30: versions 1 to 3.

KIP-140 (0), KIP-290 (1), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class AclCreation(Struct):
    resource_type: Int8
    resource_name: str
    resource_pattern_type: Int8 = field(default=3)
    principal: str
    host: str
    operation: Int8
    permission_type: Int8


class CreateAclsRequest(Request, api=30, versions="1-3", flexible="2+"):
    """Adds ACLs."""

    creations: list[AclCreation]


class AclCreationResult(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")


class CreateAclsResponse(Response, api=30, versions="1-3", flexible="2+"):
    """One result for each ACL, in order."""

    throttle_time_ms: Int32 = field(default=0)
    results: list[AclCreationResult]
