"""Leaders tell who is in sync. Kafka's `ReplicationControlManager.alterPartition`. KIP-497, 704, 841, 903, 966.

| version | what it adds |
|---|---|
| 2 | topics by id, replicas that are not eligible are refused (KIP-841) |
| 3 | the ISR with the epoch of each broker, so that none gets in that has restarted meanwhile (KIP-903) |

The ISR may be what a reassignment waited for: then it ends here, and the leader may be another one
(NEW_LEADER_ELECTED: an error, and a record nevertheless).
"""

from collections.abc import Sequence

from ottla.metadata.controller.broker_epoch import broker_in_epoch
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.partition_changes import PartitionChanges
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.metadata.partition import NO_LEADER_CHANGE, RECOVERED, RECOVERING, PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionRequestPartitionData,
    AlterPartitionResponse,
    AlterPartitionResponsePartitionData,
    AlterPartitionResponseTopicData,
    BrokerState,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

TELLS_BROKER_EPOCHS = 3
NO_EPOCH = -1


def alter_partition(
    view: ControllerView, schema: ConfigSchema, request: AlterPartitionRequest, *, api_version: int
) -> ControllerResult[AlterPartitionResponse]:
    """Raises `KafkaError` STALE_BROKER_EPOCH."""
    broker_in_epoch(view, request.broker_id, request.broker_epoch)
    changes = PartitionChanges(view.image, schema)
    records: list[VersionedRecord] = []
    response = AlterPartitionResponse(error_code=ErrorCode.NONE, topics=[])
    for asked_topic in request.topics:
        topic = view.image.topics.by_id.get(asked_topic.topic_id)
        answers = []
        for asked in asked_topic.partitions:
            if topic is None:
                answers.append(_refused(asked, ErrorCode.UNKNOWN_TOPIC_ID))
                continue
            isr = _isr(asked, api_version)
            error = _validate(view.image, request.broker_id, topic, asked, isr)
            if error is not ErrorCode.NONE:
                answers.append(_refused(asked, error))
                continue
            record = changes.record(
                topic,
                asked.partition_index,
                target_isr=tuple(member.broker_id for member in isr),
                recovery_state=asked.leader_recovery_state,
            )
            if record is not None:
                records.append(record)
            answers.append(_altered(request.broker_id, topic, asked, record))
        response.topics.append(AlterPartitionResponseTopicData(topic_id=asked_topic.topic_id, partitions=answers))
    return ControllerResult(records, response)


def _isr(asked: AlterPartitionRequestPartitionData, api_version: int) -> Sequence[BrokerState]:
    if api_version >= TELLS_BROKER_EPOCHS:
        return asked.new_isr_with_epochs
    return [BrokerState(broker_id=broker_id, broker_epoch=NO_EPOCH) for broker_id in asked.new_isr]


def _validate(
    image: MetadataImage,
    broker_id: int,
    topic: TopicImage,
    asked: AlterPartitionRequestPartitionData,
    isr: Sequence[BrokerState],
) -> ErrorCode:
    """A leader that knows newer epochs speaks to one that is no longer the active controller."""
    partition = topic.partitions.get(asked.partition_index)
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if asked.leader_epoch > partition.leader_epoch or asked.partition_epoch > partition.partition_epoch:
        return ErrorCode.NOT_CONTROLLER
    if asked.leader_epoch < partition.leader_epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if broker_id != partition.leader:
        return ErrorCode.INVALID_REQUEST
    if asked.partition_epoch < partition.partition_epoch:
        return ErrorCode.INVALID_UPDATE_VERSION
    if not _is_valid(partition, asked.leader_recovery_state, [member.broker_id for member in isr]):
        return ErrorCode.INVALID_REQUEST
    if not all(_is_eligible(image, member) for member in isr):
        return ErrorCode.INELIGIBLE_REPLICA
    return ErrorCode.NONE


def _is_valid(partition: PartitionRegistration, recovery_state: int, isr: Sequence[int]) -> bool:
    """Replicas of the partition, each once, the leader among them; a leader that is recovering is alone in sync."""
    if len(set(isr)) != len(isr) or not set(isr) <= set(partition.replicas) or partition.leader not in isr:
        return False
    if recovery_state == RECOVERING:
        return len(isr) == 1 and partition.leader_recovery_state != RECOVERED
    return recovery_state == RECOVERED


def _is_eligible(image: MetadataImage, member: BrokerState) -> bool:
    broker = image.cluster.brokers.get(member.broker_id)
    if broker is None or not broker.active:
        return False
    return member.broker_epoch in (NO_EPOCH, broker.epoch)


def _altered(
    broker_id: int,
    topic: TopicImage,
    asked: AlterPartitionRequestPartitionData,
    record: VersionedRecord | None,
) -> AlterPartitionResponsePartitionData:
    partition = topic.partitions[asked.partition_index]
    if record is not None and isinstance(record.record, PartitionChangeRecord):
        if record.record.leader not in (broker_id, NO_LEADER_CHANGE):
            return _refused(asked, ErrorCode.NEW_LEADER_ELECTED)
        partition = partition.merge(record.record)
    return AlterPartitionResponsePartitionData(
        partition_index=asked.partition_index,
        error_code=ErrorCode.NONE,
        leader_id=partition.leader,
        leader_epoch=partition.leader_epoch,
        isr=list(partition.isr),
        leader_recovery_state=partition.leader_recovery_state,
        partition_epoch=partition.partition_epoch,
    )


def _refused(asked: AlterPartitionRequestPartitionData, error: ErrorCode) -> AlterPartitionResponsePartitionData:
    return AlterPartitionResponsePartitionData(
        partition_index=asked.partition_index,
        error_code=error,
        leader_id=0,
        leader_epoch=0,
        isr=[],
        partition_epoch=0,
    )
