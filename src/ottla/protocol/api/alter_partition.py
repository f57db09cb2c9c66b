"""AlterPartition, API 56: versions 2 to 3.

KIP-497 (0), KIP-704 (1), KIP-841 (2), KIP-903 (3).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64, Uuid


class BrokerState(Struct):
    broker_id: Int32
    broker_epoch: Int64 = field(default=-1)


class AlterPartitionRequestPartitionData(Struct):
    partition_index: Int32
    leader_epoch: Int32
    new_isr: list[Int32] = field("0-2", default_factory=list)
    new_isr_with_epochs: list[BrokerState] = field("3+", default_factory=list)
    leader_recovery_state: Int8 = field(default=0)
    partition_epoch: Int32


class AlterPartitionRequestTopicData(Struct):
    topic_id: Uuid = field(ignorable=True)
    partitions: list[AlterPartitionRequestPartitionData]


class AlterPartitionRequest(Request, api=56, versions="2-3", flexible="0+"):
    """A partition leader proposes a new in-sync replica set to the controller."""

    broker_id: Int32
    broker_epoch: Int64 = field(default=-1)
    topics: list[AlterPartitionRequestTopicData]


class AlterPartitionResponsePartitionData(Struct):
    partition_index: Int32
    error_code: Int16
    leader_id: Int32
    leader_epoch: Int32
    isr: list[Int32]
    leader_recovery_state: Int8 = field(default=0, ignorable=True)
    partition_epoch: Int32


class AlterPartitionResponseTopicData(Struct):
    topic_id: Uuid = field(ignorable=True)
    partitions: list[AlterPartitionResponsePartitionData]


class AlterPartitionResponse(Response, api=56, versions="2-3", flexible="0+"):
    """The partition state after the change."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    topics: list[AlterPartitionResponseTopicData]
