"""StreamsGroupMetadata, record type 17 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int32, Int64


class StreamsGroupMetadataKey(CoordinatorKey, record_type=17, versions="0", flexible="none"):
    """A streams group."""

    group_id: str


class LastAssignmentConfig(Struct):
    key: str
    value: str


class StreamsGroupMetadataValue(CoordinatorValue, record_type=17, versions="0", flexible="0+"):
    """The group's epoch and the hashes of its metadata."""

    epoch: Int32
    metadata_hash: Int64
    validated_topology_epoch: Int32 = field(default=-1, tag=0)
    last_assignment_configs: list[LastAssignmentConfig] | None = field(default_factory=list, nullable="0+", tag=1)
