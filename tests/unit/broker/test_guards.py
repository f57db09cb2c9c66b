"""Guards: every API that is served has one, and who may do nothing hears so in an answer that can be written."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.protocol.message_samples import samples

from ottla.broker.api_table import HANDLERS
from ottla.broker.authorizer.authorizer import Authorizer
from ottla.broker.authorizer.guards import GUARDS, guard_handler
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.metadata.acls import CLUSTER_NAME, AclOperation, AclsImage, PatternType, PermissionType, ResourceType
from ottla.metadata.image import MetadataImage, TopicImage, TopicsImage
from ottla.protocol.api.list_groups import ListedGroup, ListGroupsRequest, ListGroupsResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.message import Request, Response
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord
from ottla.protocol.types import ZERO_UUID

OPEN_TO_ALL = {
    ApiKey.API_VERSIONS,
    ApiKey.SASL_HANDSHAKE,
    ApiKey.SASL_AUTHENTICATE,
    ApiKey.GET_TELEMETRY_SUBSCRIPTIONS,
    ApiKey.PUSH_TELEMETRY,
    ApiKey.RENEW_DELEGATION_TOKEN,
    ApiKey.EXPIRE_DELEGATION_TOKEN,
}
FILTERED = {
    ApiKey.METADATA,
    ApiKey.DESCRIBE_CLUSTER,
    ApiKey.LIST_GROUPS,
    ApiKey.LIST_TRANSACTIONS,
    ApiKey.DESCRIBE_DELEGATION_TOKEN,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
    ApiKey.FETCH,
}
"""What is not allowed is left out of the answer; or, for Fetch, refused where it is read."""


def acl(operation: int, resource_type: int, name: str) -> AccessControlEntryRecord:
    return AccessControlEntryRecord(
        id=bytes(16),
        resource_type=resource_type,
        resource_name=name,
        pattern_type=PatternType.LITERAL,
        principal="User:alice",
        host="*",
        operation=operation,
        permission_type=PermissionType.ALLOW,
    )


def authorizer(*entries: AccessControlEntryRecord, topics: tuple[str, ...] = ()) -> Authorizer:
    known = {name: TopicImage(name, name.encode().ljust(16), {}) for name in topics}
    image = MetadataImage(
        acls=AclsImage({number.to_bytes(16, "big"): one for number, one in enumerate(entries)}),
        topics=TopicsImage(by_name=known, by_id={topic.topic_id: topic for topic in known.values()}),
    )
    return Authorizer(lambda: image, super_users=frozenset(), allow_if_no_acl=False)


def context(key: int, version: int) -> RequestContext:
    connection = ClientConnection(client_host="10.0.0.1", client_port=1, listener="L", principal="User:alice")
    return RequestContext(key, version, 1, "client", connection)


def answer(found: Authorizer, request: Request, version: int, response: Response | None = None) -> Any:
    """What the guard answers when the handler would answer `response`, or when it must not be asked."""
    seen = []

    def handler(_: RequestContext, passed: Any) -> Response:
        seen.append(passed)
        return API[ApiKey(request.api_key)].response() if response is None else response

    result = guard_handler(ApiKey(request.api_key), handler, found)(context(request.api_key, version), request)
    assert isinstance(result, Response)
    result.encode(version)
    return result


def test_every_api_that_is_served_has_a_guard() -> None:
    assert set(HANDLERS) - set(GUARDS) == set()


@pytest.mark.parametrize("key", sorted(set(GUARDS) - OPEN_TO_ALL - FILTERED), ids=lambda key: key.name)
def test_who_may_do_nothing_hears_so(key: ApiKey) -> None:
    """For every version: the request reaches no handler with anything in it that it should not, and codes are said."""
    request_class = API[key].request
    nobody = authorizer()
    for version in API[key].stable_versions:
        for request in samples(request_class, version, 3, unknown_tags=False, moderate=True):
            assert isinstance(request, Request)
            try:
                response = answer(nobody, request, version)
            except KafkaError as error:
                assert error.code.name.endswith("AUTHORIZATION_FAILED")
                continue
            said = codes(response)
            assert said <= {0} | {code for code in ErrorCode if code.name.endswith("AUTHORIZATION_FAILED")} | {
                ErrorCode.OPERATION_NOT_ATTEMPTED
            }


def codes(message: Any) -> set[int]:
    """Every error code anywhere in a message."""
    found: set[int] = set()
    for field in type(message).schema:
        value = getattr(message, field.name)
        if field.name.endswith("error_code"):
            found.add(value)
        elif isinstance(value, list):
            for item in value:
                if hasattr(type(item), "schema"):
                    found |= codes(item)
    return found


def test_an_api_without_a_guard_is_refused() -> None:
    def handler(_: RequestContext, request: Any) -> Response:
        raise AssertionError("reached")

    guarded = guard_handler(ApiKey.VOTE, handler, authorizer())
    with pytest.raises(KafkaError) as raised:
        guarded(context(ApiKey.VOTE, 0), None)
    assert raised.value.code is ErrorCode.CLUSTER_AUTHORIZATION_FAILED


def produce(*topics: str) -> ProduceRequest:
    return ProduceRequest(
        acks=-1,
        timeout_ms=1,
        topic_data=[
            TopicProduceData(name=name, partition_data=[PartitionProduceData(index=0, records=b"")]) for name in topics
        ],
    )


def test_a_topic_that_is_not_there_is_refused_like_one_that_is() -> None:
    found = authorizer(acl(AclOperation.WRITE, ResourceType.TOPIC, "mine"), topics=("mine", "theirs"))
    passed: list[str] = []

    def handler(_: RequestContext, request: ProduceRequest) -> ProduceResponse:
        passed.extend(topic.name for topic in request.topic_data)
        return ProduceResponse(responses=[])

    response = guard_handler(ApiKey.PRODUCE, handler, found)(
        context(ApiKey.PRODUCE, 12), produce("theirs", "mine", "nobodys")
    )
    assert isinstance(response, ProduceResponse)
    assert passed == ["mine"]
    told = {topic.name: topic.partition_responses[0].error_code for topic in response.responses}
    assert told == dict.fromkeys(("theirs", "nobodys"), ErrorCode.TOPIC_AUTHORIZATION_FAILED)


def test_a_refused_produce_without_an_answer_closes_the_connection() -> None:
    request = produce("theirs")
    request.acks = 0
    with pytest.raises(KafkaError):
        answer(authorizer(), request, 12)


def listed(*names: str) -> MetadataResponse:
    topics = [
        MetadataResponseTopic(error_code=0, name=name, topic_id=name.encode().ljust(16), partitions=[])
        for name in names
    ]
    return MetadataResponse(brokers=[], topics=topics)


def test_metadata_of_everything_leaves_out_what_may_not_be_described() -> None:
    found = authorizer(acl(AclOperation.READ, ResourceType.TOPIC, "mine"), topics=("mine", "theirs"))
    response = answer(found, MetadataRequest(topics=None), 12, listed("mine", "theirs"))
    assert [topic.name for topic in response.topics] == ["mine"]


def test_metadata_refuses_topics_by_name_and_by_id() -> None:
    found = authorizer(acl(AclOperation.READ, ResourceType.TOPIC, "mine"), topics=("mine", "theirs"))
    theirs = b"theirs".ljust(16)
    request = MetadataRequest(
        topics=[
            MetadataRequestTopic(name="mine", topic_id=ZERO_UUID),
            MetadataRequestTopic(name="theirs", topic_id=ZERO_UUID),
            MetadataRequestTopic(name=None, topic_id=theirs),
        ]
    )
    response = answer(found, request, 12, listed("mine"))
    assert [topic.name for topic in request.topics or ()] == ["mine"]
    refused = [topic for topic in response.topics if topic.error_code]
    assert [(topic.name, topic.topic_id) for topic in refused] == [("theirs", ZERO_UUID), (None, theirs)]
    assert {topic.error_code for topic in refused} == {ErrorCode.TOPIC_AUTHORIZATION_FAILED}


def test_a_topic_is_made_on_the_way_only_by_who_may_create_it() -> None:
    described = acl(AclOperation.DESCRIBE, ResourceType.TOPIC, "new")
    request = MetadataRequest(topics=[MetadataRequestTopic(name="new", topic_id=ZERO_UUID)])
    response = answer(authorizer(described), request, 12, listed())
    assert [topic.error_code for topic in response.topics] == [ErrorCode.TOPIC_AUTHORIZATION_FAILED]
    create = acl(AclOperation.CREATE, ResourceType.CLUSTER, CLUSTER_NAME)
    request = MetadataRequest(topics=[MetadataRequestTopic(name="new", topic_id=ZERO_UUID)])
    answer(authorizer(described, create), request, 12, listed())
    assert [topic.name for topic in request.topics or ()] == ["new"]


def test_authorized_operations_are_what_the_acls_allow() -> None:
    found = authorizer(
        acl(AclOperation.READ, ResourceType.TOPIC, "mine"),
        acl(AclOperation.ALTER_CONFIGS, ResourceType.TOPIC, "mine"),
        topics=("mine",),
    )
    request = MetadataRequest(
        topics=None, include_topic_authorized_operations=True, include_cluster_authorized_operations=True
    )
    response = answer(found, request, 10, listed("mine"))
    allowed = (AclOperation.READ, AclOperation.DESCRIBE, AclOperation.ALTER_CONFIGS, AclOperation.DESCRIBE_CONFIGS)
    assert response.topics[0].topic_authorized_operations == sum(1 << operation for operation in allowed)
    assert response.cluster_authorized_operations == 0


def test_groups_that_may_not_be_described_are_not_listed() -> None:
    groups = [ListedGroup(group_id=name, protocol_type="consumer") for name in ("mine", "theirs")]
    found = authorizer(acl(AclOperation.READ, ResourceType.GROUP, "mine"))
    response = answer(found, ListGroupsRequest(), 4, ListGroupsResponse(error_code=0, groups=list(groups)))
    assert [group.group_id for group in response.groups] == ["mine"]
    cluster = authorizer(acl(AclOperation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME))
    response = answer(cluster, ListGroupsRequest(), 4, ListGroupsResponse(error_code=0, groups=list(groups)))
    assert len(response.groups) == 2


def test_decisions_are_forgotten_when_an_acl_changes() -> None:
    images = [MetadataImage(), MetadataImage(acls=AclsImage({b"": acl(AclOperation.READ, ResourceType.TOPIC, "t")}))]
    found = Authorizer(lambda: images[0], super_users=frozenset(), allow_if_no_acl=False)
    asked = context(ApiKey.FETCH, 12)
    assert not found.allows_topic(asked, AclOperation.READ, "t")
    images.pop(0)
    assert found.allows_topic(asked, AclOperation.READ, "t")
