"""TxnOffsetCommit: offsets that count when their transaction is committed (KIP-98, KIP-447: checked like a member's).

The records carry the producer's id and epoch; until the transaction's marker they are pending. Unlike OffsetCommit it
is allowed while a rebalance completes, and without a member id whatever the group's state.
Source: OffsetMetadataManager.commitTransactionalOffset.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ottla.coordinator.group.classic_group import DEAD, EMPTY, ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.offsets import check_commit
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.offset_commit import utf16_length
from ottla.coordinator.group.offsets import OffsetAndMetadata
from ottla.coordinator.group.records import offset_commit_record
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult
from ottla.protocol.api.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from ottla.coordinator.group.streams.streams_group import StreamsGroup


def commit_transactional_offsets(
    groups: Groups, request: TxnOffsetCommitRequest
) -> CoordinatorResult[TxnOffsetCommitResponse]:
    """The shell appends the records as the producer's, within its transaction."""
    group = groups.get(request.group_id)
    if group is None:
        if request.generation_id >= 0:
            return CoordinatorResult([], txn_commit_error(request, ErrorCode.ILLEGAL_GENERATION))
        group = groups.get_or_new(request.group_id)
    if isinstance(group, ClassicGroup):
        error = _validate(group, request)
    elif isinstance(group, ConsumerGroup):
        error = _check_consumer_group(groups, group, request)
    else:
        error = _check_streams_group(group, request)
    if error is not ErrorCode.NONE:
        return CoordinatorResult([], txn_commit_error(request, error))
    now_ms, limit = groups.clock.now_ms(), groups.config.offset_metadata_max_bytes
    records: list[CoordinatorRecord] = []

    def commit(topic: str, partition: TxnOffsetCommitRequestPartition) -> ErrorCode:
        metadata = partition.committed_metadata or ""
        if utf16_length(metadata) > limit:
            return ErrorCode.OFFSET_METADATA_TOO_LARGE
        offset = OffsetAndMetadata(
            partition.committed_offset, partition.committed_leader_epoch, metadata, commit_timestamp_ms=now_ms
        )
        records.append(offset_commit_record(request.group_id, topic, partition.partition_index, offset))
        return ErrorCode.NONE

    response = _answer(request, commit)
    return CoordinatorResult(records, response)


def _check_consumer_group(groups: Groups, group: ConsumerGroup, request: TxnOffsetCommitRequest) -> ErrorCode:
    """Members own topics by id, and the request knows them by name; a topic that is gone is nobody's."""
    topics = groups.image().topics
    error = check_commit(
        group,
        request.member_id,
        request.group_instance_id,
        request.generation_id,
        (
            (topics.id_of(topic.name) or ZERO_UUID, each.partition_index)
            for topic in request.topics
            for each in topic.partitions
        ),
        api_version=0,
        transactional=True,
    )
    return ErrorCode.ILLEGAL_GENERATION if error is ErrorCode.STALE_MEMBER_EPOCH else error


def _check_streams_group(group: "StreamsGroup", request: TxnOffsetCommitRequest) -> ErrorCode:
    from ottla.coordinator.group.streams.offsets import check_commit as check_streams_commit

    error = check_streams_commit(
        group,
        request.member_id,
        request.group_instance_id,
        request.generation_id,
        ((topic.name, each.partition_index) for topic in request.topics for each in topic.partitions),
        api_version=0,
        transactional=True,
    )
    return ErrorCode.ILLEGAL_GENERATION if error is ErrorCode.STALE_MEMBER_EPOCH else error


def _validate(group: ClassicGroup, request: TxnOffsetCommitRequest) -> ErrorCode:
    if group.state is DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if request.generation_id < 0 and group.state is EMPTY:
        return ErrorCode.NONE
    if request.generation_id >= 0 or request.member_id or request.group_instance_id is not None:
        error = group.validate_member(request.member_id, request.group_instance_id)
        if error is not ErrorCode.NONE:
            return error
        if request.generation_id != group.generation_id:
            return ErrorCode.ILLEGAL_GENERATION
    return ErrorCode.NONE


def txn_commit_error(request: TxnOffsetCommitRequest, error: ErrorCode) -> TxnOffsetCommitResponse:
    """Every partition of the request, refused alike."""
    return _answer(request, lambda topic, partition: error)


def _answer(
    request: TxnOffsetCommitRequest, result_of: Callable[[str, TxnOffsetCommitRequestPartition], ErrorCode]
) -> TxnOffsetCommitResponse:
    return TxnOffsetCommitResponse(
        topics=[
            TxnOffsetCommitResponseTopic(
                name=topic.name,
                partitions=[
                    TxnOffsetCommitResponsePartition(
                        partition_index=partition.partition_index, error_code=result_of(topic.name, partition)
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )
