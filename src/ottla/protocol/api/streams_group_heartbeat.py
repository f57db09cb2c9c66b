"""StreamsGroupHeartbeat, API 88: version 0.

KIP-1071 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64, Uint16


class KeyValue(Struct):
    key: str
    value: str


class TopicInfo(Struct):
    name: str
    partitions: Int32
    replication_factor: Int16
    topic_configs: list[KeyValue]


class CopartitionGroup(Struct):
    source_topics: list[Int16]
    source_topic_regex: list[Int16]
    repartition_source_topics: list[Int16]


class Subtopology(Struct):
    subtopology_id: str
    source_topics: list[str]
    source_topic_regex: list[str]
    state_changelog_topics: list[TopicInfo]
    repartition_sink_topics: list[str]
    repartition_source_topics: list[TopicInfo]
    copartition_groups: list[CopartitionGroup]


class Topology(Struct):
    epoch: Int32
    subtopologies: list[Subtopology]


class TaskIds(Struct):
    subtopology_id: str
    partitions: list[Int32]


class Endpoint(Struct):
    host: str
    port: Uint16


class TaskOffset(Struct):
    subtopology_id: str
    partition: Int32
    offset: Int64


class StreamsGroupHeartbeatRequest(Request, api=88, versions="0", flexible="0+"):
    """A member of a streams group joins with its topology, reports tasks, leaves."""

    group_id: str
    member_id: str
    member_epoch: Int32
    endpoint_information_epoch: Int32
    instance_id: str | None = field(default=None, nullable="0+")
    rack_id: str | None = field(default=None, nullable="0+")
    rebalance_timeout_ms: Int32 = field(default=-1)
    topology: Topology | None = field(default=None, nullable="0+")
    active_tasks: list[TaskIds] | None = field(default=None, nullable="0+")
    standby_tasks: list[TaskIds] | None = field(default=None, nullable="0+")
    warmup_tasks: list[TaskIds] | None = field(default=None, nullable="0+")
    process_id: str | None = field(default=None, nullable="0+")
    user_endpoint: Endpoint | None = field(default=None, nullable="0+")
    client_tags: list[KeyValue] | None = field(default=None, nullable="0+")
    task_offsets: list[TaskOffset] | None = field(default=None, nullable="0+")
    task_end_offsets: list[TaskOffset] | None = field(default=None, nullable="0+")
    shutdown_application: bool = field(default=False)


class Status(Struct):
    status_code: Int8
    status_detail: str


class TopicPartition(Struct):
    topic: str
    partitions: list[Int32]


class EndpointToPartitions(Struct):
    user_endpoint: Endpoint
    active_partitions: list[TopicPartition]
    standby_partitions: list[TopicPartition]


class StreamsGroupHeartbeatResponse(Response, api=88, versions="0", flexible="0+"):
    """The member's epoch, intervals and, if they changed, its tasks."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    member_id: str
    member_epoch: Int32
    heartbeat_interval_ms: Int32
    acceptable_recovery_lag: Int32
    task_offset_interval_ms: Int32
    status: list[Status] | None = field(nullable="0+")
    active_tasks: list[TaskIds] | None = field(default=None, nullable="0+")
    standby_tasks: list[TaskIds] | None = field(default=None, nullable="0+")
    warmup_tasks: list[TaskIds] | None = field(default=None, nullable="0+")
    endpoint_information_epoch: Int32
    partitions_by_user_endpoint: list[EndpointToPartitions] | None = field(default=None, nullable="0+")
