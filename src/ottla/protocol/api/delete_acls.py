"""DeleteAcls, API 31: versions 1 to 3.

KIP-140 (0), KIP-290 (1), KIP-482 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32


class DeleteAclsFilter(Struct):
    resource_type_filter: Int8
    resource_name_filter: str | None = field(nullable="0+")
    pattern_type_filter: Int8 = field(default=3)
    principal_filter: str | None = field(nullable="0+")
    host_filter: str | None = field(nullable="0+")
    operation: Int8
    permission_type: Int8


class DeleteAclsRequest(Request, api=31, versions="1-3", flexible="2+"):
    """Deletes the ACLs that match any of the filters."""

    filters: list[DeleteAclsFilter]


class DeleteAclsMatchingAcl(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    resource_type: Int8
    resource_name: str
    pattern_type: Int8 = field(default=3)
    principal: str
    host: str
    operation: Int8
    permission_type: Int8


class DeleteAclsFilterResult(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    matching_acls: list[DeleteAclsMatchingAcl]


class DeleteAclsResponse(Response, api=31, versions="1-3", flexible="2+"):
    """What each filter matched and whether it was deleted."""

    throttle_time_ms: Int32 = field(default=0)
    filter_results: list[DeleteAclsFilterResult]
