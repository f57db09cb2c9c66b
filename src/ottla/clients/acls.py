"""ACLs (KIP-11, KIP-290): found, created and deleted. The numbers are those of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.protocol.api.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.api.delete_acls import (
    DeleteAclsFilter,
    DeleteAclsMatchingAcl,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from ottla.protocol.api.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.clients.client import KafkaClient

ANY: Final = 1
TOPIC: Final = 2
LITERAL: Final = 3
ALL: Final = 2
READ: Final = 3
WRITE: Final = 4
DENY: Final = 2
ALLOW: Final = 3


class AclBinding(NamedTuple):
    resource_type: int
    resource_name: str
    pattern_type: int
    principal: str
    host: str
    operation: int
    permission_type: int


class AclFilter(NamedTuple):
    """What is left as it is matches everything."""

    resource_type: int = ANY
    resource_name: str | None = None
    pattern_type: int = ANY
    principal: str | None = None
    host: str | None = None
    operation: int = ANY
    permission_type: int = ANY


async def describe_acls(client: KafkaClient, resource_type: int = ANY) -> list[AclBinding]:
    """Every ACL of a kind of resource. `KafkaError(SECURITY_DISABLED)` from a cluster without an authorizer."""
    return await find_acls(client, AclFilter(resource_type))


async def find_acls(client: KafkaClient, wanted: AclFilter) -> list[AclBinding]:
    """Every ACL that matches. `KafkaError(SECURITY_DISABLED)` from a cluster without an authorizer."""
    request = DescribeAclsRequest(
        resource_type_filter=wanted.resource_type,
        resource_name_filter=wanted.resource_name,
        pattern_type_filter=wanted.pattern_type,
        principal_filter=wanted.principal,
        host_filter=wanted.host,
        operation=wanted.operation,
        permission_type=wanted.permission_type,
    )
    response = await client.send_any(request, DescribeAclsResponse)
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), response.error_message or "the ACLs cannot be listed")
    return [
        AclBinding(
            resource.resource_type,
            resource.resource_name,
            resource.pattern_type,
            acl.principal,
            acl.host,
            acl.operation,
            acl.permission_type,
        )
        for resource in response.resources
        for acl in resource.acls
    ]


async def delete_acls(client: KafkaClient, filters: Sequence[AclFilter]) -> list[AclBinding]:
    """Delete whatever matches any of them, and tell what that was. `KafkaError`: the first refusal."""
    if not filters:
        return []
    asked = [
        DeleteAclsFilter(
            resource_type_filter=each.resource_type,
            resource_name_filter=each.resource_name,
            pattern_type_filter=each.pattern_type,
            principal_filter=each.principal,
            host_filter=each.host,
            operation=each.operation,
            permission_type=each.permission_type,
        )
        for each in filters
    ]
    response = await client.send_any(DeleteAclsRequest(filters=asked), DeleteAclsResponse)
    deleted: list[AclBinding] = []
    for result in response.filter_results:
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), result.error_message or "the ACLs cannot be deleted")
        deleted += [_deleted(match) for match in result.matching_acls]
    return deleted


def _deleted(match: DeleteAclsMatchingAcl) -> AclBinding:
    if match.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(match.error_code), match.error_message or match.resource_name)
    return AclBinding(
        match.resource_type,
        match.resource_name,
        match.pattern_type,
        match.principal,
        match.host,
        match.operation,
        match.permission_type,
    )


async def create_acls(client: KafkaClient, bindings: Sequence[AclBinding]) -> list[KafkaError | None]:
    """The error of each, in order; `None` where it was created, or was there."""
    if not bindings:
        return []
    creations = [
        AclCreation(
            resource_type=each.resource_type,
            resource_name=each.resource_name,
            resource_pattern_type=each.pattern_type,
            principal=each.principal,
            host=each.host,
            operation=each.operation,
            permission_type=each.permission_type,
        )
        for each in bindings
    ]
    response = await client.send_any(CreateAclsRequest(creations=creations), CreateAclsResponse)
    return [
        None
        if result.error_code == ErrorCode.NONE
        else KafkaError(error_code(result.error_code), result.error_message or binding.resource_name)
        for result, binding in zip(response.results, bindings, strict=True)
    ]
