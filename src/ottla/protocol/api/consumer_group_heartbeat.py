"""ConsumerGroupHeartbeat, API 68: versions 0 to 1.

KIP-848 (0), KIP-848 (1), KIP-1082 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uuid


class TopicPartitions(Struct):
    topic_id: Uuid
    partitions: list[Int32]


class ConsumerGroupHeartbeatRequest(Request, api=68, versions="0-1", flexible="0+"):
    """The one request of the consumer protocol: join, report, leave."""

    group_id: str
    member_id: str
    member_epoch: Int32
    instance_id: str | None = field(default=None, nullable="0+")
    rack_id: str | None = field(default=None, nullable="0+")
    rebalance_timeout_ms: Int32 = field(default=-1)
    subscribed_topic_names: list[str] | None = field(default=None, nullable="0+")
    subscribed_topic_regex: str | None = field("1+", default=None, nullable="1+")
    server_assignor: str | None = field(default=None, nullable="0+")
    topic_partitions: list[TopicPartitions] | None = field(default=None, nullable="0+")


class Assignment(Struct):
    topic_partitions: list[TopicPartitions]


class ConsumerGroupHeartbeatResponse(Response, api=68, versions="0-1", flexible="0+"):
    """The member's epoch, heartbeat interval and, if it changed, its assignment."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    member_id: str | None = field(default=None, nullable="0+")
    member_epoch: Int32
    heartbeat_interval_ms: Int32
    assignment: Assignment | None = field(default=None, nullable="0+")
