"""What clients were told, and what they did without ever being told: by this the cluster is judged in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.clients.consumer import TopicPartition


@dataclass(slots=True)
class Ledger:
    acknowledged: dict[TopicPartition, dict[bytes, int]] = field(default_factory=dict)
    """Value: its offset, -1 where the answer did not say."""
    attempted: dict[TopicPartition, set[bytes]] = field(default_factory=dict)
    """All values that were ever sent."""
    seen: dict[tuple[TopicPartition, int], bytes] = field(default_factory=dict)
    """What a consumer was given at an offset."""
    commits: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    """The last offset of a group whose commit was acknowledged."""
    commits_asked: dict[tuple[str, TopicPartition], set[int]] = field(default_factory=dict)
    """All offsets that members of a group tried to commit."""
    share_given: set[tuple[TopicPartition, int]] = field(default_factory=set)
    """What members of the share group were given."""
    share_asked: set[tuple[TopicPartition, int]] = field(default_factory=set)
    """What they tried to accept or to refuse."""
    share_done: dict[tuple[TopicPartition, int], float] = field(default_factory=dict)
    """When they knew that it was."""
    topics: dict[str, str] = field(default_factory=dict)
    """"there", "gone", or "unknown", of topics that come and go."""
    configs: dict[str, int] = field(default_factory=dict)
    """The last number of a config that was acknowledged."""
    configs_asked: dict[str, set[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """How much happened, for the end of a seed."""

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def sent(self, where: TopicPartition, values: list[bytes]) -> None:
        self.attempted.setdefault(where, set()).update(values)

    def wrote(self, where: TopicPartition, values: list[bytes], base_offset: int) -> None:
        known = self.acknowledged.setdefault(where, {})
        for number, value in enumerate(values):
            known[value] = base_offset + number if base_offset >= 0 else -1
        self.count("records", len(values))

    def consumed(self, where: TopicPartition, offset: int, value: bytes) -> None:
        before = self.seen.setdefault((where, offset), value)
        assert before == value, f"OffsetsNeverReused: {where} {offset} was {before!r} and is {value!r}"
        self.count("consumed")
