"""Making and removing access control entries. KIP-801; Kafka's `AclControlManager`, `AclApis`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.metadata.acls import CLUSTER_NAME, AclFilter, AclOperation, PatternType, PermissionType, ResourceType
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.create_acls import AclCreation, AclCreationResult, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.api.delete_acls import (
    DeleteAclsFilter,
    DeleteAclsFilterResult,
    DeleteAclsMatchingAcl,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord
from ottla.protocol.metadata_record.remove_access_control_entry_record import RemoveAccessControlEntryRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_RECORDS_PER_USER_OPERATION = 10_000
"""What one request may change at most (Kafka's `QuorumController.MAX_RECORDS_PER_USER_OP`)."""


def create_acls(view: ControllerView, request: CreateAclsRequest) -> ControllerResult[CreateAclsResponse]:
    """Each entry by itself; one that is there already is no error and makes no record."""
    known = {_facts(entry) for entry in view.image.acls.by_id.values()}
    records: list[VersionedRecord] = []
    results = []
    for creation in request.creations:
        wrong = _what_is_wrong(creation)
        if wrong is not None:
            results.append(AclCreationResult(error_code=ErrorCode.INVALID_REQUEST, error_message=wrong))
            continue
        results.append(AclCreationResult(error_code=ErrorCode.NONE, error_message=""))
        entry = _entry(view.new_uuid(), creation)
        if _facts(entry) not in known:
            known.add(_facts(entry))
            records.append(VersionedRecord(entry))
    _check_count(records)
    return ControllerResult(records, CreateAclsResponse(results=results))


def delete_acls(view: ControllerView, request: DeleteAclsRequest) -> ControllerResult[DeleteAclsResponse]:
    """Each filter answers what it matched; an entry that several match is told by each and removed once."""
    removed: dict[bytes, VersionedRecord] = {}
    results = []
    for wanted in request.filters:
        acl_filter = filter_of(wanted)
        unknown = acl_filter.unknown_part
        if unknown is not None:
            results.append(
                DeleteAclsFilterResult(
                    error_code=ErrorCode.INVALID_REQUEST, error_message=f"Unknown {unknown}.", matching_acls=[]
                )
            )
            continue
        matching = [entry for entry in view.image.acls.by_id.values() if acl_filter.matches(entry)]
        for entry in matching:
            removed[entry.id] = VersionedRecord(RemoveAccessControlEntryRecord(id=entry.id))
        results.append(
            DeleteAclsFilterResult(
                error_code=ErrorCode.NONE, error_message=None, matching_acls=[_matching(entry) for entry in matching]
            )
        )
    records = list(removed.values())
    _check_count(records)
    return ControllerResult(records, DeleteAclsResponse(filter_results=results))


def filter_of(wanted: DeleteAclsFilter) -> AclFilter:
    return AclFilter(
        resource_type=wanted.resource_type_filter,
        resource_name=wanted.resource_name_filter,
        pattern_type=wanted.pattern_type_filter,
        principal=wanted.principal_filter,
        host=wanted.host_filter,
        operation=wanted.operation,
        permission_type=wanted.permission_type,
    )


def _check_count(records: Sequence[VersionedRecord]) -> None:
    if len(records) > MAX_RECORDS_PER_USER_OPERATION:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"More than {MAX_RECORDS_PER_USER_OPERATION} ACLs in one request")


def _entry(new_id: bytes, creation: AclCreation) -> AccessControlEntryRecord:
    return AccessControlEntryRecord(
        id=new_id,
        resource_type=creation.resource_type,
        resource_name=creation.resource_name,
        pattern_type=creation.resource_pattern_type,
        principal=creation.principal,
        host=creation.host,
        operation=creation.operation,
        permission_type=creation.permission_type,
    )


def _facts(entry: AccessControlEntryRecord) -> tuple[int, str, int, str, str, int, int]:
    """Everything but the id: what makes two entries the same."""
    return (
        entry.resource_type,
        entry.resource_name,
        entry.pattern_type,
        entry.principal,
        entry.host,
        entry.operation,
        entry.permission_type,
    )


def _what_is_wrong(creation: AclCreation) -> str | None:
    """Why an entry cannot be made."""
    if creation.resource_type == ResourceType.CLUSTER and creation.resource_name != CLUSTER_NAME:
        return f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}"
    if not creation.resource_name:
        return "Invalid empty resource name"
    if not ResourceType.TOPIC <= creation.resource_type <= ResourceType.USER:
        return f"Invalid resourceType {creation.resource_type}"
    if creation.resource_pattern_type not in (PatternType.LITERAL, PatternType.PREFIXED):
        return f"Invalid patternType {creation.resource_pattern_type}"
    if not AclOperation.ALL <= creation.operation <= AclOperation.TWO_PHASE_COMMIT:
        return f"Invalid operation {creation.operation}"
    if creation.permission_type not in (PermissionType.DENY, PermissionType.ALLOW):
        return f"Invalid permissionType {creation.permission_type}"
    if ":" not in creation.principal:
        return f"Could not parse principal from `{creation.principal}`: there is no colon after its type"
    return None


def _matching(entry: AccessControlEntryRecord) -> DeleteAclsMatchingAcl:
    return DeleteAclsMatchingAcl(
        error_code=ErrorCode.NONE,
        error_message=None,
        resource_type=entry.resource_type,
        resource_name=entry.resource_name,
        pattern_type=entry.pattern_type,
        principal=entry.principal,
        host=entry.host,
        operation=entry.operation,
        permission_type=entry.permission_type,
    )
