"""For what a table waits before it tells of a change, and in what buffer (`Suppressed`, KIP-328)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from ottla.streams.duration import LONG_MAX, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.duration import Duration


class BufferFullStrategy(Enum):
    EMIT = "emit"
    SHUT_DOWN = "shut down"


@dataclass(frozen=True, slots=True)
class BufferConfig:
    """`Suppressed.BufferConfig`: how much may wait, and what happens when it is more."""

    max_records_limit: int = LONG_MAX
    max_bytes_limit: int = LONG_MAX
    full_strategy: BufferFullStrategy = BufferFullStrategy.SHUT_DOWN
    logging_enabled: bool = True
    topic_config: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def max_records(cls, limit: int) -> BufferConfig:
        return cls(limit, full_strategy=BufferFullStrategy.EMIT)

    @classmethod
    def max_bytes(cls, limit: int) -> BufferConfig:
        return cls(max_bytes_limit=limit, full_strategy=BufferFullStrategy.EMIT)

    @classmethod
    def unbounded(cls) -> BufferConfig:
        return cls()

    @property
    def is_strict(self) -> bool:
        """Whether nothing is told early."""
        return self.full_strategy is BufferFullStrategy.SHUT_DOWN

    def with_max_records(self, limit: int) -> BufferConfig:
        return replace(self, max_records_limit=limit)

    def with_max_bytes(self, limit: int) -> BufferConfig:
        return replace(self, max_bytes_limit=limit)

    def with_no_bound(self) -> BufferConfig:
        return BufferConfig(logging_enabled=self.logging_enabled, topic_config=self.topic_config)

    def shut_down_when_full(self) -> BufferConfig:
        return replace(self, full_strategy=BufferFullStrategy.SHUT_DOWN)

    def emit_early_when_full(self) -> BufferConfig:
        return replace(self, full_strategy=BufferFullStrategy.EMIT)

    def with_logging_enabled(self, topic_config: Mapping[str, str] | None = None) -> BufferConfig:
        return replace(self, logging_enabled=True, topic_config=dict(topic_config or {}))

    def with_logging_disabled(self) -> BufferConfig:
        return replace(self, logging_enabled=False, topic_config={})


@dataclass(frozen=True, slots=True)
class Suppressed:
    """`wait_ms` is None until the window closes: then it is the windows' grace period, after their ends."""

    buffer: BufferConfig
    wait_ms: int | None
    name: str | None = None

    @classmethod
    def until_window_closes(cls, buffer: BufferConfig | None = None) -> Suppressed:
        config = buffer or BufferConfig.unbounded()
        if not config.is_strict:
            raise ValueError(
                "until_window_closes needs a buffer that never emits early: unbounded or shut_down_when_full"
            )
        return cls(config, None)

    @classmethod
    def until_time_limit(cls, time_to_wait: Duration, buffer: BufferConfig | None = None) -> Suppressed:
        return cls(buffer or BufferConfig.unbounded(), milliseconds(time_to_wait, "timeToWaitForMoreEvents"))

    def with_name(self, name: str) -> Suppressed:
        return replace(self, name=name)

    def __repr__(self) -> str:
        return f"Suppressed(name={self.name!r}, wait_ms={self.wait_ms}, buffer={self.buffer})"
