"""ShareSnapshot, record type 0 of `__share_group_state`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64, Uuid


class ShareSnapshotKey(CoordinatorKey, record_type=0, versions="0", flexible="none"):
    """A share partition."""

    group_id: str
    topic_id: Uuid
    partition: Int32


class StateBatch(Struct):
    first_offset: Int64
    last_offset: Int64
    delivery_state: Int8
    delivery_count: Int16


class ShareSnapshotValue(CoordinatorValue, record_type=0, versions="0", flexible="0+"):
    """Its whole delivery state."""

    snapshot_epoch: Int32
    state_epoch: Int32
    leader_epoch: Int32
    start_offset: Int64
    delivery_complete_count: Int32 = field(default=-1, tag=0)
    create_timestamp: Int64
    write_timestamp: Int64
    state_batches: list[StateBatch]
