"""PartitionRecord, metadata record type 3: versions 0 to 2.

KIP-858 (1), KIP-966 (2).
"""

from ottla.protocol.message import MetadataRecord, field
from ottla.protocol.types import Int8, Int32, Uuid


class PartitionRecord(MetadataRecord, record_type=3, versions="0-2", flexible="0+"):
    """A partition exists, with its whole state."""

    partition_id: Int32 = field(default=-1)
    topic_id: Uuid
    replicas: list[Int32]
    isr: list[Int32]
    removing_replicas: list[Int32]
    adding_replicas: list[Int32]
    leader: Int32 = field(default=-1)
    leader_recovery_state: Int8 = field(default=0, tag=0)
    leader_epoch: Int32 = field(default=-1)
    partition_epoch: Int32 = field(default=-1)
    directories: list[Uuid] = field("1+", default_factory=list)
    eligible_leader_replicas: list[Int32] | None = field("2+", default=None, nullable="2+", tag=1)
    last_known_elr: list[Int32] | None = field("2+", default=None, nullable="2+", tag=2)
