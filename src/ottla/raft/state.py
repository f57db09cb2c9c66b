"""What a replica of the quorum knows and is. Small; the transitions (`election`, `leadership`) are its only writers."""

from dataclasses import dataclass
from typing import TypeAlias

from ottla.raft.election_state import ElectionState
from ottla.raft.voter_set import QuorumHistory, ReplicaKey


@dataclass(frozen=True, slots=True)
class Unattached:
    """In an epoch without a leader that is known."""


@dataclass(slots=True)
class Leader:
    epoch_start_offset: int
    """Of the epoch's LeaderChange record: what comes before is committed once this is."""
    synced_offset: int
    """The end of what has reached our own disk."""


Role: TypeAlias = Unattached | Leader


class RaftError(Exception):
    """What was asked for cannot be done by this replica now."""


@dataclass(slots=True)
class QuorumState:
    local: ReplicaKey
    history: QuorumHistory
    election: ElectionState
    log_end_offset: int
    high_watermark: int
    role: Role

    @property
    def epoch(self) -> int:
        return self.election.epoch
