"""Who may look at and move the offsets of a share group: DESCRIBE, READ or DELETE of the group, and of the topics.
KIP-932; Kafka's `KafkaApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import AclOperation
from ottla.protocol.api import alter_share_group_offsets as altered
from ottla.protocol.api import delete_share_group_offsets as deleted
from ottla.protocol.api import describe_share_group_offsets as described
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext

GROUP_REFUSED: Final = ErrorCode.GROUP_AUTHORIZATION_FAILED
TOPIC_REFUSED: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED


def guard_describe(
    authorizer: Authorizer,
    handler: Handler,
    context: RequestContext,
    request: described.DescribeShareGroupOffsetsRequest,
) -> Answer:
    request.groups, refused_groups = split(
        request.groups, lambda group: authorizer.allows_group(context, AclOperation.DESCRIBE, group.group_id)
    )
    refused: dict[str, list[described.DescribeShareGroupOffsetsResponseTopic]] = {}
    for group in request.groups:
        if group.topics is not None:
            group.topics, bad = split(
                group.topics, lambda topic: authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.topic_name)
            )
            refused[group.group_id] = [_refuse_described(topic) for topic in bad]

    def finish(response: described.DescribeShareGroupOffsetsResponse) -> described.DescribeShareGroupOffsetsResponse:
        for group in response.groups:
            group.topics = [
                topic
                for topic in group.topics
                if authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.topic_name)
            ]
            if group.error_code == ErrorCode.NONE:
                group.topics += refused.get(group.group_id, [])
        response.groups += [
            described.DescribeShareGroupOffsetsResponseGroup(
                group_id=group.group_id, topics=[], error_code=GROUP_REFUSED, error_message=GROUP_REFUSED.message
            )
            for group in refused_groups
        ]
        return response

    return then(handler(context, request), finish)


def _refuse_described(
    topic: described.DescribeShareGroupOffsetsRequestTopic,
) -> described.DescribeShareGroupOffsetsResponseTopic:
    return described.DescribeShareGroupOffsetsResponseTopic(
        topic_name=topic.topic_name,
        topic_id=ZERO_UUID,
        partitions=[
            described.DescribeShareGroupOffsetsResponsePartition(
                partition_index=index,
                start_offset=-1,
                leader_epoch=0,
                error_code=TOPIC_REFUSED,
                error_message=TOPIC_REFUSED.message,
            )
            for index in topic.partitions
        ],
    )


def guard_alter(
    authorizer: Authorizer,
    handler: Handler,
    context: RequestContext,
    request: altered.AlterShareGroupOffsetsRequest,
) -> Answer:
    if not authorizer.allows_group(context, AclOperation.READ, request.group_id):
        return altered.AlterShareGroupOffsetsResponse(
            error_code=GROUP_REFUSED, error_message=GROUP_REFUSED.message, responses=[]
        )
    request.topics, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.READ, topic.topic_name)
    )
    if not refused:
        return handler(context, request)

    def merge(response: altered.AlterShareGroupOffsetsResponse) -> altered.AlterShareGroupOffsetsResponse:
        if response.error_code == ErrorCode.NONE:
            response.responses += [
                altered.AlterShareGroupOffsetsResponseTopic(
                    topic_name=topic.topic_name,
                    topic_id=ZERO_UUID,
                    partitions=[
                        altered.AlterShareGroupOffsetsResponsePartition(
                            partition_index=one.partition_index,
                            error_code=TOPIC_REFUSED,
                            error_message=TOPIC_REFUSED.message,
                        )
                        for one in topic.partitions
                    ],
                )
                for topic in refused
            ]
        return response

    return then(handler(context, request), merge)


def guard_delete(
    authorizer: Authorizer,
    handler: Handler,
    context: RequestContext,
    request: deleted.DeleteShareGroupOffsetsRequest,
) -> Answer:
    if not authorizer.allows_group(context, AclOperation.DELETE, request.group_id):
        return deleted.DeleteShareGroupOffsetsResponse(
            error_code=GROUP_REFUSED, error_message=GROUP_REFUSED.message, responses=[]
        )
    request.topics, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.READ, topic.topic_name)
    )
    if not refused:
        return handler(context, request)

    def merge(response: deleted.DeleteShareGroupOffsetsResponse) -> deleted.DeleteShareGroupOffsetsResponse:
        if response.error_code == ErrorCode.NONE:
            response.responses += [
                deleted.DeleteShareGroupOffsetsResponseTopic(
                    topic_name=topic.topic_name,
                    topic_id=ZERO_UUID,
                    error_code=TOPIC_REFUSED,
                    error_message=TOPIC_REFUSED.message,
                )
                for topic in refused
            ]
        return response

    return then(handler(context, request), merge)


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.DESCRIBE_SHARE_GROUP_OFFSETS: guard_describe,
    ApiKey.ALTER_SHARE_GROUP_OFFSETS: guard_alter,
    ApiKey.DELETE_SHARE_GROUP_OFFSETS: guard_delete,
}
