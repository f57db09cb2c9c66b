"""StreamsGroupDescribe, API 89: version 0.

KIP-1071 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64, Uint16


class StreamsGroupDescribeRequest(Request, api=89, versions="0", flexible="0+"):
    """Asks for streams groups with topology, members and tasks."""

    group_ids: list[str]
    include_authorized_operations: bool


class KeyValue(Struct):
    key: str
    value: str


class TopicInfo(Struct):
    name: str
    partitions: Int32
    replication_factor: Int16
    topic_configs: list[KeyValue]


class Subtopology(Struct):
    subtopology_id: str
    source_topics: list[str]
    repartition_sink_topics: list[str]
    state_changelog_topics: list[TopicInfo]
    repartition_source_topics: list[TopicInfo]


class Topology(Struct):
    epoch: Int32
    subtopologies: list[Subtopology] | None = field(default=None, nullable="0+")


class Endpoint(Struct):
    host: str
    port: Uint16


class TaskOffset(Struct):
    subtopology_id: str
    partition: Int32
    offset: Int64


class TaskIds(Struct):
    subtopology_id: str
    partitions: list[Int32]


class Assignment(Struct):
    active_tasks: list[TaskIds]
    standby_tasks: list[TaskIds]
    warmup_tasks: list[TaskIds]


class Member(Struct):
    member_id: str
    member_epoch: Int32
    instance_id: str | None = field(default=None, nullable="0+")
    rack_id: str | None = field(default=None, nullable="0+")
    client_id: str
    client_host: str
    topology_epoch: Int32
    process_id: str
    user_endpoint: Endpoint | None = field(default=None, nullable="0+")
    client_tags: list[KeyValue]
    task_offsets: list[TaskOffset]
    task_end_offsets: list[TaskOffset]
    assignment: Assignment
    target_assignment: Assignment
    is_classic: bool


class DescribedGroup(Struct):
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    group_id: str
    group_state: str
    group_epoch: Int32
    assignment_epoch: Int32
    topology: Topology | None = field(default=None, nullable="0+")
    members: list[Member]
    authorized_operations: Int32 = field(default=-2147483648)


class StreamsGroupDescribeResponse(Response, api=89, versions="0", flexible="0+"):
    """The described groups."""

    throttle_time_ms: Int32 = field(default=0)
    groups: list[DescribedGroup]
