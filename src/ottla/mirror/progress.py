"""How each flow is doing: counted by whoever does the work, read by whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.clients.consumer import TopicPartition


@dataclass(slots=True)
class FlowProgress:
    name: str
    records: int = 0
    bytes: int = 0
    checkpoints: int = 0
    lags: dict[TopicPartition, int] = field(default_factory=dict)
    """Records of each partition that are in the source and not acknowledged by the target."""
    troubles: dict[str, str] = field(default_factory=dict)
    """What does not work now, by what it keeps from working."""

    @property
    def lag(self) -> int:
        return sum(self.lags.values())
