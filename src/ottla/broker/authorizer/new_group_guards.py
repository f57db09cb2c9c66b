"""Who may be in and look at a consumer, share or streams group. A member hears nothing of topics that it may not
describe, and a group with such topics is not described. KIP-848, 932, 1071; Kafka's `KafkaApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.broker.authorized_operations import NOT_ASKED
from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import AclOperation, ResourceType
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext
    from ottla.protocol.message import Response

GROUP_REFUSED: Final = ErrorCode.GROUP_AUTHORIZATION_FAILED
TOPIC_REFUSED: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED
USES_HIDDEN_TOPICS: Final = "The group uses topics that the client may not describe."


def _refuse(context: RequestContext, error: ErrorCode) -> Response:
    fields: dict[str, Any] = {"error_code": error}
    response: Response = API[ApiKey(context.api_key)].response(**fields)
    return response


def guard_heartbeat(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """ConsumerGroupHeartbeat, ShareGroupHeartbeat: the group, and every topic subscribed to by name."""
    if not authorizer.allows_group(context, AclOperation.READ, request.group_id):
        return _refuse(context, GROUP_REFUSED)
    names = request.subscribed_topic_names or ()
    if not _may_describe_all(authorizer, context, names):
        return _refuse(context, TOPIC_REFUSED)
    return handler(context, request)


def guard_streams_heartbeat(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """The group, and every topic of the topology. The handler asks whether missing topics may be made."""
    from ottla.broker.apis.streams_group_heartbeat import wrong_topic_names

    if not authorizer.allows_group(context, AclOperation.READ, request.group_id):
        return _refuse(context, GROUP_REFUSED)
    # Names that no topic can have are the handler's to refuse, before anybody is asked what may be described.
    if request.topology is not None and wrong_topic_names(request.topology) is None:
        names: dict[str, None] = {}
        for part in request.topology.subtopologies:
            names |= dict.fromkeys((*part.source_topics, *part.repartition_sink_topics))
            names |= dict.fromkeys(topic.name for topic in part.repartition_source_topics)
            names |= dict.fromkeys(topic.name for topic in part.state_changelog_topics)
        if not _may_describe_all(authorizer, context, names):
            return _refuse(context, TOPIC_REFUSED)
    return handler(context, request)


def _may_describe_all(authorizer: Authorizer, context: RequestContext, names: Iterable[str]) -> bool:
    return all(authorizer.allows_topic(context, AclOperation.DESCRIBE, name) for name in names)


def _topics_of_members(group: Any) -> set[str]:
    names: set[str] = set()
    for member in group.members:
        names.update(member.subscribed_topic_names)
        for assignment in (member.assignment, getattr(member, "target_assignment", None)):
            if assignment is not None:
                names.update(topic.topic_name for topic in assignment.topic_partitions)
    return names


def _topics_of_topology(group: Any) -> set[str]:
    names: set[str] = set()
    for part in () if group.topology is None else group.topology.subtopologies or ():
        names.update(part.source_topics)
        names.update(part.repartition_sink_topics)
        names.update(topic.name for topic in part.state_changelog_topics)
        names.update(topic.name for topic in part.repartition_source_topics)
    return names


def _guard_describe(topics_of: Callable[[Any], set[str]]) -> Guard:
    def guard(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
        request.group_ids, refused = split(
            request.group_ids, lambda group: authorizer.allows_group(context, AclOperation.DESCRIBE, group)
        )

        def finish(response: Any) -> Any:
            groups = []
            for group in response.groups:
                if group.error_code == ErrorCode.NONE and not _may_describe_all(authorizer, context, topics_of(group)):
                    groups.append(_refuse_group(context, group.group_id, TOPIC_REFUSED, USES_HIDDEN_TOPICS))
                    continue
                if group.authorized_operations != NOT_ASKED:
                    group.authorized_operations = authorizer.operations(context, ResourceType.GROUP, group.group_id)
                groups.append(group)
            response.groups = groups + [_refuse_group(context, group_id, GROUP_REFUSED) for group_id in refused]
            return response

        return then(handler(context, request), finish)

    return guard


def _refuse_group(context: RequestContext, group_id: str, error: ErrorCode, message: str | None = None) -> Any:
    """A described group of the API that was asked, which says only why there is none."""
    match context.api_key:
        case ApiKey.CONSUMER_GROUP_DESCRIBE:
            from ottla.protocol.api import consumer_group_describe as consumer

            return consumer.DescribedGroup(
                error_code=error,
                error_message=message,
                group_id=group_id,
                group_state="",
                group_epoch=0,
                assignment_epoch=0,
                assignor_name="",
                members=[],
            )
        case ApiKey.SHARE_GROUP_DESCRIBE:
            from ottla.protocol.api import share_group_describe as share

            return share.DescribedGroup(
                error_code=error,
                error_message=message,
                group_id=group_id,
                group_state="",
                group_epoch=0,
                assignment_epoch=0,
                assignor_name="",
                members=[],
            )
        case _:
            from ottla.protocol.api import streams_group_describe as streams

            return streams.DescribedGroup(
                error_code=error,
                error_message=message,
                group_id=group_id,
                group_state="",
                group_epoch=0,
                assignment_epoch=0,
                members=[],
            )


def guard_share_read(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """ShareFetch, ShareAcknowledge: READ of the group, and of each topic that is named."""
    if request.group_id is not None and not authorizer.allows_group(context, AclOperation.READ, request.group_id):
        return _refuse(context, GROUP_REFUSED)
    topics = authorizer.image().topics

    def may_read(topic: Any) -> bool:
        name = topics.name_of(topic.topic_id)
        return name is None or authorizer.allows_topic(context, AclOperation.READ, name)

    request.topics, refused = split(request.topics, may_read)
    if not refused:
        return handler(context, request)
    refusals = [_refuse_share_topic(context, topic) for topic in refused]

    def merge(response: Any) -> Any:
        if response.error_code == ErrorCode.NONE:
            response.responses = [*response.responses, *refusals]
        return response

    return then(handler(context, request), merge)


def _refuse_share_topic(context: RequestContext, topic: Any) -> Any:
    if context.api_key == ApiKey.SHARE_FETCH:
        from ottla.protocol.api import share_fetch as share

        return share.ShareFetchableTopicResponse(
            topic_id=topic.topic_id,
            partitions=[
                share.PartitionData(
                    partition_index=one.partition_index,
                    error_code=TOPIC_REFUSED,
                    acknowledge_error_code=0,
                    current_leader=share.LeaderIdAndEpoch(leader_id=0, leader_epoch=0),
                    records=b"",
                    acquired_records=[],
                )
                for one in topic.partitions
            ],
        )
    from ottla.protocol.api import share_acknowledge as acknowledge

    return acknowledge.ShareAcknowledgeTopicResponse(
        topic_id=topic.topic_id,
        partitions=[
            acknowledge.PartitionData(
                partition_index=one.partition_index,
                error_code=TOPIC_REFUSED,
                current_leader=acknowledge.LeaderIdAndEpoch(leader_id=0, leader_epoch=0),
            )
            for one in topic.partitions
        ],
    )


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.CONSUMER_GROUP_HEARTBEAT: guard_heartbeat,
    ApiKey.CONSUMER_GROUP_DESCRIBE: _guard_describe(_topics_of_members),
    ApiKey.SHARE_GROUP_HEARTBEAT: guard_heartbeat,
    ApiKey.SHARE_GROUP_DESCRIBE: _guard_describe(_topics_of_members),
    ApiKey.STREAMS_GROUP_HEARTBEAT: guard_streams_heartbeat,
    ApiKey.STREAMS_GROUP_DESCRIBE: _guard_describe(_topics_of_topology),
    ApiKey.SHARE_FETCH: guard_share_read,
    ApiKey.SHARE_ACKNOWLEDGE: guard_share_read,
}
