"""QuorumStateData: versions 0 to 1.

KIP-595 (0), KIP-853 (1).
"""

from ottla.protocol.message import Message, Struct, field
from ottla.protocol.types import ZERO_UUID, Int32, Int64, Uuid


class Voter(Struct):
    voter_id: Int32


class QuorumStateData(Message, versions="0-1", flexible="0+"):
    """The `quorum-state` file: epoch, leader and vote; kept as JSON on disk."""

    cluster_id: str = field("0", default="")
    leader_id: Int32 = field(default=-1)
    leader_epoch: Int32 = field(default=-1)
    voted_id: Int32 = field(default=-1)
    voted_directory_id: Uuid = field("1+", default=ZERO_UUID)
    applied_offset: Int64 = field("0", default=0)
    current_voters: list[Voter] | None = field("0", default_factory=list, nullable="0")
