"""Where a source starts when the group has no offset for a partition (`AutoOffsetReset`, KIP-1106)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AutoOffsetReset:
    strategy: Literal["none", "earliest", "latest", "by_duration"]
    duration_ms: int | None = None

    @classmethod
    def none(cls) -> AutoOffsetReset:
        return cls("none")

    @classmethod
    def earliest(cls) -> AutoOffsetReset:
        return cls("earliest")

    @classmethod
    def latest(cls) -> AutoOffsetReset:
        return cls("latest")

    @classmethod
    def by_duration(cls, duration_ms: int) -> AutoOffsetReset:
        """From the records that are not older than `duration_ms`."""
        if duration_ms < 0:
            raise ValueError("the duration of an offset reset cannot be negative")
        return cls("by_duration", duration_ms)
