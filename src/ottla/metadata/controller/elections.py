"""Leaders are elected when someone asks for it, or by time: preferred ones, or unclean ones. KIP-183, 460, 966.

Kafka's `ReplicationControlManager.electLeaders`, `maybeBalancePartitionLeaders` and `maybeElectUncleanLeaders`.
"""

from collections.abc import Iterator
from enum import IntEnum

from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.partition_change import Election
from ottla.metadata.controller.partition_changes import PartitionChanges
from ottla.metadata.controller.result import ControllerResult, ControllerView, check_batch
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.metadata.partition import NO_LEADER, PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.elect_leaders import (
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from ottla.protocol.errors import ErrorCode, KafkaError

MAX_ELECTIONS_PER_BATCH = 1_000
"""Of those that happen by themselves; the rest comes in the next batch."""


class ElectionType(IntEnum):
    PREFERRED = 0
    UNCLEAN = 1


def elect_leaders(
    view: ControllerView, schema: ConfigSchema, request: ElectLeadersRequest
) -> ControllerResult[ElectLeadersResponse]:
    """Of all partitions (`topic_partitions` is `None`) those are listed for which an election was needed.

    Raises `KafkaError` INVALID_REQUEST for an election type that nobody knows, POLICY_VIOLATION for too many at once.
    """
    if request.election_type not in ElectionType.__members__.values():
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Election type {request.election_type} is not known")
    image, election_type = view.image, ElectionType(request.election_type)
    changes = PartitionChanges(image, schema)
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
                records.append(_elect(image, changes, topic, index, election_type))
            except KafkaError as error:
                if every and error.code == ErrorCode.ELECTION_NOT_NEEDED:
                    continue
                outcome.error_code, outcome.error_message = error.code, error.message
            outcomes.append(outcome)
        results.append(ReplicaElectionResult(topic=topic, partition_result=outcomes))
    check_batch(records)
    return ControllerResult(records, ElectLeadersResponse(replica_election_results=results))


def _elect(
    image: MetadataImage, changes: PartitionChanges, topic_name: str, index: int, election_type: ElectionType
) -> VersionedRecord:
    topic = image.topics.by_name.get(topic_name)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic named {topic_name}.")
    partition = topic.partitions.get(index)
    if partition is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic_name} has no partition {index}.")
    preferred = election_type is ElectionType.PREFERRED
    if partition.has_preferred_leader if preferred else partition.leader != NO_LEADER:
        raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED)
    record = changes.record(topic, index, election=Election.PREFERRED if preferred else Election.UNCLEAN)
    if record is None:
        raise KafkaError(
            ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE if preferred else ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
        )
    return record


def balance_leaders(
    view: ControllerView, schema: ConfigSchema, max_elections: int = MAX_ELECTIONS_PER_BATCH
) -> ControllerResult[bool]:
    """Partitions go back to their first replicas, where those are in sync; answers whether there may be more.

    Once in `leader.imbalance.check.interval.seconds`, if `auto.leader.rebalance.enable`; at once when there is more.
    """
    changes = PartitionChanges(view.image, schema)
    records: list[VersionedRecord] = []
    for topic, index, partition in _partitions(view.image):
        if len(records) >= max_elections:
            break
        if not partition.has_preferred_leader:
            record = changes.record(topic, index, election=Election.PREFERRED)
            if record is not None:
                records.append(record)
    return ControllerResult(records, len(records) >= max_elections)


def elect_unclean_leaders(
    view: ControllerView, schema: ConfigSchema, max_elections: int = MAX_ELECTIONS_PER_BATCH
) -> ControllerResult[bool]:
    """Partitions without a leader get one, where `unclean.leader.election.enable`; answers whether there may be more.

    Once in `unclean.leader.election.interval.ms`; at once when there is more.
    """
    changes = PartitionChanges(view.image, schema)
    records: list[VersionedRecord] = []
    for topic, index, partition in _partitions(view.image):
        if len(records) >= max_elections:
            break
        if partition.leader == NO_LEADER and changes.election(topic) is Election.UNCLEAN:
            record = changes.record(topic, index, election=Election.UNCLEAN)
            if record is not None:
                records.append(record)
    return ControllerResult(records, len(records) >= max_elections)


def _partitions(image: MetadataImage) -> Iterator[tuple[TopicImage, int, PartitionRegistration]]:
    for topic in image.topics.by_id.values():
        for index, partition in topic.partitions.items():
            yield topic, index, partition
