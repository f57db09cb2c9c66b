"""OffsetFetch: what a group has committed, for some partitions or for all.

KIP-88 (all topics), KIP-447 (require_stable), KIP-709 (several groups), topic ids since version 10: an offset that was
committed for a topic of the same name and another id is not there. Source: OffsetMetadataManager.fetchOffsets.
"""

from typing import TYPE_CHECKING

from ottla.coordinator.group.classic_group import DEAD, ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.offsets import check_fetch
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.offsets import OffsetAndMetadata, Offsets
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequestGroup,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID_OFFSET = -1


def fetch_offsets(
    groups: Groups, offsets: Offsets, request: OffsetFetchRequestGroup, *, require_stable: bool
) -> OffsetFetchResponseGroup:
    """`request.topics` carry names, and ids where known; `None` asks for all, which are answered without ids.

    What is committed for reads, or, with `require_stable`, what is appended: the shell holds that answer back.
    """
    group = groups.get(request.group_id) if require_stable else groups.committed(request.group_id)
    if isinstance(group, ConsumerGroup):
        error = check_fetch(group, request.member_id, request.member_epoch)
        if error is not ErrorCode.NONE:
            return fetch_error(request, error)
    elif group is not None and not isinstance(group, ClassicGroup):
        from ottla.coordinator.group.streams.offsets import check_fetch as check_streams_fetch

        error = check_streams_fetch(group, request.member_id, request.member_epoch)
        if error is not ErrorCode.NONE:
            return fetch_error(request, error)
    known = group is not None and group.state is not DEAD
    by_topic: Mapping[str, Mapping[int, OffsetAndMetadata]] = {}
    if known:
        by_topic = (offsets.of_group if require_stable else offsets.replicated)(request.group_id)
    stable = not require_stable or request.group_id not in offsets.open_transactions
    topics: list[OffsetFetchResponseTopics] = []
    if request.topics is None:
        for name, partitions in by_topic.items():
            answers = [
                _unstable(index)
                if not stable and offsets.has_pending(request.group_id, name, index)
                else _answer(index, offset)
                for index, offset in partitions.items()
            ]
            topics.append(OffsetFetchResponseTopics(name=name, partitions=answers))
        return OffsetFetchResponseGroup(group_id=request.group_id, topics=topics)
    for topic in request.topics:
        committed = by_topic.get(topic.name, {})
        answers = []
        for index in topic.partition_indexes:
            found = committed.get(index)
            if not stable and offsets.has_pending(request.group_id, topic.name, index):
                answers.append(_unstable(index))
            elif found is None or _is_of_another_topic(found.topic_id, topic.topic_id):
                answers.append(_nothing(index))
            else:
                answers.append(_answer(index, found))
        topics.append(OffsetFetchResponseTopics(name=topic.name, topic_id=topic.topic_id, partitions=answers))
    return OffsetFetchResponseGroup(group_id=request.group_id, topics=topics)


def _is_of_another_topic(committed_id: bytes, topic_id: bytes) -> bool:
    return committed_id not in (ZERO_UUID, topic_id) and topic_id != ZERO_UUID


def _answer(index: int, offset: OffsetAndMetadata) -> OffsetFetchResponsePartitions:
    return OffsetFetchResponsePartitions(
        partition_index=index,
        committed_offset=offset.committed_offset,
        committed_leader_epoch=offset.leader_epoch,
        metadata=offset.metadata,
        error_code=ErrorCode.NONE,
    )


def _nothing(index: int, error: ErrorCode = ErrorCode.NONE) -> OffsetFetchResponsePartitions:
    return OffsetFetchResponsePartitions(
        partition_index=index, committed_offset=INVALID_OFFSET, metadata="", error_code=error
    )


def _unstable(index: int) -> OffsetFetchResponsePartitions:
    return _nothing(index, ErrorCode.UNSTABLE_OFFSET_COMMIT)


def fetch_error(request: OffsetFetchRequestGroup, error: ErrorCode) -> OffsetFetchResponseGroup:
    return OffsetFetchResponseGroup(group_id=request.group_id, topics=[], error_code=error)
