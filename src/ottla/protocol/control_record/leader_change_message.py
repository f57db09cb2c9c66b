"""LeaderChangeMessage: versions 0 to 1.

KIP-595 (0), KIP-853 (1).
"""

from ottla.protocol.message import Message, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Uuid


class Voter(Struct):
    voter_id: Int32
    voter_directory_id: Uuid = field("1+", default=ZERO_UUID)


class LeaderChangeMessage(Message, versions="0-1", flexible="0+"):
    """The first record of a quorum leader's epoch."""

    version: Int16
    leader_id: Int32
    voters: list[Voter]
    granting_voters: list[Voter]
