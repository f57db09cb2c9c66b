"""The port through which a leader asks the controller for another set of in-sync replicas (KIP-497)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from ottla.protocol.errors import ErrorCode


@dataclass(frozen=True, slots=True, eq=False)
class IsrChange:
    """What a leader asks for. `isr`: (broker id, its epoch or -1) of each in-sync replica (KIP-903)."""

    topic_id: bytes
    index: int
    leader_epoch: int
    partition_epoch: int
    isr: tuple[tuple[int, int], ...]
    leader_recovery_state: int = 0


class CommittedIsr(NamedTuple):
    """What the controller has written."""

    leader: int
    leader_epoch: int
    isr: tuple[int, ...]
    partition_epoch: int


IsrAnswer: TypeAlias = CommittedIsr | ErrorCode


class IsrChanges(Protocol):
    def propose(self, change: IsrChange, answered: Callable[[IsrAnswer], None]) -> None:
        """`answered` is called once, and not before this returns. One change of a partition at a time."""
        ...
