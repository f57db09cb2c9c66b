"""What an assignor is told of a group, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Partitions: TypeAlias = Mapping[bytes, frozenset[int]]
"""Topic id -> partitions; a topic without partitions is not in it."""
Assignments: TypeAlias = dict[str, Partitions]
"""Member id -> what it shall own. A member that gets nothing may be missing."""

NOTHING: Partitions = {}


@dataclass(slots=True, frozen=True)
class MemberSpec:
    """`topic_ids` are the topics that exist among those the member subscribes to."""

    instance_id: str | None
    topic_ids: tuple[bytes, ...]
    assignment: Partitions


@dataclass(slots=True, frozen=True)
class GroupSpec:
    """`members` in the order in which they are served. `homogeneous`: all subscribe to the same topics."""

    members: Mapping[str, MemberSpec]
    homogeneous: bool
    partition_count: Callable[[bytes], int]
    is_assigned: Callable[[bytes, int], bool]
    """Whether a partition is in anybody's target assignment so far."""


Assignor: TypeAlias = Callable[[GroupSpec], Assignments]
