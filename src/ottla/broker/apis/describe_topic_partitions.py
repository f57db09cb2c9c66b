"""DescribeTopicPartitions (75): topics page by page, with what only the controller used to know.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       | pages of partitions, eligible leader replicas             | 966 |

Topics come by name; a page ends after so many partitions and tells where the next begins. Kafka's
`DescribeTopicPartitionsRequestHandler`.
"""

from ottla.broker.apis.metadata import offline_replicas
from ottla.broker.authorized_operations import ALL_OF_TOPIC
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.topic_names import is_internal, is_valid_topic_name
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.metadata.partition import NO_LEADER
from ottla.protocol.api.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID


class DescribeTopicPartitionsHandler:
    """`max_partitions`: `max.request.partition.size.limit`"""

    def __init__(self, controller: ControllerShell, *, max_partitions: int) -> None:
        self._controller = controller
        self._max_partitions = max_partitions

    def __call__(
        self, context: RequestContext, request: DescribeTopicPartitionsRequest
    ) -> DescribeTopicPartitionsResponse:
        image = self._controller.image
        asked = {topic.name for topic in request.topics}
        names = sorted(asked or image.topics.by_name)
        first_index = 0
        if request.cursor is not None:
            cursor = request.cursor
            if cursor.partition_index < 0:
                return _refused(request, ErrorCode.INVALID_REQUEST)
            names = [name for name in names if name >= cursor.topic_name]
            if names and names[0] == cursor.topic_name:
                first_index = cursor.partition_index
        left = max(1, min(request.response_partition_limit, self._max_partitions))
        topics: list[DescribeTopicPartitionsResponseTopic] = []
        for name in names:
            if left == 0:
                return DescribeTopicPartitionsResponse(
                    topics=topics, next_cursor=Cursor(topic_name=name, partition_index=0)
                )
            topic = image.topics.by_name.get(name)
            if topic is None:
                topics.append(_unknown(name))
                continue
            indexes = [index for index in sorted(topic.partitions) if index >= first_index]
            first_index = 0
            topics.append(_describe(topic, indexes[:left], image, context))
            if len(indexes) > left:
                return DescribeTopicPartitionsResponse(
                    topics=topics, next_cursor=Cursor(topic_name=name, partition_index=indexes[left])
                )
            left -= len(indexes)
        return DescribeTopicPartitionsResponse(topics=topics)


def _refused(request: DescribeTopicPartitionsRequest, code: ErrorCode) -> DescribeTopicPartitionsResponse:
    return DescribeTopicPartitionsResponse(
        topics=[
            DescribeTopicPartitionsResponseTopic(
                error_code=code, name=topic.name, topic_id=ZERO_UUID, is_internal=is_internal(topic.name), partitions=[]
            )
            for topic in request.topics
        ]
    )


def _unknown(name: str) -> DescribeTopicPartitionsResponseTopic:
    valid = is_valid_topic_name(name)
    return DescribeTopicPartitionsResponseTopic(
        error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if valid else ErrorCode.INVALID_TOPIC_EXCEPTION,
        name=name,
        topic_id=ZERO_UUID,
        is_internal=is_internal(name),
        partitions=[],
    )


def _describe(
    topic: TopicImage, indexes: list[int], image: MetadataImage, context: RequestContext
) -> DescribeTopicPartitionsResponseTopic:
    partitions = []
    for index in indexes:
        partition = topic.partitions[index]
        leader = image.cluster.brokers.get(partition.leader)
        has_leader = leader is not None and not leader.fenced
        partitions.append(
            DescribeTopicPartitionsResponsePartition(
                error_code=ErrorCode.NONE if has_leader else ErrorCode.LEADER_NOT_AVAILABLE,
                partition_index=index,
                leader_id=partition.leader if has_leader else NO_LEADER,
                leader_epoch=partition.leader_epoch,
                replica_nodes=list(partition.replicas),
                isr_nodes=list(partition.isr),
                eligible_leader_replicas=list(partition.eligible_leader_replicas),
                last_known_elr=list(partition.last_known_elr),
                offline_replicas=offline_replicas(partition, image, context.listener),
            )
        )
    return DescribeTopicPartitionsResponseTopic(
        error_code=ErrorCode.NONE,
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=is_internal(topic.name),
        partitions=partitions,
        topic_authorized_operations=ALL_OF_TOPIC,
    )
