"""OffsetCommit (8): store how far a group has read.

| version | what changed                                                              | KIP  |
|---------|---------------------------------------------------------------------------|------|
| 2       | the oldest that is read; a retention time for all                         |      |
| 3       | throttle time in the answer                                               |      |
| 4       | throttled after the answer                                                | 219  |
| 5       | no retention time any more: offsets are kept while their group lives      | 211  |
| 6       | leader epochs                                                             | 320  |
| 7       | static members (group.instance.id)                                        | 345  |
| 8       | flexible                                                                  | 482  |
| 9       | member epochs; GROUP_ID_NOT_FOUND where there was ILLEGAL_GENERATION      | 848  |
| 10      | topic ids instead of names                                                | 848  |

Offsets of topics and partitions that do not exist are refused one by one; the rest is stored.
"""

from collections.abc import Awaitable, Callable, Iterable

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from ottla.protocol.errors import ErrorCode

TOPIC_ID_VERSION = 10


class OffsetCommitHandler:
    def __init__(self, coordinator: GroupCoordinator, image: Callable[[], MetadataImage]) -> None:
        self._coordinator = coordinator
        self._image = image

    def __call__(self, context: RequestContext, request: OffsetCommitRequest) -> Eventually[OffsetCommitResponse]:
        refused = self._refuse_unknown(request, by_id=context.api_version >= TOPIC_ID_VERSION)
        if not request.topics:
            return OffsetCommitResponse(topics=refused)
        answer = self._coordinator.commit_offsets(context.api_version, request)
        if not refused:
            return answer
        return _add(answer, refused) if isinstance(answer, OffsetCommitResponse) else _when_done(answer, refused)

    def _refuse_unknown(self, request: OffsetCommitRequest, *, by_id: bool) -> list[OffsetCommitResponseTopic]:
        """Leave what exists in the request, with names and ids; answer the rest."""
        topics = self._image().topics
        known: list[OffsetCommitRequestTopic] = []
        refused: list[OffsetCommitResponseTopic] = []
        for topic in request.topics:
            image = topics.by_id.get(topic.topic_id) if by_id else topics.by_name.get(topic.name)
            if image is None:
                error = ErrorCode.UNKNOWN_TOPIC_ID if by_id else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                refused.append(_refuse(topic, topic.partitions, error))
                continue
            topic.name, topic.topic_id = image.name, image.topic_id
            missing = _missing_partitions(topic, image)
            if missing:
                refused.append(_refuse(topic, missing, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
                topic.partitions = [each for each in topic.partitions if each.partition_index in image.partitions]
            if topic.partitions:
                known.append(topic)
        request.topics = known
        return refused


def _missing_partitions(topic: OffsetCommitRequestTopic, image: TopicImage) -> list[OffsetCommitRequestPartition]:
    return [partition for partition in topic.partitions if partition.partition_index not in image.partitions]


def _refuse(
    topic: OffsetCommitRequestTopic, partitions: Iterable[OffsetCommitRequestPartition], error: ErrorCode
) -> OffsetCommitResponseTopic:
    answers = [
        OffsetCommitResponsePartition(partition_index=partition.partition_index, error_code=error)
        for partition in partitions
    ]
    return OffsetCommitResponseTopic(name=topic.name, topic_id=topic.topic_id, partitions=answers)


async def _when_done(
    answer: Awaitable[OffsetCommitResponse], refused: list[OffsetCommitResponseTopic]
) -> OffsetCommitResponse:
    return _add(await answer, refused)


def _add(response: OffsetCommitResponse, refused: list[OffsetCommitResponseTopic]) -> OffsetCommitResponse:
    """A topic of which some partitions were stored and some refused is still answered once."""
    by_topic = {(topic.name, topic.topic_id): topic for topic in response.topics}
    for topic in refused:
        stored = by_topic.get((topic.name, topic.topic_id))
        if stored is None:
            response.topics.append(topic)
        else:
            stored.partitions += topic.partitions
    return response
