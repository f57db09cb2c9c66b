"""Client quotas (KIP-546): how much users, clients and addresses may do. A name that is `""` is everybody's default."""

from collections.abc import Mapping
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.protocol.api.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasRequestEntryData,
    AlterClientQuotasResponse,
    EntityData,
    OpData,
)
from ottla.protocol.api.describe_client_quotas import (
    ComponentData,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

ENTITY_TYPES = ("user", "client-id", "ip")
BYTE_RATES = ("producer_byte_rate", "consumer_byte_rate")
QUOTA_KEYS = (*BYTE_RATES, "request_percentage", "controller_mutation_rate", "connection_creation_rate")
_EXACT, _DEFAULT = 0, 1


@dataclass(frozen=True, slots=True)
class Quota:
    entity: dict[str, str]
    """Type to name; `""` is the default of all of that type."""
    values: dict[str, float]


async def list_quotas(client: KafkaClient, entity: Mapping[str, str] | None = None) -> list[Quota]:
    """All, or those of entities with these parts, beside which they may have others."""
    components = [
        ComponentData(entity_type=kind, match_type=_EXACT if name else _DEFAULT, match=name or None)
        for kind, name in (entity or {}).items()
    ]
    response = await client.send_any(
        DescribeClientQuotasRequest(components=components, strict=False), DescribeClientQuotasResponse
    )
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), response.error_message or "the quotas cannot be listed")
    quotas = [
        Quota(
            {part.entity_type: part.entity_name or "" for part in sorted(entry.entity, key=lambda e: e.entity_type)},
            {value.key: value.value for value in sorted(entry.values, key=lambda v: v.key)},
        )
        for entry in response.entries or ()
    ]
    return sorted(quotas, key=lambda quota: sorted(quota.entity.items()))


async def alter_quotas(
    client: KafkaClient,
    entity: Mapping[str, str],
    changes: Mapping[str, float | None],
    *,
    validate_only: bool = False,
) -> None:
    """Set these keys of one entity; `None` removes one. Others stay."""
    entry = AlterClientQuotasRequestEntryData(
        entity=[EntityData(entity_type=kind, entity_name=name or None) for kind, name in entity.items()],
        ops=[OpData(key=key, value=value or 0.0, remove=value is None) for key, value in changes.items()],
    )
    request = AlterClientQuotasRequest(entries=[entry], validate_only=validate_only)
    response = await client.send_any(request, AlterClientQuotasResponse)
    for result in response.entries:
        if result.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(result.error_code), result.error_message or f"the quota of {dict(entity)}")
