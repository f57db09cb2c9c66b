"""Client quotas by entity. Kept as written; enforcement comes with quotas (issue 4). KIP-546."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

QuotaEntity: TypeAlias = tuple[tuple[str, str | None], ...]
"""((entity type, entity name or `None` for the type's default), …), sorted by type."""


@dataclass(frozen=True, slots=True)
class ClientQuotasImage:
    by_entity: Mapping[QuotaEntity, Mapping[str, float]] = field(default_factory=dict)
