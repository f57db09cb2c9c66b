"""OffsetCommit: where a group has got to. Consumers commit as members; everybody else without a generation.

KIP-211 (retention times of versions 2–4), KIP-320 (leader epochs), KIP-345, topic ids since version 10.
Source: OffsetMetadataManager.commitOffset, ClassicGroup.validateOffsetCommit.
"""

from typing import TYPE_CHECKING

from ottla.coordinator.group.classic_group import (
    COMPLETING_REBALANCE,
    DEAD,
    EMPTY,
    PREPARING_REBALANCE,
    STABLE,
    ClassicGroup,
)
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.offsets import check_commit
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.offsets import OffsetAndMetadata
from ottla.coordinator.group.rebalance import reschedule_heartbeat
from ottla.coordinator.group.records import offset_commit_record
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.coordinator.group.streams.streams_group import StreamsGroup

DEFAULT_RETENTION_TIME_MS = -1
GROUP_ID_NOT_FOUND_VERSION = 9


def commit_offsets(
    groups: Groups, api_version: int, request: OffsetCommitRequest
) -> CoordinatorResult[OffsetCommitResponse]:
    """`request.topics` carry a name, and an id if the topic has one, whatever the version."""
    group = groups.get(request.group_id)
    if group is None:
        if request.generation_id_or_member_epoch >= 0:
            late = api_version >= GROUP_ID_NOT_FOUND_VERSION
            error = ErrorCode.GROUP_ID_NOT_FOUND if late else ErrorCode.ILLEGAL_GENERATION
            return CoordinatorResult([], commit_error(request, error))
        group = groups.get_or_new(request.group_id)
    if isinstance(group, ClassicGroup):
        error = _validate(group, request)
    elif isinstance(group, ConsumerGroup):
        error = _check_consumer_group(group, api_version, request)
    else:
        error = _check_streams_group(group, api_version, request)
    if error is not ErrorCode.NONE:
        return CoordinatorResult([], commit_error(request, error))
    if isinstance(group, ClassicGroup) and (group.state is STABLE or group.state is PREPARING_REBALANCE):
        reschedule_heartbeat(groups, group, group.members[request.member_id])
    return _commit(groups, request)


def _check_consumer_group(group: ConsumerGroup, api_version: int, request: OffsetCommitRequest) -> ErrorCode:
    return check_commit(
        group,
        request.member_id,
        request.group_instance_id,
        request.generation_id_or_member_epoch,
        ((topic.topic_id, each.partition_index) for topic in request.topics for each in topic.partitions),
        api_version=api_version,
    )


def _check_streams_group(group: "StreamsGroup", api_version: int, request: OffsetCommitRequest) -> ErrorCode:
    from ottla.coordinator.group.streams.offsets import check_commit as check_streams_commit

    return check_streams_commit(
        group,
        request.member_id,
        request.group_instance_id,
        request.generation_id_or_member_epoch,
        ((topic.name, each.partition_index) for topic in request.topics for each in topic.partitions),
        api_version=api_version,
    )


def _validate(group: ClassicGroup, request: OffsetCommitRequest) -> ErrorCode:
    if group.state is DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    generation_id = request.generation_id_or_member_epoch
    if generation_id < 0 and group.state is EMPTY:
        # Kafka's own storage of offsets, without membership.
        return ErrorCode.NONE
    if generation_id >= 0 or request.member_id or request.group_instance_id is not None:
        error = group.validate_member(request.member_id, request.group_instance_id)
        if error is not ErrorCode.NONE:
            return error
        if generation_id != group.generation_id:
            return ErrorCode.ILLEGAL_GENERATION
    elif group.state is not EMPTY:
        return ErrorCode.UNKNOWN_MEMBER_ID
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is COMPLETING_REBALANCE else ErrorCode.NONE


def _commit(groups: Groups, request: OffsetCommitRequest) -> CoordinatorResult[OffsetCommitResponse]:
    now_ms = groups.clock.now_ms()
    retention_ms = request.retention_time_ms
    expire_ms = -1 if retention_ms == DEFAULT_RETENTION_TIME_MS else now_ms + retention_ms
    limit = groups.config.offset_metadata_max_bytes
    records: list[CoordinatorRecord] = []
    topics: list[OffsetCommitResponseTopic] = []
    for topic in request.topics:
        partitions: list[OffsetCommitResponsePartition] = []
        for partition in topic.partitions:
            index, metadata = partition.partition_index, partition.committed_metadata or ""
            if utf16_length(metadata) > limit:
                error = ErrorCode.OFFSET_METADATA_TOO_LARGE
            else:
                error = ErrorCode.NONE
                offset = OffsetAndMetadata(
                    partition.committed_offset,
                    partition.committed_leader_epoch,
                    metadata,
                    now_ms,
                    expire_ms,
                    topic.topic_id,
                )
                records.append(offset_commit_record(request.group_id, topic.name, index, offset))
            partitions.append(OffsetCommitResponsePartition(partition_index=index, error_code=error))
        topics.append(OffsetCommitResponseTopic(name=topic.name, topic_id=topic.topic_id, partitions=partitions))
    return CoordinatorResult(records, OffsetCommitResponse(topics=topics))


def utf16_length(text: str) -> int:
    """The length as Java counts it: `offset.metadata.max.bytes` is held against `String.length()`."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def commit_error(request: OffsetCommitRequest, error: ErrorCode) -> OffsetCommitResponse:
    """Every partition of the request, refused alike."""
    return OffsetCommitResponse(
        topics=[
            OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[
                    OffsetCommitResponsePartition(partition_index=partition.partition_index, error_code=error)
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )
