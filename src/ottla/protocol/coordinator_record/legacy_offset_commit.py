"""LegacyOffsetCommit, record type 0 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue
from ottla.protocol.types import Int32, Int64


class LegacyOffsetCommitKey(CoordinatorKey, record_type=0, versions="0", flexible="none"):
    """A committed offset in its oldest form."""

    group: str
    topic: str
    partition: Int32


class LegacyOffsetCommitValue(CoordinatorValue, record_type=0, versions="0", flexible="none"):
    """The offset; superseded by OffsetCommit."""

    offset: Int64
    metadata: str
    commit_timestamp: Int64
