"""PartitionChangeRecord, metadata record type 5: versions 0 to 2.

KIP-858 (1), KIP-966 (2).
"""

from ottla.protocol.message import MetadataRecord, field
from ottla.protocol.types import Int8, Int32, Uuid


class PartitionChangeRecord(MetadataRecord, record_type=5, versions="0-2", flexible="0+"):
    """What changed in a partition; absent fields did not."""

    partition_id: Int32 = field(default=-1)
    topic_id: Uuid
    isr: list[Int32] | None = field(default=None, nullable="0+", tag=0)
    leader: Int32 = field(default=-2, tag=1)
    replicas: list[Int32] | None = field(default=None, nullable="0+", tag=2)
    removing_replicas: list[Int32] | None = field(default=None, nullable="0+", tag=3)
    adding_replicas: list[Int32] | None = field(default=None, nullable="0+", tag=4)
    leader_recovery_state: Int8 = field(default=-1, tag=5)
    directories: list[Uuid] | None = field("1+", default=None, nullable="1+", tag=8)
    eligible_leader_replicas: list[Int32] | None = field("2+", default=None, nullable="2+", tag=6)
    last_known_elr: list[Int32] | None = field("2+", default=None, nullable="2+", tag=7)
