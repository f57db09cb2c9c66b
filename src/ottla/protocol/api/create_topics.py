"""CreateTopics, API 19: versions 2 to 7.

KIP-4 (0), KIP-464 (4), KIP-482 (5), KIP-525 (5), KIP-599 (6), KIP-516 (7).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int8, Int16, Int32, Uuid


class CreatableReplicaAssignment(Struct):
    partition_index: Int32
    broker_ids: list[Int32]


class CreatableTopicConfig(Struct):
    name: str
    value: str | None = field(nullable="0+")


class CreatableTopic(Struct):
    name: str
    num_partitions: Int32
    replication_factor: Int16
    assignments: list[CreatableReplicaAssignment]
    configs: list[CreatableTopicConfig]


class CreateTopicsRequest(Request, api=19, versions="2-7", flexible="5+"):
    """Creates topics by count or by manual assignment, with configs; or only validates."""

    topics: list[CreatableTopic]
    timeout_ms: Int32 = field(default=60000)
    validate_only: bool = field(default=False)


class CreatableTopicConfigs(Struct):
    name: str
    value: str | None = field(nullable="5+")
    read_only: bool
    config_source: Int8 = field(default=-1, ignorable=True)
    is_sensitive: bool


class CreatableTopicResult(Struct):
    name: str
    topic_id: Uuid = field("7+", default=ZERO_UUID, ignorable=True)
    error_code: Int16
    error_message: str | None = field(nullable="0+", ignorable=True)
    topic_config_error_code: Int16 = field("5+", default=0, tag=0, ignorable=True)
    num_partitions: Int32 = field("5+", default=-1, ignorable=True)
    replication_factor: Int16 = field("5+", default=-1, ignorable=True)
    configs: list[CreatableTopicConfigs] | None = field("5+", default_factory=list, nullable="5+", ignorable=True)


class CreateTopicsResponse(Response, api=19, versions="2-7", flexible="5+"):
    """What became of each topic."""

    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    topics: list[CreatableTopicResult]
