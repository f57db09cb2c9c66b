"""What consensus asks its shell to do, in order. The shell does; it decides nothing.

Those that come of other replicas are in `peer_effects`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ottla.raft.election_state import ElectionState

if TYPE_CHECKING:
    from ottla.raft.peer_effects import (
        InstallSnapshot,
        LeaderChanged,
        ReceiveSnapshot,
        Reply,
        SendRequest,
        TruncateLog,
    )


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


Effect: TypeAlias = (
    "StoreElection | AppendBatch | TruncateLog | BecameLeader | LeaderChanged | AdvanceHighWatermark"
    " | SendRequest | Reply | ReceiveSnapshot | InstallSnapshot"
)
