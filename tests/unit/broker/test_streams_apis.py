"""StreamsGroupHeartbeat and StreamsGroupDescribe over real logs: features, names, internal topics, who may do it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.unit.broker.groups import GroupNode
from tests.unit.coordinator.streams_topologies import internal_topic, one_part, subtopology, topology

from ottla.broker.apis.streams_group_describe import StreamsGroupDescribeHandler
from ottla.broker.apis.streams_group_heartbeat import StreamsGroupHeartbeatHandler
from ottla.broker.authorizer.authorizer import Authorizer
from ottla.broker.authorizer.guards import guard_handler
from ottla.broker.coordinator.streams_internal_topics import MAX_ERRORS, StreamsInternalTopics
from ottla.coordinator.group.streams.configured_topology import ConfiguredInternalTopic, StatusCode
from ottla.metadata.acls import CLUSTER_NAME, AclOperation, AclsImage, PatternType, PermissionType, ResourceType
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.create_topics import CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from ottla.protocol.api.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    Topology,
)
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ottla.protocol.message import Request, Response

ResponseT = TypeVar("ResponseT", bound="Response")
HEARTBEAT_MS = 5_000
STATEFUL = one_part(stateful=True)


async def settled() -> None:
    """What was asked for in a task of its own has been asked, and its answer taken."""
    for _ in range(3):
        await asyncio.sleep(0)


class FakeController:
    """Keeps what it is asked for until the test answers."""

    def __init__(self) -> None:
        self.asked: list[CreateTopicsRequest] = []
        self.answers: list[asyncio.Future[CreateTopicsResponse]] = []
        self.refuses: KafkaError | None = None

    async def send(self, request: Request, response_class: type[ResponseT]) -> ResponseT:
        if self.refuses is not None:
            raise self.refuses
        assert isinstance(request, CreateTopicsRequest)
        self.asked.append(request)
        self.answers.append(asyncio.get_running_loop().create_future())
        answer = await self.answers[-1]
        assert isinstance(answer, response_class)
        return answer

    async def answer(self, **errors: ErrorCode) -> None:
        """To the last question; topics that are not named are made. `_` stands for `-`."""
        by_name = {name.replace("_", "-"): error for name, error in errors.items()}
        results = [
            CreatableTopicResult(
                name=topic.name, error_code=by_name.get(topic.name, ErrorCode.NONE), error_message=None
            )
            for topic in self.asked[-1].topics
        ]
        self.answers[-1].set_result(CreateTopicsResponse(topics=results))
        await settled()


class StreamsNode(GroupNode):
    """A node with topic `t` of two partitions, and a controller that waits to be answered for."""

    def __init__(self, directory: Path, authorizer: Authorizer | None = None, *, enabled: bool = True) -> None:
        at_once = {"group.streams.initial.rebalance.delay.ms": "0", "group.streams.assignment.interval.ms": "0"}
        super().__init__(directory, at_once)
        self.controller = FakeController()
        self.make_offsets_topic()
        self.create_topic("t", 2)
        self.replay(FeatureLevelRecord(name="streams.version", feature_level=1))
        self.load()
        assert self.coordinator is not None
        topics = StreamsInternalTopics(self.controller, self.clock)
        heartbeat = StreamsGroupHeartbeatHandler(
            self.coordinator, lambda: self.manager.image, authorizer, topics, enabled=enabled
        )
        describe = StreamsGroupDescribeHandler(self.coordinator, lambda: self.manager.image, enabled=enabled)
        self.handlers[ApiKey.STREAMS_GROUP_HEARTBEAT] = heartbeat
        self.handlers[ApiKey.STREAMS_GROUP_DESCRIBE] = describe
        if authorizer is not None:
            for key in (ApiKey.STREAMS_GROUP_HEARTBEAT, ApiKey.STREAMS_GROUP_DESCRIBE):
                self.handlers[key] = guard_handler(key, self.handlers[key], authorizer)

    def beat(self, epoch: int = 0, of: Topology | None = None, member_id: str = "m") -> StreamsGroupHeartbeatResponse:
        joins = epoch == 0
        request = StreamsGroupHeartbeatRequest(
            group_id="g",
            member_id=member_id,
            member_epoch=epoch,
            endpoint_information_epoch=0,
            rebalance_timeout_ms=1_000 if joins else -1,
            topology=of or (one_part() if joins else None),
            active_tasks=[],
            standby_tasks=[],
            warmup_tasks=[],
            process_id="p" if joins else None,
        )
        return self.ask_now(request, 0, StreamsGroupHeartbeatResponse)

    def describe(self, group_id: str = "g") -> DescribedGroup:
        request = StreamsGroupDescribeRequest(group_ids=[group_id], include_authorized_operations=True)
        return self.ask_now(request, 0, StreamsGroupDescribeResponse).groups[0]


def status(response: StreamsGroupHeartbeatResponse) -> dict[int, str]:
    assert response.error_code == ErrorCode.NONE, response
    return {each.status_code: each.status_detail for each in response.status or ()}


@pytest.fixture
async def node(tmp_path: Path) -> StreamsNode:
    return StreamsNode(tmp_path)


# -- what is served


async def test_a_member_gets_its_tasks(node: StreamsNode) -> None:
    response = node.beat()
    assert status(response) == {}
    assert [each.partitions for each in response.active_tasks or []] == [[0, 1]]
    described = node.describe()
    assert (described.error_code, described.group_state) == (ErrorCode.NONE, "Stable")
    assert described.authorized_operations > 0
    assert node.describe("other").error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert node.describe("").error_code == ErrorCode.INVALID_GROUP_ID


async def test_only_with_its_feature_and_protocol(tmp_path: Path) -> None:
    off = StreamsNode(tmp_path / "off", enabled=False)
    assert off.beat().error_code == ErrorCode.UNSUPPORTED_VERSION
    assert off.describe().error_code == ErrorCode.UNSUPPORTED_VERSION
    node = StreamsNode(tmp_path / "on")
    node.replay(FeatureLevelRecord(name="streams.version", feature_level=0))
    assert node.beat().error_code == ErrorCode.UNSUPPORTED_VERSION
    assert node.describe().error_code == ErrorCode.UNSUPPORTED_VERSION


async def test_names_that_no_application_may_use(node: StreamsNode) -> None:
    for name in ("__consumer_offsets", "__share_group_state", "no name", ""):
        response = node.beat(of=topology(subtopology("0", "t", changelogs=[internal_topic(name)])))
        assert response.error_code == ErrorCode.STREAMS_INVALID_TOPOLOGY
    assert node.describe().error_code == ErrorCode.GROUP_ID_NOT_FOUND


async def test_a_group_goes_on_after_a_restart(node: StreamsNode) -> None:
    epoch = node.beat().member_epoch
    node.start_coordinator()
    node.load()
    assert node.coordinator is not None
    handler = StreamsGroupDescribeHandler(node.coordinator, lambda: node.manager.image, enabled=True)
    node.handlers[ApiKey.STREAMS_GROUP_DESCRIBE] = handler
    described = node.describe()
    assert (described.group_state, described.members[0].member_epoch) == ("Stable", epoch)


# -- internal topics


async def test_missing_topics_are_asked_for_once(node: StreamsNode) -> None:
    response = node.beat(of=STATEFUL)
    assert set(status(response)) == {StatusCode.MISSING_INTERNAL_TOPICS}
    await settled()
    wanted = node.controller.asked[0].topics
    assert [(each.name, each.num_partitions, each.replication_factor) for each in wanted] == [("t-changelog", 2, -1)]
    node.beat(response.member_epoch)
    assert len(node.controller.asked) == 1, "the first question is not answered yet"
    await node.controller.answer()
    node.create_topic("t-changelog", 2)
    response = node.beat(response.member_epoch)
    assert status(response) == {}
    assert response.active_tasks


async def test_why_a_topic_could_not_be_made_is_told(node: StreamsNode) -> None:
    epoch = node.beat(of=STATEFUL).member_epoch
    await settled()
    await node.controller.answer(t_changelog=ErrorCode.INVALID_REPLICATION_FACTOR)
    response = node.beat(epoch)
    assert ErrorCode.INVALID_REPLICATION_FACTOR.message in status(response)[StatusCode.MISSING_INTERNAL_TOPICS]
    assert len(node.controller.asked) == 1, "it is not tried again at once"
    node.clock.ms += 2 * HEARTBEAT_MS
    response = node.beat(epoch)
    await settled()
    assert len(node.controller.asked) == 2
    assert "t-changelog" in status(response)[StatusCode.MISSING_INTERNAL_TOPICS]


async def test_a_controller_that_refuses(node: StreamsNode) -> None:
    node.controller.refuses = KafkaError(ErrorCode.NOT_CONTROLLER, "not here")
    epoch = node.beat(of=STATEFUL).member_epoch
    await settled()
    assert "not here" in status(node.beat(epoch))[StatusCode.MISSING_INTERNAL_TOPICS]


async def test_errors_that_are_remembered_are_bounded(node: StreamsNode) -> None:
    topics = StreamsInternalTopics(node.controller, node.clock)
    names = [f"topic-{number}" for number in range(MAX_ERRORS + 5)]
    node.controller.refuses = KafkaError(ErrorCode.NOT_CONTROLLER, "no")
    topics.create({name: ConfiguredInternalTopic(name, 1, 0, {}) for name in names}, 1_000)
    await settled()
    assert len(topics.errors_of(names)) == MAX_ERRORS
    node.clock.ms += 1_000
    assert topics.errors_of(names) == {}


# -- who may


def authorizer(*allowed: tuple[int, int, str]) -> Authorizer:
    """For whoever the test's requests come from."""
    entries = {
        number.to_bytes(16, "big"): AccessControlEntryRecord(
            id=number.to_bytes(16, "big"),
            resource_type=resource_type,
            resource_name=name,
            pattern_type=PatternType.LITERAL,
            principal="User:*",
            host="*",
            operation=operation,
            permission_type=PermissionType.ALLOW,
        )
        for number, (operation, resource_type, name) in enumerate(allowed)
    }
    image = MetadataImage(acls=AclsImage(entries))
    return Authorizer(lambda: image, super_users=frozenset(), allow_if_no_acl=False)


READ = (AclOperation.READ, ResourceType.GROUP, "g")
SEE = (AclOperation.DESCRIBE, ResourceType.TOPIC, "t")
SEE_CHANGELOG = (AclOperation.DESCRIBE, ResourceType.TOPIC, "t-changelog")
MAKE_CHANGELOG = (AclOperation.CREATE, ResourceType.TOPIC, "t-changelog")
MAKE_ANYTHING = (AclOperation.CREATE, ResourceType.CLUSTER, CLUSTER_NAME)


@pytest.fixture
def secured(tmp_path: Path) -> Callable[..., StreamsNode]:
    return lambda *allowed: StreamsNode(tmp_path, authorizer(*allowed))


async def test_who_may_not_read_the_group(secured: Callable[..., StreamsNode]) -> None:
    assert secured(SEE).beat().error_code == ErrorCode.GROUP_AUTHORIZATION_FAILED


async def test_who_may_not_see_a_topic(secured: Callable[..., StreamsNode]) -> None:
    node = secured(READ, SEE)
    assert node.beat(of=STATEFUL).error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    wrong = topology(subtopology("0", "hidden", "__consumer_offsets"))
    assert node.beat(of=wrong).error_code == ErrorCode.STREAMS_INVALID_TOPOLOGY, "names are looked at first"
    assert node.beat().error_code == ErrorCode.NONE


@pytest.mark.parametrize("permission", [MAKE_CHANGELOG, MAKE_ANYTHING])
async def test_who_may_make_internal_topics(
    secured: Callable[..., StreamsNode], permission: tuple[int, int, str]
) -> None:
    node = secured(READ, SEE, SEE_CHANGELOG, permission)
    node.beat(of=STATEFUL)
    await settled()
    assert len(node.controller.asked) == 1


async def test_who_may_not_make_internal_topics(secured: Callable[..., StreamsNode]) -> None:
    node = secured(READ, SEE, SEE_CHANGELOG)
    told = status(node.beat(of=STATEFUL))
    assert "may not create t-changelog" in told[StatusCode.MISSING_INTERNAL_TOPICS]
    await settled()
    assert not node.controller.asked


async def test_who_may_describe(secured: Callable[..., StreamsNode]) -> None:
    node = secured(READ, SEE)
    node.beat()
    described = node.describe()
    assert (described.error_code, described.group_state) == (ErrorCode.NONE, "Stable")
    assert node.describe("other").error_code == ErrorCode.GROUP_AUTHORIZATION_FAILED


async def test_who_may_not_see_all_topics_of_a_group(tmp_path: Path) -> None:
    node = StreamsNode(tmp_path)
    node.beat()
    blind = guard_handler(ApiKey.STREAMS_GROUP_DESCRIBE, node.handlers[ApiKey.STREAMS_GROUP_DESCRIBE], authorizer(READ))
    node.handlers[ApiKey.STREAMS_GROUP_DESCRIBE] = blind
    described = node.describe()
    assert described.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert (described.group_state, described.group_epoch, described.topology, described.members) == ("", 0, None, [])
