"""What consensus asks its shell to do, in order. The shell does; it decides nothing."""

from dataclasses import dataclass
from typing import TypeAlias

from ottla.raft.election_state import ElectionState


@dataclass(frozen=True, slots=True)
class StoreElection:
    """Must survive a crash before the effects after it happen."""

    election: ElectionState


@dataclass(frozen=True, slots=True)
class AppendBatch:
    """Append to the log, then sync; once synced, tell `RaftQuorum.log_synced`. Syncs may be shared."""

    batch: bytes
    base_offset: int
    last_offset: int
    epoch: int
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class BecameLeader:
    epoch: int


@dataclass(frozen=True, slots=True)
class AdvanceHighWatermark:
    """Everything below `offset` is committed."""

    offset: int


Effect: TypeAlias = StoreElection | AppendBatch | BecameLeader | AdvanceHighWatermark
