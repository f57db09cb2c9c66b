"""DescribeAcls (29): the access control entries that match a filter.

| version | what changed                | KIP |
|---------|-----------------------------|-----|
| 1       | prefixed resource patterns  | 290 |
| 2       | tagged fields               | 482 |
| 3       | resources of type USER      | 373 |

A node without an authorizer answers SECURITY_DISABLED. Kafka's `AclApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.metadata.acls import AclFilter
from ottla.protocol.api.describe_acls import (
    AclDescription,
    DescribeAclsRequest,
    DescribeAclsResource,
    DescribeAclsResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.image import MetadataImage

NO_AUTHORIZER: Final = "No Authorizer is configured on the broker"


class DescribeAclsHandler:
    def __init__(self, image: Callable[[], MetadataImage], *, enabled: bool) -> None:
        """`enabled`: the node has an authorizer."""
        self._image = image
        self._enabled = enabled

    def __call__(self, context: RequestContext, request: DescribeAclsRequest) -> DescribeAclsResponse:
        if not self._enabled:
            return _refused(ErrorCode.SECURITY_DISABLED, NO_AUTHORIZER)
        acl_filter = AclFilter(
            resource_type=request.resource_type_filter,
            resource_name=request.resource_name_filter,
            pattern_type=request.pattern_type_filter,
            principal=request.principal_filter,
            host=request.host_filter,
            operation=request.operation,
            permission_type=request.permission_type,
        )
        unknown = acl_filter.unknown_part
        if unknown is not None:
            return _refused(ErrorCode.INVALID_REQUEST, f"The {unknown} has a part that is not known here")
        resources: dict[tuple[int, str, int], DescribeAclsResource] = {}
        for entry in self._image().acls.by_id.values():
            if not acl_filter.matches(entry):
                continue
            key = (entry.resource_type, entry.resource_name, entry.pattern_type)
            resource = resources.get(key)
            if resource is None:
                resource = resources[key] = DescribeAclsResource(
                    resource_type=entry.resource_type,
                    resource_name=entry.resource_name,
                    pattern_type=entry.pattern_type,
                    acls=[],
                )
            resource.acls.append(
                AclDescription(
                    principal=entry.principal,
                    host=entry.host,
                    operation=entry.operation,
                    permission_type=entry.permission_type,
                )
            )
        return DescribeAclsResponse(error_code=ErrorCode.NONE, error_message="", resources=list(resources.values()))


def _refused(error: ErrorCode, message: str) -> DescribeAclsResponse:
    return DescribeAclsResponse(error_code=error, error_message=message, resources=[])
