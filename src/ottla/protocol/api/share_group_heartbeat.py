"""ShareGroupHeartbeat, API 76: version 1.

KIP-932 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uuid


class ShareGroupHeartbeatRequest(Request, api=76, versions="1", flexible="0+"):
    """A member of a share group joins, reports and leaves."""

    group_id: str
    member_id: str
    member_epoch: Int32
    rack_id: str | None = field(default=None, nullable="0+")
    subscribed_topic_names: list[str] | None = field(default=None, nullable="0+")


class TopicPartitions(Struct):
    topic_id: Uuid
    partitions: list[Int32]


class Assignment(Struct):
    topic_partitions: list[TopicPartitions]


class ShareGroupHeartbeatResponse(Response, api=76, versions="1", flexible="0+"):
    """The member's epoch, heartbeat interval and, if it changed, its assignment."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    member_id: str | None = field(default=None, nullable="0+")
    member_epoch: Int32
    heartbeat_interval_ms: Int32
    assignment: Assignment | None = field(default=None, nullable="0+")
