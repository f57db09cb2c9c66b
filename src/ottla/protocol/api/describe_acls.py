"""DescribeAcls, API 29: versions 1 to 3.

KIP-140 (0), KIP-290 (1), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class DescribeAclsRequest(Request, api=29, versions="1-3", flexible="2+"):
    """Asks for the ACLs that match a filter."""

    resource_type_filter: Int8
    resource_name_filter: str | None = field(nullable="0+")
    pattern_type_filter: Int8 = field(default=3)
    principal_filter: str | None = field(nullable="0+")
    host_filter: str | None = field(nullable="0+")
    operation: Int8
    permission_type: Int8


class AclDescription(Struct):
    principal: str
    host: str
    operation: Int8
    permission_type: Int8


class DescribeAclsResource(Struct):
    resource_type: Int8
    resource_name: str
    pattern_type: Int8 = field(default=3)
    acls: list[AclDescription]


class DescribeAclsResponse(Response, api=29, versions="1-3", flexible="2+"):
    """The matching ACLs, by resource pattern."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    resources: list[DescribeAclsResource]
