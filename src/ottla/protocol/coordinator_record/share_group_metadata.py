"""ShareGroupMetadata, record type 11 of `__consumer_offsets`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue
from ottla.protocol.types import Int32, Int64


class ShareGroupMetadataKey(CoordinatorKey, record_type=11, versions="0", flexible="none"):
    """A share group."""

    group_id: str


class ShareGroupMetadataValue(CoordinatorValue, record_type=11, versions="0", flexible="0+"):
    """The group's epoch and the hash of its topics' metadata."""

    epoch: Int32
    metadata_hash: Int64
