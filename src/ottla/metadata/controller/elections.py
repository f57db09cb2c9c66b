"""Leaders are elected because someone asks for it: preferred ones, or unclean ones. KIP-183, 460, 966.

Kafka's `ReplicationControlManager.electLeaders`.
"""

from enum import IntEnum

from ottla.metadata.controller.assignment import directory_chooser
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.leadership import election_settings, elr_enabled
from ottla.metadata.controller.partition_change import Election, PartitionChange
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import partition_record_version
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import NO_LEADER
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from ottla.protocol.errors import ErrorCode, KafkaError


class ElectionType(IntEnum):
    PREFERRED = 0
    UNCLEAN = 1


def elect_leaders(
    view: ControllerView, schema: ConfigSchema, request: ElectLeadersRequest
) -> ControllerResult[ElectLeadersResponse]:
    """Of all partitions (`topic_partitions` is `None`) those are listed for which an election was needed."""
    image, election_type = view.image, ElectionType(request.election_type)
    every = request.topic_partitions is None
    wanted = (
        [(topic.name, list(topic.partitions)) for topic in image.topics.by_name.values()]
        if request.topic_partitions is None
        else [(asked.topic, asked.partitions) for asked in request.topic_partitions]
    )
    records: list[VersionedRecord] = []
    results = []
    for topic, indexes in wanted:
        outcomes = []
        for index in indexes:
            outcome = PartitionResult(partition_id=index, error_code=ErrorCode.NONE, error_message=None)
            try:
                records.append(_elect(image, schema, topic, index, election_type))
            except KafkaError as error:
                if every and error.code == ErrorCode.ELECTION_NOT_NEEDED:
                    continue
                outcome.error_code, outcome.error_message = error.code, error.message
            outcomes.append(outcome)
        results.append(ReplicaElectionResult(topic=topic, partition_result=outcomes))
    return ControllerResult(records, ElectLeadersResponse(replica_election_results=results))


def _elect(
    image: MetadataImage, schema: ConfigSchema, topic_name: str, index: int, election_type: ElectionType
) -> VersionedRecord:
    topic = image.topics.by_name.get(topic_name)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic named {topic_name}.")
    partition = topic.partitions.get(index)
    if partition is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic_name} has no partition {index}.")
    preferred = election_type is ElectionType.PREFERRED
    if partition.leader == partition.replicas[0] if preferred else partition.leader != NO_LEADER:
        raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED)
    min_isr, _ = election_settings(image, schema, topic_name)
    record = PartitionChange(
        partition,
        topic.topic_id,
        index,
        may_lead=image.cluster.is_active,
        min_isr=min_isr,
        elr_enabled=elr_enabled(image),
        election=Election.PREFERRED if preferred else Election.UNCLEAN,
        directory_of=directory_chooser(image),
    ).build()
    if record is None:
        raise KafkaError(
            ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE if preferred else ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
        )
    return VersionedRecord(record, partition_record_version(image.features.metadata_version))
