"""ShareGroupTargetAssignmentMetadata, record type 12 of `__consumer_offsets`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, field
from ottla.protocol.types import Int32, Int64


class ShareGroupTargetAssignmentMetadataKey(CoordinatorKey, record_type=12, versions="0", flexible="none"):
    """A share group."""

    group_id: str


class ShareGroupTargetAssignmentMetadataValue(CoordinatorValue, record_type=12, versions="0", flexible="0+"):
    """The epoch of the group's target assignment."""

    assignment_epoch: Int32
    assignment_timestamp: Int64 = field(default=0, tag=0, ignorable=True)
