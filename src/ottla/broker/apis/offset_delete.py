"""OffsetDelete (47): forget what a group has committed for some partitions.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 496 |
"""

from collections.abc import Awaitable, Callable

from ottla.broker.coordinator.group_coordinator import Eventually, GroupCoordinator
from ottla.broker.request_context import RequestContext
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)
from ottla.protocol.errors import ErrorCode


class OffsetDeleteHandler:
    def __init__(self, coordinator: GroupCoordinator, image: Callable[[], MetadataImage]) -> None:
        self._coordinator = coordinator
        self._image = image

    def __call__(self, context: RequestContext, request: OffsetDeleteRequest) -> Eventually[OffsetDeleteResponse]:
        by_name = self._image().topics.by_name
        refused: list[OffsetDeleteResponseTopic] = []
        known: list[OffsetDeleteRequestTopic] = []
        for topic in request.topics:
            image = by_name.get(topic.name)
            indexes = () if image is None else image.partitions
            missing = [each.partition_index for each in topic.partitions if each.partition_index not in indexes]
            if missing:
                refused.append(_unknown(topic.name, missing))
                topic.partitions = [each for each in topic.partitions if each.partition_index in indexes]
            if topic.partitions:
                known.append(topic)
        if not known:
            return OffsetDeleteResponse(error_code=ErrorCode.NONE, topics=refused)
        request.topics = known
        answer = self._coordinator.delete_offsets(request)
        return _add(answer, refused) if isinstance(answer, OffsetDeleteResponse) else _when_done(answer, refused)


def _unknown(name: str, indexes: list[int]) -> OffsetDeleteResponseTopic:
    error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    partitions = [OffsetDeleteResponsePartition(partition_index=index, error_code=error) for index in indexes]
    return OffsetDeleteResponseTopic(name=name, partitions=partitions)


async def _when_done(
    answer: Awaitable[OffsetDeleteResponse], refused: list[OffsetDeleteResponseTopic]
) -> OffsetDeleteResponse:
    return _add(await answer, refused)


def _add(response: OffsetDeleteResponse, refused: list[OffsetDeleteResponseTopic]) -> OffsetDeleteResponse:
    if response.error_code == ErrorCode.NONE:
        by_name = {topic.name: topic for topic in response.topics}
        for topic in refused:
            done = by_name.get(topic.name)
            if done is None:
                response.topics.append(topic)
            else:
                done.partitions += topic.partitions
    return response
