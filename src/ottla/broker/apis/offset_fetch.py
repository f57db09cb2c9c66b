"""OffsetFetch (9): what groups have committed.

| version | what changed                                                   | KIP |
|---------|----------------------------------------------------------------|-----|
| 1       | the oldest that is read; errors stand at each partition        |     |
| 2       | null topics: all of them; an error for the whole answer        | 88  |
| 3       | throttle time in the answer                                    |     |
| 4       | throttled after the answer                                     | 219 |
| 5       | leader epochs                                                  | 320 |
| 6       | flexible                                                       | 482 |
| 7       | require_stable: UNSTABLE_OFFSET_COMMIT while a transaction is open | 447 |
| 8       | several groups                                                 | 709 |
| 9       | member id and epoch (of consumer groups; classic ones ignore them) | 848 |
| 10      | topic ids instead of names                                     | 848 |
"""

from collections.abc import Callable

from ottla.broker.coordinator.group_coordinator import GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
)
from ottla.protocol.errors import ErrorCode

TOP_LEVEL_ERROR_VERSION = 2
SEVERAL_GROUPS_VERSION = 8
TOPIC_ID_VERSION = 10
NO_OFFSET = -1


class OffsetFetchHandler:
    def __init__(self, coordinator: GroupCoordinator, image: Callable[[], MetadataImage]) -> None:
        self._coordinator = coordinator
        self._image = image

    def __call__(self, context: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
        stable = request.require_stable
        if context.api_version < SEVERAL_GROUPS_VERSION:
            group = _only_group(request)
            return _of_one_group(context.api_version, group, self._fetch(group, stable))
        fetch = self._fetch_by_id if context.api_version >= TOPIC_ID_VERSION else self._fetch
        return OffsetFetchResponse(groups=[fetch(group, stable) for group in request.groups])

    def _fetch(self, group: OffsetFetchRequestGroup, require_stable: bool) -> OffsetFetchResponseGroup:
        return self._coordinator.fetch_offsets(group, require_stable=require_stable)

    def _fetch_by_id(self, group: OffsetFetchRequestGroup, require_stable: bool) -> OffsetFetchResponseGroup:
        topics = self._image().topics
        if group.topics is None:
            answer = self._fetch(group, require_stable)
            # Offsets of topics that are gone cannot be said by id.
            for topic in answer.topics:
                topic.topic_id = topics.id_of(topic.name) or topic.topic_id
            answer.topics = [topic for topic in answer.topics if topic.name in topics.by_name]
            return answer
        unknown = [topic for topic in group.topics if topic.topic_id not in topics.by_id]
        group.topics = [topic for topic in group.topics if topic.topic_id in topics.by_id]
        for wanted in group.topics:
            wanted.name = topics.name_of(wanted.topic_id) or ""
        answer = self._fetch(group, require_stable)
        if answer.error_code == ErrorCode.NONE:
            answer.topics += [_unknown(topic) for topic in unknown]
        return answer


def _unknown(topic: OffsetFetchRequestTopics) -> OffsetFetchResponseTopics:
    partitions = [
        OffsetFetchResponsePartitions(
            partition_index=index, committed_offset=NO_OFFSET, metadata="", error_code=ErrorCode.UNKNOWN_TOPIC_ID
        )
        for index in topic.partition_indexes
    ]
    return OffsetFetchResponseTopics(topic_id=topic.topic_id, partitions=partitions)


def _only_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup:
    topics = request.topics
    return OffsetFetchRequestGroup(
        group_id=request.group_id,
        topics=None
        if topics is None
        else [OffsetFetchRequestTopics(name=each.name, partition_indexes=each.partition_indexes) for each in topics],
    )


def _of_one_group(version: int, asked: OffsetFetchRequestGroup, group: OffsetFetchResponseGroup) -> OffsetFetchResponse:
    """Versions 1–7. Version 1 knows no error but a partition's, so an error of the group is told at each."""
    error = group.error_code
    if error and version < TOP_LEVEL_ERROR_VERSION:
        topics = [
            OffsetFetchResponseTopic(
                name=topic.name, partitions=[_partition(index, error=error) for index in topic.partition_indexes]
            )
            for topic in asked.topics or ()
        ]
        return OffsetFetchResponse(topics=topics)
    topics = [
        OffsetFetchResponseTopic(
            name=topic.name,
            partitions=[
                _partition(
                    each.partition_index,
                    each.committed_offset,
                    each.committed_leader_epoch,
                    each.metadata,
                    each.error_code,
                )
                for each in topic.partitions
            ],
        )
        for topic in group.topics
    ]
    return OffsetFetchResponse(topics=topics, error_code=error)


def _partition(
    index: int, offset: int = NO_OFFSET, leader_epoch: int = -1, metadata: str | None = "", error: int = ErrorCode.NONE
) -> OffsetFetchResponsePartition:
    return OffsetFetchResponsePartition(
        partition_index=index,
        committed_offset=offset,
        committed_leader_epoch=leader_epoch,
        metadata=metadata,
        error_code=error,
    )
