"""What takes more than one event: a fetch that waits for news, a change of the voters, a snapshot that is fetched."""

from dataclasses import dataclass

from ottla.protocol.message import Response
from ottla.raft.inbound import Inbound
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.voter_set import VoterNode


@dataclass(slots=True)
class SnapshotFetch:
    snapshot_id: SnapshotId
    position: int = 0
    is_whole: bool = False
    """The shell is installing it."""


@dataclass(slots=True)
class ParkedFetch:
    inbound: Inbound
    deadline_ms: float
    offset: int
    high_watermark: int
    """What the replica knows already (KIP-1166)."""
    empty: Response
    """The answer if nothing happens."""


@dataclass(slots=True)
class VoterChange:
    """The one that is under way."""

    token: int
    is_addition: bool
    deadline_ms: float
    voter: VoterNode | None = None
    """Whom to add, until it has said what it can do."""
    acknowledge_when_committed: bool = True
    offset: int | None = None
    """Of the Voters record, once it is appended."""
