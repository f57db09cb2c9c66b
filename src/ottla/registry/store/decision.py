"""What a request comes to: records for `_schemas`, and what is answered once they are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from ottla.registry.store.records import Key, Value

ResponseT = TypeVar("ResponseT", covariant=True)

StoredRecord: TypeAlias = tuple[Key, Value | None]


@dataclass(frozen=True, slots=True)
class Decision(Generic[ResponseT]):
    response: ResponseT
    records: list[StoredRecord] = field(default_factory=list)
