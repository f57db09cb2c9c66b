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

from collections.abc import Awaitable, Callable

from ottla.broker.coordinator.eventually import Eventually
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

    def __call__(self, context: RequestContext, request: OffsetFetchRequest) -> Eventually[OffsetFetchResponse]:
        version = context.api_version
        several = version >= SEVERAL_GROUPS_VERSION
        asked = request.groups if several else [_only_group(request)]
        unknown = [self._name_topics(group) for group in asked] if version >= TOPIC_ID_VERSION else []
        answers = [self._coordinator.fetch_offsets(each, require_stable=request.require_stable) for each in asked]

        def told(groups: list[OffsetFetchResponseGroup]) -> OffsetFetchResponse:
            if not several:
                return _of_one_group(version, asked[0], groups[0])
            for group, wanted, strange in zip(groups, asked, unknown, strict=False):
                self._say_ids(wanted, group, strange)
            return OffsetFetchResponse(groups=groups)

        if request.require_stable and any(isinstance(each, Awaitable) for each in answers):
            return _when_all_are_there(answers, told)
        return told([each for each in answers if isinstance(each, OffsetFetchResponseGroup)])

    def _name_topics(self, group: OffsetFetchRequestGroup) -> list[OffsetFetchRequestTopics]:
        """Offsets are kept by name. What is asked of ids that nobody knows is taken out."""
        if group.topics is None:
            return []
        topics = self._image().topics
        unknown = [topic for topic in group.topics if topic.topic_id not in topics.by_id]
        group.topics = [topic for topic in group.topics if topic.topic_id in topics.by_id]
        for wanted in group.topics:
            wanted.name = topics.name_of(wanted.topic_id) or ""
        return unknown

    def _say_ids(
        self, asked: OffsetFetchRequestGroup, answer: OffsetFetchResponseGroup, unknown: list[OffsetFetchRequestTopics]
    ) -> None:
        if asked.topics is None:
            # Offsets of topics that are gone cannot be said by id.
            topics = self._image().topics
            for topic in answer.topics:
                topic.topic_id = topics.id_of(topic.name) or topic.topic_id
            answer.topics = [topic for topic in answer.topics if topic.name in topics.by_name]
        elif answer.error_code == ErrorCode.NONE:
            answer.topics += [_unknown(topic) for topic in unknown]


async def _when_all_are_there(
    answers: list[Eventually[OffsetFetchResponseGroup]],
    told: Callable[[list[OffsetFetchResponseGroup]], OffsetFetchResponse],
) -> OffsetFetchResponse:
    return told([each if isinstance(each, OffsetFetchResponseGroup) else await each for each in answers])


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
