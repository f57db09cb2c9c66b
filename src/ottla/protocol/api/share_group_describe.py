"""ShareGroupDescribe, API 77: version 1.

KIP-932 (1).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uuid


class ShareGroupDescribeRequest(Request, api=77, versions="1", flexible="0+"):
    """Asks for share groups with members and assignments."""

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
    rack_id: str | None = field(default=None, nullable="0+")
    member_epoch: Int32
    client_id: str
    client_host: str
    subscribed_topic_names: list[str]
    assignment: Assignment


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


class ShareGroupDescribeResponse(Response, api=77, versions="1", flexible="0+"):
    """The described groups."""

    throttle_time_ms: Int32 = field(default=0)
    groups: list[DescribedGroup]
