"""ConsumerGroupDescribe, API 69: versions 0 to 1.

KIP-848 (0), KIP-1099 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Uuid


class ConsumerGroupDescribeRequest(Request, api=69, versions="0-1", flexible="0+"):
    """Asks for consumer groups with members and assignments."""

    group_ids: list[str]
    include_authorized_operations: bool


class TopicPartitions(Struct):
    topic_id: Uuid
    topic_name: str
    partitions: list[Int32]


class Assignment(Struct):
    topic_partitions: list[TopicPartitions]


class Member(Struct):
    member_id: str
    instance_id: str | None = field(default=None, nullable="0+")
    rack_id: str | None = field(default=None, nullable="0+")
    member_epoch: Int32
    client_id: str
    client_host: str
    subscribed_topic_names: list[str]
    subscribed_topic_regex: str | None = field(default=None, nullable="0+")
    assignment: Assignment
    target_assignment: Assignment
    member_type: Int8 = field("1+", default=-1, ignorable=True)


class DescribedGroup(Struct):
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    group_id: str
    group_state: str
    group_epoch: Int32
    assignment_epoch: Int32
    assignor_name: str
    members: list[Member]
    authorized_operations: Int32 = field(default=-2147483648)


class ConsumerGroupDescribeResponse(Response, api=69, versions="0-1", flexible="0+"):
    """The described groups."""

    throttle_time_ms: Int32 = field(default=0)
    groups: list[DescribedGroup]
