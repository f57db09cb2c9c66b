"""OffsetCommit, record type 1 of `__consumer_offsets`: value versions 0 to 4.

KIP-211 (3), KIP-482 (4), KIP-915 (4), KIP-1251 (4).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, field
from ottla.protocol.types import ZERO_UUID, Int32, Int64, Uuid


class OffsetCommitKey(CoordinatorKey, record_type=1, versions="0", flexible="none"):
    """A group's position in a partition."""

    group: str
    topic: str
    partition: Int32


class OffsetCommitValue(CoordinatorValue, record_type=1, versions="0-4", flexible="4+"):
    """The committed offset; a null value deletes it."""

    offset: Int64
    leader_epoch: Int32 = field("3+", default=-1, ignorable=True)
    metadata: str
    commit_timestamp: Int64
    expire_timestamp: Int64 = field("1", default=-1, ignorable=True)
    topic_id: Uuid = field("4+", default=ZERO_UUID, tag=0, ignorable=True)
