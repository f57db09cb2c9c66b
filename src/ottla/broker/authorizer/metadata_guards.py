"""Who sees which topics and what the cluster is; making, growing and deleting topics. What may not be described is left
out where everything was asked for. Kafka's `KafkaApis`, `ControllerApis`, `DescribeTopicPartitionsRequestHandler`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.authorized_operations import NOT_ASKED
from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import AclOperation, ResourceType
from ottla.metadata.controller.topic_names import is_internal
from ottla.protocol.api import create_partitions as growth
from ottla.protocol.api import create_topics as creation
from ottla.protocol.api import delete_topics as deletion
from ottla.protocol.api import describe_cluster as cluster
from ottla.protocol.api import describe_topic_partitions as described
from ottla.protocol.api import metadata as meta
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext

REFUSED: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED
_IDS_SINCE: Final = 6  # DeleteTopics


def guard_metadata(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: meta.MetadataRequest
) -> Answer:
    wants_operations = request.include_topic_authorized_operations
    wants_cluster = request.include_cluster_authorized_operations
    everything = request.topics is None or (context.api_version == 0 and not request.topics)
    refused: list[meta.MetadataResponseTopic] = []
    if not everything:
        request.topics, refused = _describable(authorizer, context, request)
        everything = context.api_version == 0 and not request.topics

    def may_describe(topic: meta.MetadataResponseTopic) -> bool:
        return topic.name is None or authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.name)

    def finish(response: meta.MetadataResponse) -> meta.MetadataResponse:
        if everything:
            response.topics = [] if refused else [topic for topic in response.topics if may_describe(topic)]
        if wants_operations:
            for topic in response.topics:
                if topic.error_code == ErrorCode.NONE and topic.name is not None:
                    topic.topic_authorized_operations = authorizer.operations(context, ResourceType.TOPIC, topic.name)
        response.topics += refused
        if wants_cluster:
            response.cluster_authorized_operations = authorizer.cluster_operations(context)
        return response

    return then(handler(context, request), finish)


def _describable(
    authorizer: Authorizer, context: RequestContext, request: meta.MetadataRequest
) -> tuple[list[meta.MetadataRequestTopic], list[meta.MetadataResponseTopic]]:
    """The topics asked for that may be described, and made if they are missing; and what to say of the others."""
    topics = authorizer.image().topics
    may_create_any = authorizer.allows_cluster(context, AclOperation.CREATE)
    allowed: list[meta.MetadataRequestTopic] = []
    refused: list[meta.MetadataResponseTopic] = []
    for topic in request.topics or ():
        by_id = topic.topic_id != ZERO_UUID
        name = topics.name_of(topic.topic_id) if by_id else topic.name
        if name is None:
            allowed.append(topic)
        elif not authorizer.allows_topic(context, AclOperation.DESCRIBE, name):
            refused.append(_no_topic(None, topic.topic_id) if by_id else _no_topic(name, ZERO_UUID))
        elif (
            name not in topics.by_name
            and authorizer.auto_create_topics
            and request.allow_auto_topic_creation
            and not may_create_any
            and not authorizer.allows_topic(context, AclOperation.CREATE, name)
        ):
            refused.append(_no_topic(name, ZERO_UUID))
        else:
            allowed.append(topic)
    return allowed, refused


def _no_topic(name: str | None, topic_id: bytes) -> meta.MetadataResponseTopic:
    return meta.MetadataResponseTopic(
        error_code=REFUSED,
        name=name,
        topic_id=topic_id,
        is_internal=name is not None and is_internal(name),
        partitions=[],
    )


def guard_describe_topic_partitions(
    authorizer: Authorizer,
    handler: Handler,
    context: RequestContext,
    request: described.DescribeTopicPartitionsRequest,
) -> Answer:
    everything = not request.topics
    allowed, refused = split(
        request.topics or [described.TopicRequest(name=name) for name in authorizer.image().topics.by_name],
        lambda topic: authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.name),
    )
    refusals = [] if everything else [_not_described(topic.name) for topic in refused]
    if not allowed:
        return described.DescribeTopicPartitionsResponse(topics=refusals)
    request.topics = allowed

    def finish(response: described.DescribeTopicPartitionsResponse) -> described.DescribeTopicPartitionsResponse:
        for topic in response.topics:
            if topic.error_code == ErrorCode.NONE and topic.name is not None:
                topic.topic_authorized_operations = authorizer.operations(context, ResourceType.TOPIC, topic.name)
        response.topics += refusals
        return response

    return then(handler(context, request), finish)


def _not_described(name: str) -> described.DescribeTopicPartitionsResponseTopic:
    return described.DescribeTopicPartitionsResponseTopic(
        error_code=REFUSED, name=name, topic_id=ZERO_UUID, is_internal=is_internal(name), partitions=[]
    )


def guard_describe_cluster(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: cluster.DescribeClusterRequest
) -> Answer:
    def finish(response: cluster.DescribeClusterResponse) -> cluster.DescribeClusterResponse:
        if response.cluster_authorized_operations != NOT_ASKED:
            response.cluster_authorized_operations = authorizer.cluster_operations(context)
        return response

    return then(handler(context, request), finish)


def guard_create_topics(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: creation.CreateTopicsRequest
) -> Answer:
    may_create_any = authorizer.allows_cluster(context, AclOperation.CREATE)
    allowed, refused = split(
        request.topics,
        lambda topic: may_create_any or authorizer.allows_topic(context, AclOperation.CREATE, topic.name),
    )
    request.topics = allowed

    def finish(response: creation.CreateTopicsResponse) -> creation.CreateTopicsResponse:
        for topic in response.topics:
            if topic.error_code == ErrorCode.NONE and not authorizer.allows_topic(
                context, AclOperation.DESCRIBE_CONFIGS, topic.name
            ):
                topic.topic_config_error_code = REFUSED
                topic.num_partitions = topic.replication_factor = -1
                topic.configs = []
        response.topics += [
            creation.CreatableTopicResult(name=name, error_code=REFUSED, error_message=REFUSED.message)
            for name in dict.fromkeys(topic.name for topic in refused)
        ]
        return response

    return then(handler(context, request), finish)


def guard_delete_topics(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: deletion.DeleteTopicsRequest
) -> Answer:
    if authorizer.allows_cluster(context, AclOperation.DELETE):
        return handler(context, request)
    refused: list[deletion.DeletableTopicResult] = []

    def may_delete(name: str) -> bool:
        return authorizer.allows_topic(context, AclOperation.DELETE, name)

    if context.api_version < _IDS_SINCE:
        request.topic_names, bad = split(request.topic_names, may_delete)
        refused = [
            deletion.DeletableTopicResult(name=name, error_code=REFUSED, error_message=REFUSED.message)
            for name in dict.fromkeys(bad)
        ]
    else:
        allowed = []
        for topic in request.topics:
            name = topic.name if topic.name is not None else authorizer.image().topics.name_of(topic.topic_id)
            if name is None or may_delete(name):
                allowed.append(topic)
            else:
                by_id = topic.name is None
                told = None if by_id and not authorizer.allows_topic(context, AclOperation.DESCRIBE, name) else name
                refused.append(
                    deletion.DeletableTopicResult(
                        name=told, topic_id=topic.topic_id, error_code=REFUSED, error_message=REFUSED.message
                    )
                )
        request.topics = allowed

    def merge(response: deletion.DeleteTopicsResponse) -> deletion.DeleteTopicsResponse:
        response.responses += refused
        return response

    return then(handler(context, request), merge)


def guard_create_partitions(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: growth.CreatePartitionsRequest
) -> Answer:
    request.topics, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.ALTER, topic.name)
    )

    def merge(response: growth.CreatePartitionsResponse) -> growth.CreatePartitionsResponse:
        response.results += [
            growth.CreatePartitionsTopicResult(name=name, error_code=REFUSED)
            for name in dict.fromkeys(topic.name for topic in refused)
        ]
        return response

    return then(handler(context, request), merge)


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.METADATA: guard_metadata,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS: guard_describe_topic_partitions,
    ApiKey.DESCRIBE_CLUSTER: guard_describe_cluster,
    ApiKey.CREATE_TOPICS: guard_create_topics,
    ApiKey.DELETE_TOPICS: guard_delete_topics,
    ApiKey.CREATE_PARTITIONS: guard_create_partitions,
}
