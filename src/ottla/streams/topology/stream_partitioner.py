"""Which partitions a sink writes a record to (`StreamPartitioner`, KIP-837)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection


class StreamPartitioner(Protocol):
    def __call__(self, topic: str, key: Any, value: Any, partitions: int, /) -> Collection[int] | None:
        """Several partitions get a copy each, none drops the record, None leaves it to the hash of the key's bytes."""
