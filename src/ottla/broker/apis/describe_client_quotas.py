"""DescribeClientQuotas (48): the quotas of the entities that match.

| version | what changed   | KIP |
|---------|----------------|-----|
| 0       |                | 546 |
| 1       | tagged fields  | 482 |

Kafka's `ClientQuotasImage.describe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.metadata.controller.client_quotas import CLIENT_ID, IP, USER
from ottla.protocol.api.describe_client_quotas import (
    ComponentData,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
    EntityData,
    EntryData,
    ValueData,
)
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.request_context import RequestContext
    from ottla.metadata.image import MetadataImage

EXACT: Final = 0
DEFAULT: Final = 1
SPECIFIED: Final = 2


class DescribeClientQuotasHandler:
    def __init__(self, image: Callable[[], MetadataImage]) -> None:
        self._image = image

    def __call__(self, context: RequestContext, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse:
        try:
            components = _components(request)
        except KafkaError as error:
            return DescribeClientQuotasResponse(error_code=error.code, error_message=error.message, entries=None)
        entries = [
            EntryData(
                entity=[EntityData(entity_type=kind, entity_name=name) for kind, name in entity],
                values=[ValueData(key=key, value=value) for key, value in quotas.items()],
            )
            for entity, quotas in self._image().client_quotas.by_entity.items()
            if _matches(components, dict(entity), strict=request.strict)
        ]
        return DescribeClientQuotasResponse(error_code=ErrorCode.NONE, error_message="", entries=entries)


def _components(request: DescribeClientQuotasRequest) -> dict[str, ComponentData]:
    found: dict[str, ComponentData] = {}
    for component in request.components:
        kind = component.entity_type
        if kind not in (USER, CLIENT_ID, IP):
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"Custom entity type '{kind}' not supported")
        if kind in found:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Entity type {kind} cannot appear more than once")
        if component.match_type not in (EXACT, DEFAULT, SPECIFIED):
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown match type {component.match_type}")
        if (component.match_type == EXACT) != (component.match is not None):
            raise KafkaError(ErrorCode.INVALID_REQUEST, "A match string belongs to an exact match, and to no other")
        found[kind] = component
    if IP in found and len(found) > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "ip cannot be combined with user or client-id")
    return found


def _matches(components: dict[str, ComponentData], entity: dict[str, str | None], *, strict: bool) -> bool:
    for kind, component in components.items():
        if kind not in entity:
            return False
        wanted = component.match if component.match_type == EXACT else None
        if component.match_type != SPECIFIED and entity[kind] != wanted:
            return False
    return not strict or len(entity) == len(components)
