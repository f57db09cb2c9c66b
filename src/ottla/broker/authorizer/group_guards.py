"""Who may be in a group, look at it, and move its offsets: READ, DESCRIBE and DELETE of the group, and of the topics
whose offsets are meant. Kafka's `KafkaApis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.broker.authorized_operations import NOT_ASKED
from ottla.broker.authorizer.guard import Guard, split, then
from ottla.metadata.acls import AclOperation, ResourceType
from ottla.protocol.api import delete_groups as deletion
from ottla.protocol.api import describe_groups as described
from ottla.protocol.api import find_coordinator as coordinator
from ottla.protocol.api import list_groups as listed
from ottla.protocol.api import offset_commit as commit
from ottla.protocol.api import offset_delete as removal
from ottla.protocol.api import offset_fetch as fetched
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.authorizer.authorizer import Authorizer
    from ottla.broker.request_context import Answer, Handler, RequestContext
    from ottla.protocol.message import Response

GROUP_REFUSED: Final = ErrorCode.GROUP_AUTHORIZATION_FAILED
TOPIC_REFUSED: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED
_SEVERAL_GROUPS_SINCE: Final = 8
_SEVERAL_KEYS_SINCE: Final = 4
_TOPIC_IDS_SINCE: Final = 10
_NULL_PROTOCOL_SINCE: Final = 7
_GROUP, _TRANSACTION, _SHARE = 0, 1, 2


def guard_membership(authorizer: Authorizer, handler: Handler, context: RequestContext, request: Any) -> Answer:
    """JoinGroup, SyncGroup, Heartbeat, LeaveGroup."""
    if authorizer.allows_group(context, AclOperation.READ, request.group_id):
        return handler(context, request)
    if isinstance(request, JoinGroupRequest):
        name = None if context.api_version >= _NULL_PROTOCOL_SINCE else ""
        return JoinGroupResponse(error_code=GROUP_REFUSED, protocol_name=name, leader="", member_id="", members=[])
    fields: dict[str, Any] = {"error_code": GROUP_REFUSED}
    response: Response = API[ApiKey(context.api_key)].response(**fields)
    return response


def guard_describe_groups(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: described.DescribeGroupsRequest
) -> Answer:
    request.groups, refused = split(
        request.groups, lambda group: authorizer.allows_group(context, AclOperation.DESCRIBE, group)
    )

    def finish(response: described.DescribeGroupsResponse) -> described.DescribeGroupsResponse:
        for group in response.groups:
            if group.authorized_operations != NOT_ASKED:
                group.authorized_operations = authorizer.operations(context, ResourceType.GROUP, group.group_id)
        response.groups += [
            described.DescribedGroup(
                error_code=GROUP_REFUSED,
                group_id=group,
                group_state="",
                protocol_type="",
                protocol_data="",
                members=[],
            )
            for group in refused
        ]
        return response

    return then(handler(context, request), finish)


def guard_list_groups(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: listed.ListGroupsRequest
) -> Answer:
    if authorizer.allows_cluster(context, AclOperation.DESCRIBE):
        return handler(context, request)

    def leave_out(response: listed.ListGroupsResponse) -> listed.ListGroupsResponse:
        response.groups = [
            group
            for group in response.groups
            if authorizer.allows_group(context, AclOperation.DESCRIBE, group.group_id)
        ]
        return response

    return then(handler(context, request), leave_out)


def guard_delete_groups(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: deletion.DeleteGroupsRequest
) -> Answer:
    request.groups_names, refused = split(
        dict.fromkeys(request.groups_names), lambda group: authorizer.allows_group(context, AclOperation.DELETE, group)
    )

    def merge(response: deletion.DeleteGroupsResponse) -> deletion.DeleteGroupsResponse:
        response.results += [
            deletion.DeletableGroupResult(group_id=group, error_code=GROUP_REFUSED) for group in refused
        ]
        return response

    return then(handler(context, request), merge)


def guard_find_coordinator(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: coordinator.FindCoordinatorRequest
) -> Answer:
    several = context.api_version >= _SEVERAL_KEYS_SINCE
    keys = request.coordinator_keys if several else [request.key]
    allowed, refused = split(keys, lambda key: _coordinator_error(authorizer, context, request.key_type, key) is None)
    if not refused:
        return handler(context, request)
    answers = []
    for key in refused:
        error = _coordinator_error(authorizer, context, request.key_type, key)
        assert error is not None
        answers.append(
            coordinator.Coordinator(
                key=key, node_id=-1, host="", port=-1, error_code=error, error_message="" if several else error.message
            )
        )
    if not several:
        only = answers[0]
        return coordinator.FindCoordinatorResponse(
            error_code=only.error_code, error_message=only.error_message, node_id=-1, host="", port=-1
        )
    request.coordinator_keys = allowed
    if not allowed:
        return coordinator.FindCoordinatorResponse(coordinators=answers)

    def merge(response: coordinator.FindCoordinatorResponse) -> coordinator.FindCoordinatorResponse:
        response.coordinators += answers
        return response

    return then(handler(context, request), merge)


def _coordinator_error(authorizer: Authorizer, context: RequestContext, key_type: int, key: str) -> ErrorCode | None:
    describe = AclOperation.DESCRIBE
    if key_type == _GROUP and not authorizer.allows_group(context, describe, key):
        return GROUP_REFUSED
    if key_type == _TRANSACTION and not authorizer.allows(context, describe, ResourceType.TRANSACTIONAL_ID, key):
        return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    if key_type == _SHARE and not authorizer.allows_cluster(context, AclOperation.CLUSTER_ACTION):
        return ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    return None


def guard_offset_commit(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: commit.OffsetCommitRequest
) -> Answer:
    error = GROUP_REFUSED
    allowed: list[commit.OffsetCommitRequestTopic] = []
    refused = request.topics
    if authorizer.allows_group(context, AclOperation.READ, request.group_id):
        error = TOPIC_REFUSED
        topics = authorizer.image().topics
        by_id = context.api_version >= _TOPIC_IDS_SINCE

        def may_read(topic: commit.OffsetCommitRequestTopic) -> bool:
            name = topics.name_of(topic.topic_id) if by_id else topic.name
            return name is None or authorizer.allows_topic(context, AclOperation.READ, name)

        allowed, refused = split(request.topics, may_read)
        if not refused:
            return handler(context, request)
    refusals = [
        commit.OffsetCommitResponseTopic(
            name=topic.name,
            topic_id=topic.topic_id,
            partitions=[
                commit.OffsetCommitResponsePartition(partition_index=one.partition_index, error_code=error)
                for one in topic.partitions
            ],
        )
        for topic in refused
    ]
    if not allowed:
        return commit.OffsetCommitResponse(topics=refusals)
    request.topics = allowed

    def merge(response: commit.OffsetCommitResponse) -> commit.OffsetCommitResponse:
        response.topics += refusals
        return response

    return then(handler(context, request), merge)


def guard_offset_delete(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: removal.OffsetDeleteRequest
) -> Answer:
    if not authorizer.allows_group(context, AclOperation.DELETE, request.group_id):
        return removal.OffsetDeleteResponse(error_code=GROUP_REFUSED, topics=[])
    allowed, refused = split(
        request.topics, lambda topic: authorizer.allows_topic(context, AclOperation.READ, topic.name)
    )
    if not refused:
        return handler(context, request)
    refusals = [
        removal.OffsetDeleteResponseTopic(
            name=topic.name,
            partitions=[
                removal.OffsetDeleteResponsePartition(partition_index=one.partition_index, error_code=TOPIC_REFUSED)
                for one in topic.partitions
            ],
        )
        for topic in refused
    ]
    if not allowed:
        return removal.OffsetDeleteResponse(error_code=ErrorCode.NONE, topics=refusals)
    request.topics = allowed

    def merge(response: removal.OffsetDeleteResponse) -> removal.OffsetDeleteResponse:
        if response.error_code == ErrorCode.NONE:
            response.topics += refusals
        return response

    return then(handler(context, request), merge)


def guard_offset_fetch(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: fetched.OffsetFetchRequest
) -> Answer:
    if context.api_version < _SEVERAL_GROUPS_SINCE:
        return _fetch_of_one(authorizer, handler, context, request)
    request.groups, refused_groups = split(
        request.groups, lambda group: authorizer.allows_group(context, AclOperation.DESCRIBE, group.group_id)
    )
    refused_topics: dict[str, list[fetched.OffsetFetchResponseTopics]] = {}
    everything = {group.group_id for group in request.groups if group.topics is None}
    for group in request.groups:
        if group.topics is not None:
            group.topics, refused = split(group.topics, lambda topic: _may_describe(authorizer, context, topic))
            refused_topics[group.group_id] = [_refuse_topics(topic) for topic in refused]

    def finish(response: fetched.OffsetFetchResponse) -> fetched.OffsetFetchResponse:
        for group in response.groups:
            if group.error_code != ErrorCode.NONE:
                continue
            if group.group_id in everything:
                group.topics = [topic for topic in group.topics if _may_describe(authorizer, context, topic)]
            group.topics += refused_topics.get(group.group_id, [])
        response.groups += [
            fetched.OffsetFetchResponseGroup(group_id=group.group_id, topics=[], error_code=GROUP_REFUSED)
            for group in refused_groups
        ]
        return response

    return then(handler(context, request), finish)


def _may_describe(
    authorizer: Authorizer,
    context: RequestContext,
    topic: fetched.OffsetFetchRequestTopics | fetched.OffsetFetchResponseTopics,
) -> bool:
    name = topic.name
    if context.api_version >= _TOPIC_IDS_SINCE:
        name = authorizer.image().topics.name_of(topic.topic_id) or ""
        if not name:
            return True  # the handler says that the id is unknown
    return authorizer.allows_topic(context, AclOperation.DESCRIBE, name)


def _refuse_topics(topic: fetched.OffsetFetchRequestTopics) -> fetched.OffsetFetchResponseTopics:
    return fetched.OffsetFetchResponseTopics(
        name=topic.name,
        topic_id=topic.topic_id,
        partitions=[
            fetched.OffsetFetchResponsePartitions(
                partition_index=index, committed_offset=-1, metadata="", error_code=TOPIC_REFUSED
            )
            for index in topic.partition_indexes
        ],
    )


def _fetch_of_one(
    authorizer: Authorizer, handler: Handler, context: RequestContext, request: fetched.OffsetFetchRequest
) -> Answer:
    """Versions 1 to 7; version 1 has no place for an error of the group but at its partitions."""
    wanted = request.topics
    if not authorizer.allows_group(context, AclOperation.DESCRIBE, request.group_id):
        told = [_refuse_topic(topic, GROUP_REFUSED) for topic in wanted or ()] if context.api_version < 2 else []
        return fetched.OffsetFetchResponse(error_code=GROUP_REFUSED, topics=told)
    refused: list[fetched.OffsetFetchRequestTopic] = []
    if wanted is not None:
        request.topics, refused = split(
            wanted, lambda topic: authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.name)
        )

    def finish(response: fetched.OffsetFetchResponse) -> fetched.OffsetFetchResponse:
        if response.error_code == ErrorCode.NONE:
            if wanted is None:
                response.topics = [
                    topic
                    for topic in response.topics
                    if authorizer.allows_topic(context, AclOperation.DESCRIBE, topic.name)
                ]
            response.topics += [_refuse_topic(topic, TOPIC_REFUSED) for topic in refused]
        return response

    return then(handler(context, request), finish)


def _refuse_topic(topic: fetched.OffsetFetchRequestTopic, error: ErrorCode) -> fetched.OffsetFetchResponseTopic:
    return fetched.OffsetFetchResponseTopic(
        name=topic.name,
        partitions=[
            fetched.OffsetFetchResponsePartition(
                partition_index=index, committed_offset=-1, metadata="", error_code=error
            )
            for index in topic.partition_indexes
        ],
    )


GUARDS: dict[ApiKey, Guard] = {
    ApiKey.JOIN_GROUP: guard_membership,
    ApiKey.SYNC_GROUP: guard_membership,
    ApiKey.HEARTBEAT: guard_membership,
    ApiKey.LEAVE_GROUP: guard_membership,
    ApiKey.DESCRIBE_GROUPS: guard_describe_groups,
    ApiKey.LIST_GROUPS: guard_list_groups,
    ApiKey.DELETE_GROUPS: guard_delete_groups,
    ApiKey.FIND_COORDINATOR: guard_find_coordinator,
    ApiKey.OFFSET_COMMIT: guard_offset_commit,
    ApiKey.OFFSET_DELETE: guard_offset_delete,
    ApiKey.OFFSET_FETCH: guard_offset_fetch,
}
