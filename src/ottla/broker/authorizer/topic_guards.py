"""Who may produce to, read and look into the partitions of a topic. `TOPIC_AUTHORIZATION_FAILED` does not tell whether
the topic is there. Kafka's `KafkaApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import AclOperation, ResourceType
from ottla.protocol.api import delete_records as deletion
from ottla.protocol.api import describe_producers as producers
from ottla.protocol.api import list_offsets as offsets
from ottla.protocol.api import offset_for_leader_epoch as epochs
from ottla.protocol.api import produce as produced
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record_batch import TRANSACTIONAL_FLAG

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext

REFUSED: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED
_ATTRIBUTES_AT: Final = 22  # the low byte of the batch header's attributes
_TOPIC_IDS_SINCE: Final = 13


def guard_produce(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: produced.ProduceRequest
) -> Answer:
    if _has_transactional_batch(request):
        name = request.transactional_id
        if name is None or not authorizer.allows(context, AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, name):
            return _refuse_produce(request, request.topic_data, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    by_id = context.api_version >= _TOPIC_IDS_SINCE
    topics = authorizer.image().topics

    def may_write(topic: produced.TopicProduceData) -> bool:
        name = topics.name_of(topic.topic_id) if by_id else topic.name
        return name is None or authorizer.allows_topic(context, AclOperation.WRITE, name)

    allowed, refused = split(request.topic_data, may_write)
    if not refused:
        return handler(context, request)
    if request.acks == 0:
        raise KafkaError(REFUSED)
    refusal = _refuse_produce(request, refused, REFUSED)
    if not allowed:
        return refusal
    request.topic_data = allowed

    def merge(response: produced.ProduceResponse) -> produced.ProduceResponse:
        response.responses += refusal.responses
        return response

    return then(handler(context, request), merge)


def _has_transactional_batch(request: produced.ProduceRequest) -> bool:
    return any(
        isinstance(data.records, (memoryview, bytes))
        and len(data.records) > _ATTRIBUTES_AT
        and data.records[_ATTRIBUTES_AT] & TRANSACTIONAL_FLAG
        for topic in request.topic_data
        for data in topic.partition_data
    )


def _refuse_produce(
    request: produced.ProduceRequest, topics: list[produced.TopicProduceData], error: ErrorCode
) -> produced.ProduceResponse:
    if request.acks == 0:
        raise KafkaError(error)
    return produced.ProduceResponse(
        responses=[
            produced.TopicProduceResponse(
                name=topic.name,
                topic_id=topic.topic_id,
                partition_responses=[
                    produced.PartitionProduceResponse(
                        index=data.index, error_code=error, base_offset=-1, current_leader=produced.LeaderIdAndEpoch()
                    )
                    for data in topic.partition_data
                ],
            )
            for topic in topics
        ]
    )


def guard_list_offsets(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: offsets.ListOffsetsRequest
) -> Answer:
    allowed, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.name)
    )
    if not refused:
        return handler(context, request)
    request.topics = allowed

    def merge(response: offsets.ListOffsetsResponse) -> offsets.ListOffsetsResponse:
        response.topics += [
            offsets.ListOffsetsTopicResponse(
                name=topic.name,
                partitions=[
                    offsets.ListOffsetsPartitionResponse(partition_index=one.partition_index, error_code=REFUSED)
                    for one in topic.partitions
                ],
            )
            for topic in refused
        ]
        return response

    return then(handler(context, request), merge)


def guard_delete_records(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: deletion.DeleteRecordsRequest
) -> Answer:
    allowed, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.DELETE, topic.name)
    )
    if not refused:
        return handler(context, request)
    request.topics = allowed

    def merge(response: deletion.DeleteRecordsResponse) -> deletion.DeleteRecordsResponse:
        response.topics += [
            deletion.DeleteRecordsTopicResult(
                name=topic.name,
                partitions=[
                    deletion.DeleteRecordsPartitionResult(
                        partition_index=one.partition_index, low_watermark=-1, error_code=REFUSED
                    )
                    for one in topic.partitions
                ],
            )
            for topic in refused
        ]
        return response

    return then(handler(context, request), merge)


def guard_offset_for_leader_epoch(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: epochs.OffsetForLeaderEpochRequest
) -> Answer:
    if authorizer.allows_cluster(context, AclOperation.CLUSTER_ACTION):
        return handler(context, request)
    allowed, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.topic)
    )
    if not refused:
        return handler(context, request)
    request.topics = allowed

    def merge(response: epochs.OffsetForLeaderEpochResponse) -> epochs.OffsetForLeaderEpochResponse:
        response.topics += [
            epochs.OffsetForLeaderTopicResult(
                topic=topic.topic,
                partitions=[
                    epochs.EpochEndOffset(partition=one.partition, error_code=REFUSED) for one in topic.partitions
                ],
            )
            for topic in refused
        ]
        return response

    return then(handler(context, request), merge)


def guard_describe_producers(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: producers.DescribeProducersRequest
) -> Answer:
    allowed, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.READ, topic.name)
    )
    if not refused:
        return handler(context, request)
    request.topics = allowed

    def merge(response: producers.DescribeProducersResponse) -> producers.DescribeProducersResponse:
        response.topics += [
            producers.TopicResponse(
                name=topic.name,
                partitions=[
                    producers.PartitionResponse(
                        partition_index=index, error_code=REFUSED, error_message=REFUSED.message, active_producers=[]
                    )
                    for index in topic.partition_indexes
                ],
            )
            for topic in refused
        ]
        return response

    return then(handler(context, request), merge)


def guard_fetch(authorizer: Authorizer, handler: Handler, context: RequestContext, request: object) -> Answer:
    """A session's partitions are checked where they are read: the handler has the authorizer itself."""
    return handler(context, request)


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.PRODUCE: guard_produce,
    ApiKey.FETCH: guard_fetch,
    ApiKey.LIST_OFFSETS: guard_list_offsets,
    ApiKey.DELETE_RECORDS: guard_delete_records,
    ApiKey.OFFSET_FOR_LEADER_EPOCH: guard_offset_for_leader_epoch,
    ApiKey.DESCRIBE_PRODUCERS: guard_describe_producers,
}
