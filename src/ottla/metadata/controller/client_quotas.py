"""Setting and removing client quotas. KIP-546; Kafka's `ClientQuotaControlManager`, `QuotaConfig`."""

from __future__ import annotations

import ipaddress
import math
from typing import TYPE_CHECKING, Final

from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasRequestEntryData,
    AlterClientQuotasResponse,
    AlterClientQuotasResponseEntryData,
    EntityData,
    OpData,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.client_quota_record import ClientQuotaRecord
from ottla.protocol.metadata_record.client_quota_record import EntityData as RecordEntityData

if TYPE_CHECKING:
    from ottla.metadata.client_quotas import QuotaEntity

USER: Final = "user"
CLIENT_ID: Final = "client-id"
IP: Final = "ip"

WHOLE_NUMBERS: Final = {
    "producer_byte_rate": 2**63 - 1,
    "consumer_byte_rate": 2**63 - 1,
    "connection_creation_rate": 2**31 - 1,
}
"""Quotas that are whole numbers, and the largest there is."""
CLIENT_KEYS: Final = ("producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate")
IP_KEYS: Final = ("connection_creation_rate",)
_NEARLY: Final = 1e-6


def alter_client_quotas(
    view: ControllerView, request: AlterClientQuotasRequest
) -> ControllerResult[AlterClientQuotasResponse]:
    """Each entity by itself: all of its operations or none."""
    records: list[VersionedRecord] = []
    answers = []
    for entry in request.entries:
        error: KafkaError | None = None
        try:
            records += _alter(view, entry)
        except KafkaError as refused:
            error = refused
        answers.append(
            AlterClientQuotasResponseEntryData(
                error_code=ErrorCode.NONE if error is None else error.code,
                error_message=None if error is None else error.message,
                entity=[
                    EntityData(entity_type=part.entity_type, entity_name=part.entity_name) for part in entry.entity
                ],
            )
        )
    return ControllerResult([] if request.validate_only else records, AlterClientQuotasResponse(entries=answers))


def _alter(view: ControllerView, entry: AlterClientQuotasRequestEntryData) -> list[VersionedRecord]:
    entity = _entity(entry)
    keys = IP_KEYS if entity[0][0] == IP else CLIENT_KEYS
    current = view.image.client_quotas.by_entity.get(entity, {})
    records = []
    for operation in entry.ops:
        if operation.key not in keys:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Invalid configuration key {operation.key}")
        if operation.remove:
            if operation.key not in current:
                continue
        else:
            _check_value(operation)
            if current.get(operation.key) == operation.value:
                continue
        records.append(
            VersionedRecord(
                ClientQuotaRecord(
                    entity=[RecordEntityData(entity_type=kind, entity_name=name) for kind, name in entity],
                    key=operation.key,
                    value=0.0 if operation.remove else operation.value,
                    remove=operation.remove,
                )
            )
        )
    return records


def _entity(entry: AlterClientQuotasRequestEntryData) -> QuotaEntity:
    parts: dict[str, str | None] = {}
    for part in entry.entity:
        if part.entity_type in parts:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Duplicate entity type {part.entity_type}")
        if part.entity_type not in (USER, CLIENT_ID, IP):
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unhandled client quota entity type: {part.entity_type}")
        if part.entity_name == "":
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Empty {part.entity_type} not supported")
        parts[part.entity_type] = part.entity_name
    if not parts:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Invalid empty client quota entity")
    if IP in parts:
        if len(parts) > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Invalid quota entity combination: ip stands alone")
        try:
            ipaddress.ip_address(parts[IP] or "127.0.0.1")
        except ValueError:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"{parts[IP]} is not a valid IP or resolvable host.") from None
    return tuple(sorted(parts.items(), key=lambda part: part[0]))


def _check_value(operation: OpData) -> None:
    value = operation.value
    if not value > 0 or math.isinf(value):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Quota {operation.key} must be greater than 0")
    largest = WHOLE_NUMBERS.get(operation.key)
    if largest is None:
        return
    if value > largest:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Proposed value for {operation.key} is too large")
    if abs(value - round(value)) > _NEARLY:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{operation.key} must be a whole number")
