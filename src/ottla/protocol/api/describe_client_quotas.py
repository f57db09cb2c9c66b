"""DescribeClientQuotas, API 48: versions 0 to 1.

KIP-546 (0), KIP-482 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Float64, Int8, Int16, Int32


class ComponentData(Struct):
    entity_type: str
    match_type: Int8
    match: str | None = field(nullable="0+")


class DescribeClientQuotasRequest(Request, api=48, versions="0-1", flexible="1+"):
    """Asks for the client quotas that match a filter."""

    components: list[ComponentData]
    strict: bool


class EntityData(Struct):
    entity_type: str
    entity_name: str | None = field(nullable="0+")


class ValueData(Struct):
    key: str
    value: Float64


class EntryData(Struct):
    entity: list[EntityData]
    values: list[ValueData]


class DescribeClientQuotasResponse(Response, api=48, versions="0-1", flexible="1+"):
    """Quota values by entity."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
    entries: list[EntryData] | None = field(nullable="0+")
