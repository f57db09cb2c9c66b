"""Which partitions of a source are the same: those with equal fields, in whatever order (Java's maps have another)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def partition_identity(partition: Mapping[str, Any] | None) -> str:
    """Equal for equal partitions; a connector without partitions has `None`."""
    return "" if partition is None else repr(sorted(partition.items()))
