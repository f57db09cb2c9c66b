"""The group APIs at every version, over real logs: handlers, coordinator, records, restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.groups import PARTITIONS, GroupNode

from ottla.broker.apis.find_coordinator import SHARE
from ottla.coordinator.partitioner import partition_for
from ottla.protocol.api.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.api.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.api.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
    OffsetDeleteResponse,
)
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.protocol.message import Request

OFFSETS = "__consumer_offsets"


@pytest.fixture
def node(tmp_path: Path) -> GroupNode:
    node = GroupNode(tmp_path)
    node.make_offsets_topic()
    return node


def versions(request: type[Request], since: int = 0) -> list[int]:
    return [v for v in range(request.versions.oldest, request.versions.latest + 1) if v >= since]


def join_request(member_id: str = "", *, group_id: str = "g", session_timeout_ms: int = 10_000) -> JoinGroupRequest:
    return JoinGroupRequest(
        group_id=group_id,
        session_timeout_ms=session_timeout_ms,
        rebalance_timeout_ms=-1,
        member_id=member_id,
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol(name="range", metadata=b"?")],
    )


async def become_member(node: GroupNode, version: int = 9) -> JoinGroupResponse:
    """The only member of the group, joined and not yet synced."""
    answer = node.ask(join_request(), version, JoinGroupResponse)
    if version >= 4:
        assert isinstance(answer, JoinGroupResponse)
        assert answer.error_code == ErrorCode.MEMBER_ID_REQUIRED
        answer = node.ask(join_request(answer.member_id), version, JoinGroupResponse)
    assert isinstance(answer, Awaitable)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    node.timers.advance(0)
    return await waiting


async def stable_member(node: GroupNode) -> JoinGroupResponse:
    joined = await become_member(node)
    node_sync(node, joined, 5)
    return joined


def node_sync(node: GroupNode, joined: JoinGroupResponse, version: int) -> SyncGroupResponse:
    request = SyncGroupRequest(
        group_id="g",
        generation_id=joined.generation_id,
        member_id=joined.member_id,
        protocol_type="consumer" if version >= 5 else None,
        protocol_name="range" if version >= 5 else None,
        assignments=[SyncGroupRequestAssignment(member_id=joined.member_id, assignment=b"mine")],
    )
    return node.ask_now(request, version, SyncGroupResponse)


def commit_request(
    offset: int = 5, *, version: int = 9, topic_id: bytes = bytes(16), **how: object
) -> OffsetCommitRequest:
    name = "" if version >= 10 else "t"
    return OffsetCommitRequest(
        group_id=str(how.get("group_id", "g")),
        generation_id_or_member_epoch=-1,
        member_id="",
        topics=[
            OffsetCommitRequestTopic(
                name=name,
                topic_id=topic_id,
                partitions=[
                    OffsetCommitRequestPartition(partition_index=index, committed_offset=offset, committed_metadata="m")
                    for index in (0, 7)
                ],
            ),
            OffsetCommitRequestTopic(
                name="" if version >= 10 else "missing",
                topic_id=bytes([9] * 16),
                partitions=[
                    OffsetCommitRequestPartition(partition_index=0, committed_offset=1, committed_metadata=None)
                ],
            ),
        ],
    )


def committed(node: GroupNode, group_id: str = "g") -> int:
    request = OffsetFetchRequest(
        groups=[
            OffsetFetchRequestGroup(
                group_id=group_id, topics=[OffsetFetchRequestTopics(name="t", partition_indexes=[0])]
            )
        ]
    )
    answer = node.ask_now(request, 8, OffsetFetchResponse)
    assert answer.groups[0].error_code == ErrorCode.NONE
    return answer.groups[0].topics[0].partitions[0].committed_offset


# -- membership


@pytest.mark.parametrize("version", versions(JoinGroupRequest))
async def test_joining_and_syncing(node: GroupNode, version: int) -> None:
    joined = await become_member(node, version)
    assert joined.error_code == ErrorCode.NONE
    assert (joined.generation_id, joined.leader, joined.protocol_name) == (1, joined.member_id, "range")
    assert joined.member_id.startswith("client-")
    assert [member.member_id for member in joined.members] == [joined.member_id]
    synced = node_sync(node, joined, min(version, 5))
    assert (synced.error_code, synced.assignment) == (ErrorCode.NONE, b"mine")


@pytest.mark.parametrize("version", versions(JoinGroupRequest))
def test_refusals_at_every_version(node: GroupNode, version: int) -> None:
    answer = node.ask_now(join_request("stranger"), version, JoinGroupResponse)
    assert (answer.error_code, answer.member_id) == (ErrorCode.UNKNOWN_MEMBER_ID, "stranger")
    assert answer.protocol_name == ("" if version < 7 else None)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (join_request(group_id=""), ErrorCode.INVALID_GROUP_ID),
        (join_request(session_timeout_ms=5_999), ErrorCode.INVALID_SESSION_TIMEOUT),
        (join_request(session_timeout_ms=1_800_001), ErrorCode.INVALID_SESSION_TIMEOUT),
    ],
)
def test_requests_that_need_no_group_to_be_refused(
    node: GroupNode, request_: JoinGroupRequest, error: ErrorCode
) -> None:
    assert node.ask_now(request_, 9, JoinGroupResponse).error_code == error


def test_since_version_5_a_member_must_say_the_protocol(node: GroupNode) -> None:
    request = SyncGroupRequest(group_id="g", generation_id=1, member_id="m", assignments=[])
    assert node.ask_now(request, 5, SyncGroupResponse).error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert node.ask_now(request, 4, SyncGroupResponse).error_code == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", versions(HeartbeatRequest))
async def test_heartbeats(node: GroupNode, version: int) -> None:
    joined = await stable_member(node)
    request = HeartbeatRequest(group_id="g", generation_id=1, member_id=joined.member_id)
    assert node.ask_now(request, version, HeartbeatResponse).error_code == ErrorCode.NONE
    request.generation_id = 7
    assert node.ask_now(request, version, HeartbeatResponse).error_code == ErrorCode.ILLEGAL_GENERATION
    request.group_id = ""
    assert node.ask_now(request, version, HeartbeatResponse).error_code == ErrorCode.INVALID_GROUP_ID


@pytest.mark.parametrize("version", versions(LeaveGroupRequest))
async def test_leaving(node: GroupNode, version: int) -> None:
    joined = await stable_member(node)

    def leave(member_id: str) -> list[int]:
        request = LeaveGroupRequest(group_id="g")
        if version < 3:
            request.member_id = member_id
        else:
            request.members = [MemberIdentity(member_id=member_id)]
        answer = node.ask_now(request, version, LeaveGroupResponse)
        return [answer.error_code] if version < 3 else [each.error_code for each in answer.members]

    assert leave("stranger") == [ErrorCode.UNKNOWN_MEMBER_ID]
    assert leave(joined.member_id) == [ErrorCode.NONE]
    assert leave(joined.member_id) == [ErrorCode.UNKNOWN_MEMBER_ID]


async def test_a_parked_member_whose_connection_is_gone(node: GroupNode) -> None:
    """The answer has nowhere to go; the member is removed when its session ends."""
    first = node.ask_now(join_request(), 9, JoinGroupResponse)
    answer = node.ask(join_request(first.member_id), 9, JoinGroupResponse)
    assert isinstance(answer, Awaitable)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    waiting.cancel()
    node.timers.advance(0)
    described = node.ask_now(DescribeGroupsRequest(groups=["g"]), 6, DescribeGroupsResponse)
    assert described.groups[0].group_state == "CompletingRebalance"
    node.timers.advance(10_000)
    described = node.ask_now(DescribeGroupsRequest(groups=["g"]), 6, DescribeGroupsResponse)
    assert described.groups[0].group_state == "Empty"


# -- offsets


@pytest.mark.parametrize("version", versions(OffsetCommitRequest))
def test_committing(node: GroupNode, version: int) -> None:
    topic_id = node.create_topic("t")
    answer = node.ask_now(commit_request(version=version, topic_id=topic_id), version, OffsetCommitResponse)
    errors = {
        (topic.topic_id if version >= 10 else topic.name, each.partition_index): each.error_code
        for topic in answer.topics
        for each in topic.partitions
    }
    known, missing = (topic_id, bytes([9] * 16)) if version >= 10 else ("t", "missing")
    assert errors == {
        (known, 0): ErrorCode.NONE,
        (known, 7): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        (missing, 0): ErrorCode.UNKNOWN_TOPIC_ID if version >= 10 else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert len(answer.topics) == 2
    assert committed(node) == 5
    [record] = node.log_records(partition_for("g", PARTITIONS))
    assert record.key == b"\x00\x01\x00\x01g\x00\x01t\x00\x00\x00\x00"
    assert record.value is not None
    assert record.value[:2] == b"\x00\x04"
    assert record.value.endswith(b"\x01\x00\x10" + topic_id)


def test_a_commit_of_nothing_but_unknown_topics_asks_no_group(node: GroupNode) -> None:
    answer = node.ask_now(commit_request(), 9, OffsetCommitResponse)
    assert {each.error_code for topic in answer.topics for each in topic.partitions} == {
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    }
    assert node.ask_now(ListGroupsRequest(), 5, ListGroupsResponse).groups == []


@pytest.mark.parametrize("version", versions(OffsetFetchRequest))
def test_fetching_offsets(node: GroupNode, version: int) -> None:
    topic_id = node.create_topic("t", 2)
    node.ask_now(commit_request(), 9, OffsetCommitResponse)
    if version < 8:
        old = OffsetFetchRequest(group_id="g", topics=[OffsetFetchRequestTopic(name="t", partition_indexes=[0, 1])])
        answer = node.ask_now(old, version, OffsetFetchResponse)
        assert answer.error_code == ErrorCode.NONE
        found = [(each.committed_offset, each.metadata, each.error_code) for each in answer.topics[0].partitions]
    else:
        wanted = OffsetFetchRequestTopics(name="t" if version < 10 else "", topic_id=topic_id, partition_indexes=[0, 1])
        unknown = OffsetFetchRequestTopics(name="x", topic_id=bytes([9] * 16), partition_indexes=[3])
        groups = [
            OffsetFetchRequestGroup(group_id="g", topics=[wanted, unknown]),
            OffsetFetchRequestGroup(group_id="other", topics=[wanted]),
        ]
        answer = node.ask_now(OffsetFetchRequest(groups=groups), version, OffsetFetchResponse)
        assert [group.group_id for group in answer.groups] == ["g", "other"]
        parts = answer.groups[0].topics[0].partitions
        found = [(each.committed_offset, each.metadata, each.error_code) for each in parts]
        assert answer.groups[1].topics[0].partitions[0].committed_offset == -1
        missing = answer.groups[0].topics[1].partitions[0]
        expected = ErrorCode.UNKNOWN_TOPIC_ID if version >= 10 else ErrorCode.NONE
        assert (missing.partition_index, missing.committed_offset, missing.error_code) == (3, -1, expected)
    assert found == [(5, "m", ErrorCode.NONE), (-1, "", ErrorCode.NONE)]


@pytest.mark.parametrize("version", versions(OffsetFetchRequest, since=2))
def test_fetching_all_offsets(node: GroupNode, version: int) -> None:
    topic_id = node.create_topic("t")
    node.ask_now(commit_request(), 9, OffsetCommitResponse)
    if version < 8:
        answer = node.ask_now(OffsetFetchRequest(group_id="g", topics=None), version, OffsetFetchResponse)
        assert [(topic.name, len(topic.partitions)) for topic in answer.topics] == [("t", 1)]
    else:
        request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id="g", topics=None)])
        topics = node.ask_now(request, version, OffsetFetchResponse).groups[0].topics
        names = [topic.topic_id if version >= 10 else topic.name for topic in topics]
        assert names == [topic_id if version >= 10 else "t"]


def test_deleting_offsets(node: GroupNode) -> None:
    node.create_topic("t")
    node.ask_now(commit_request(), 9, OffsetCommitResponse)
    request = OffsetDeleteRequest(
        group_id="g",
        topics=[
            OffsetDeleteRequestTopic(
                name=name, partitions=[OffsetDeleteRequestPartition(partition_index=index) for index in (0, 7)]
            )
            for name in ("t", "missing")
        ],
    )
    answer = node.ask_now(request, 0, OffsetDeleteResponse)
    assert {
        (topic.name, each.partition_index): each.error_code for topic in answer.topics for each in topic.partitions
    } == {
        ("t", 0): ErrorCode.NONE,
        ("t", 7): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ("missing", 0): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ("missing", 7): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert committed(node) == -1
    request.group_id = "nobody"
    assert node.ask_now(request, 0, OffsetDeleteResponse).error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_offsets_go_with_their_topic(node: GroupNode) -> None:
    topic_id = node.create_topic("t")
    node.ask_now(commit_request(), 9, OffsetCommitResponse)
    node.delete_topic(topic_id)
    assert committed(node) == -1
    assert node.log_records(partition_for("g", PARTITIONS))[-1].value is None


# -- administration


@pytest.mark.parametrize("version", versions(DescribeGroupsRequest))
async def test_describing(node: GroupNode, version: int) -> None:
    joined = await stable_member(node)
    request = DescribeGroupsRequest(groups=["g", "nobody"], include_authorized_operations=version >= 3)
    group, nobody = node.ask_now(request, version, DescribeGroupsResponse).groups
    assert (group.group_state, group.protocol_type, group.protocol_data) == ("Stable", "consumer", "range")
    assert [(each.member_id, each.client_host) for each in group.members] == [(joined.member_id, "/127.0.0.1")]
    assert group.authorized_operations == (3400 if version >= 3 else -(1 << 31))
    expected = ErrorCode.GROUP_ID_NOT_FOUND if version >= 6 else ErrorCode.NONE
    assert (nobody.error_code, nobody.group_state) == (expected, "Dead")


@pytest.mark.parametrize("version", versions(ListGroupsRequest))
async def test_listing(node: GroupNode, version: int) -> None:
    await stable_member(node)
    [group] = node.ask_now(ListGroupsRequest(), version, ListGroupsResponse).groups
    assert (group.group_id, group.protocol_type) == ("g", "consumer")
    assert group.group_state == ("Stable" if version >= 4 else "")
    assert group.group_type == ("classic" if version >= 5 else "")


@pytest.mark.parametrize("version", versions(DeleteGroupsRequest))
async def test_deleting_groups(node: GroupNode, version: int) -> None:
    node.create_topic("t")
    await stable_member(node)
    for group_id in ("a", "b"):
        node.ask_now(commit_request(group_id=group_id), 9, OffsetCommitResponse)
    request = DeleteGroupsRequest(groups_names=["a", "g", "nobody"])
    results = node.ask_now(request, version, DeleteGroupsResponse).results
    assert {each.group_id: each.error_code for each in results} == {
        "a": ErrorCode.NONE,
        "g": ErrorCode.NON_EMPTY_GROUP,
        "nobody": ErrorCode.GROUP_ID_NOT_FOUND,
    }
    assert (committed(node, "a"), committed(node, "b")) == (-1, 5)


# -- FindCoordinator


@pytest.mark.parametrize("version", versions(FindCoordinatorRequest))
async def test_the_first_who_asks_has_the_topic_made(tmp_path: Path, version: int) -> None:
    node = GroupNode(tmp_path)
    request = FindCoordinatorRequest(key="g") if version < 4 else FindCoordinatorRequest(coordinator_keys=["g", "h"])
    answer = node.ask(request, version, FindCoordinatorResponse)
    assert isinstance(answer, Awaitable)
    found = await answer
    assert node.created == [OFFSETS]
    where = [found] if version < 4 else found.coordinators
    assert [(each.error_code, each.node_id, each.host, each.port) for each in where] == [
        (ErrorCode.NONE, 1, "localhost", 9092)
    ] * (1 if version < 4 else 2)
    assert node.ask_now(request, version, FindCoordinatorResponse)
    assert node.created == [OFFSETS]


async def test_a_topic_that_cannot_be_made(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    node.creates = False
    answer = node.ask(FindCoordinatorRequest(coordinator_keys=["g"]), 6, FindCoordinatorResponse)
    assert isinstance(answer, Awaitable)
    assert (await answer).coordinators[0].error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE


@pytest.mark.parametrize("key_type", [SHARE, 3])
def test_what_has_no_coordinator(node: GroupNode, key_type: int) -> None:
    request = FindCoordinatorRequest(key_type=key_type, coordinator_keys=["x"])
    [found] = node.ask_now(request, 6, FindCoordinatorResponse).coordinators
    assert (found.error_code, found.node_id) == (ErrorCode.INVALID_REQUEST, -1)
    assert bool(found.error_message) == (key_type != SHARE)


# -- elections, loading, restart


def test_a_node_that_does_not_lead_the_partition(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    node.create_topic("t")
    for elsewhere in (False, True):
        if elsewhere:
            node.make_offsets_topic(replicas=[2, 1], leader=2)
        for answer in (
            node.ask_now(join_request(), 9, JoinGroupResponse).error_code,
            node.ask_now(
                HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 4, HeartbeatResponse
            ).error_code,
            node.ask_now(LeaveGroupRequest(group_id="g"), 5, LeaveGroupResponse).error_code,
            node.ask_now(commit_request(), 9, OffsetCommitResponse).topics[0].partitions[0].error_code,
            node.ask_now(DescribeGroupsRequest(groups=["g"]), 6, DescribeGroupsResponse).groups[0].error_code,
            node.ask_now(DeleteGroupsRequest(groups_names=["g"]), 2, DeleteGroupsResponse).results[0].error_code,
            node.ask_now(OffsetFetchRequest(group_id="g"), 7, OffsetFetchResponse).error_code,
        ):
            assert answer == ErrorCode.NOT_COORDINATOR
        assert node.ask_now(ListGroupsRequest(), 5, ListGroupsResponse).error_code == ErrorCode.NONE


def test_an_error_of_version_1_stands_at_each_partition(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    request = OffsetFetchRequest(group_id="g", topics=[OffsetFetchRequestTopic(name="t", partition_indexes=[0])])
    answer = node.ask_now(request, 1, OffsetFetchResponse)
    assert answer.topics[0].partitions[0].error_code == ErrorCode.NOT_COORDINATOR


async def test_everything_is_there_after_a_restart(node: GroupNode) -> None:
    node.create_topic("t")
    joined = await stable_member(node)
    node.ask_now(commit_request(11, group_id="simple"), 9, OffsetCommitResponse)
    node.start_coordinator()
    heartbeat = HeartbeatRequest(group_id="g", generation_id=1, member_id=joined.member_id)
    # While it loads, members are left in peace; everything else has to be asked again.
    assert node.ask_now(heartbeat, 4, HeartbeatResponse).error_code == ErrorCode.NONE
    loading = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert node.ask_now(join_request(joined.member_id), 9, JoinGroupResponse).error_code == loading
    assert node.ask_now(ListGroupsRequest(), 5, ListGroupsResponse).error_code == loading
    node.load()
    assert node.ask_now(heartbeat, 4, HeartbeatResponse).error_code == ErrorCode.NONE
    assert node_sync(node, joined, 5).assignment == b"mine"
    assert committed(node, "simple") == 11
    node.timers.advance(10_000)
    assert node.ask_now(heartbeat, 4, HeartbeatResponse).error_code == ErrorCode.UNKNOWN_MEMBER_ID


async def test_a_leader_that_is_elected_elsewhere_sends_its_members_away(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    topic_id = node.make_offsets_topic(replicas=[1, 2], isr=[1])
    joined = await become_member(node)
    request = SyncGroupRequest(
        group_id="g",
        generation_id=1,
        member_id=joined.member_id,
        protocol_type="consumer",
        protocol_name="range",
        assignments=[],
    )
    first = node.ask_now(join_request(), 9, JoinGroupResponse)
    assert first.error_code == ErrorCode.MEMBER_ID_REQUIRED
    answer = node.ask(join_request(first.member_id), 9, JoinGroupResponse)
    assert isinstance(answer, Awaitable)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    node.change(topic_id, partition_for("g", PARTITIONS), leader=2)
    assert (await waiting).error_code == ErrorCode.NOT_COORDINATOR
    assert node.ask_now(request, 5, SyncGroupResponse).error_code == ErrorCode.NOT_COORDINATOR
    node.change(topic_id, partition_for("g", PARTITIONS), leader=1)
    node.load()
    assert node.ask_now(request, 5, SyncGroupResponse).error_code == ErrorCode.UNKNOWN_MEMBER_ID


async def test_an_answer_waits_for_the_replicas_in_sync(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    node.create_topic("t")
    topic_id = node.make_offsets_topic(replicas=[1, 2])
    answer = node.ask(commit_request(), 9, OffsetCommitResponse)
    assert isinstance(answer, Awaitable)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    assert not waiting.done()
    node.change(topic_id, partition_for("g", PARTITIONS), isr=[1])
    assert (await waiting).topics[0].partitions[0].error_code == ErrorCode.NONE


async def test_a_commit_that_is_not_replicated_in_time(tmp_path: Path) -> None:
    node = GroupNode(tmp_path)
    node.create_topic("t")
    node.make_offsets_topic(replicas=[1, 2])
    answer = node.ask(commit_request(), 9, OffsetCommitResponse)
    assert isinstance(answer, Awaitable)
    waiting = asyncio.ensure_future(answer)
    await asyncio.sleep(0)
    node.timers.advance(5_000)
    assert (await waiting).topics[0].partitions[0].error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_compressed_batches_and_markers_are_loaded_and_strangers_skipped(node: GroupNode) -> None:
    node.create_topic("t")
    node.ask_now(commit_request(3), 9, OffsetCommitResponse)
    index = partition_for("g", PARTITIONS)
    [record] = node.log_records(index)
    assert record.value is not None
    newer = record.value[:2] + (8).to_bytes(8) + record.value[10:]
    from ottla.protocol.control_batch import end_transaction_batch
    from ottla.protocol.record_batch import CompressionType

    for compression in CompressionType:
        builder = RecordBatchBuilder(compression=compression)
        builder.append(b"\x00\x63\x00\x01c", b"\x00\x00\x00\x00\x00\x01\x00", timestamp_ms=1)
        builder.append(record.key, newer, timestamp_ms=1)
        node.manager.append(OFFSETS, index, builder.build())
    builder = RecordBatchBuilder(producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    builder.append(record.key, record.value[:2] + (9).to_bytes(8) + record.value[10:], timestamp_ms=1)
    node.manager.append(OFFSETS, index, builder.build())
    node.start_coordinator()
    node.load()
    assert committed(node) == 8
    marker = end_transaction_batch(commit=True, producer_id=7, producer_epoch=0, coordinator_epoch=0, timestamp_ms=1)
    node.manager.append(OFFSETS, index, marker)
    node.start_coordinator()
    node.load()
    assert committed(node) == 9
    assert any("skipped 1 records of unknown types" in report for report in node.reports)


def test_a_log_that_cannot_be_understood_leaves_the_partition_without_a_coordinator(node: GroupNode) -> None:
    index = partition_for("g", PARTITIONS)
    builder = RecordBatchBuilder()
    builder.append(b"\x00\x01\x7f\xff", b"\x00\x04", timestamp_ms=1)
    node.manager.append(OFFSETS, index, builder.build())
    node.start_coordinator()
    node.load()
    assert node.ask_now(join_request(), 9, JoinGroupResponse).error_code == ErrorCode.NOT_COORDINATOR
    assert any(f"partition {index} cannot be loaded" in report for report in node.reports)


def test_a_large_log_is_loaded_a_slice_at_a_time(tmp_path: Path) -> None:
    node = GroupNode(tmp_path, {"offsets.load.buffer.size": "1000"})
    node.make_offsets_topic()
    node.create_topic("t")
    for offset in range(100):
        node.ask_now(commit_request(offset), 9, OffsetCommitResponse)
    node.start_coordinator()
    node.timers.advance(0)
    assert node.ask_now(OffsetFetchRequest(group_id="g"), 7, OffsetFetchResponse).error_code == (
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    )
    node.load()
    assert committed(node) == 99
