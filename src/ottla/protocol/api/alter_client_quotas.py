"""AlterClientQuotas, API 49: versions 0 to 1.

KIP-546 (0), KIP-482 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Float64, Int16, Int32


class EntityData(Struct):
    entity_type: str
    entity_name: str | None = field(nullable="0+")


class OpData(Struct):
    key: str
    value: Float64
    remove: bool


class AlterClientQuotasRequestEntryData(Struct):
    entity: list[EntityData]
    ops: list[OpData]


class AlterClientQuotasRequest(Request, api=49, versions="0-1", flexible="1+"):
    """Sets or removes client quotas."""

    entries: list[AlterClientQuotasRequestEntryData]
    validate_only: bool


class AlterClientQuotasResponseEntryData(Struct):
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    entity: list[EntityData]


class AlterClientQuotasResponse(Response, api=49, versions="0-1", flexible="1+"):
    """What became of each entity."""

    throttle_time_ms: Int32 = field(default=0)
    entries: list[AlterClientQuotasResponseEntryData]
