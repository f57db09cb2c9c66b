"""Share groups: heartbeats, assignments, the states of share partitions, and what a restart leaves of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.unit.coordinator.harness import FakeClock, FakeTimers
from tests.unit.coordinator.share_images import OTHER_TOPIC_ID, TOPIC_ID, topics_of

from ottla.coordinator.group.config import GroupCoordinatorConfig
from ottla.coordinator.group.records import decode_record, encode_record
from ottla.coordinator.group.shard import GroupShard
from ottla.coordinator.group.share.assignor import assign
from ottla.coordinator.group.share.config import ShareGroupsConfig
from ottla.coordinator.group.share.describe import describe_group
from ottla.coordinator.group.share.heartbeat import Initialization, heartbeat
from ottla.coordinator.group.share.share_groups import ShareSettings
from ottla.coordinator.group.share.state_offsets import (
    alter_offsets,
    begin_group_deletion,
    delete_group,
    delete_offsets,
    deleted,
    initialized,
    topics_deleted,
    uninitialized,
)
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestPartition,
    AlterShareGroupOffsetsRequestTopic,
)
from ottla.protocol.api.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsRequestTopic,
)
from ottla.protocol.api.share_group_heartbeat import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.coordinator.result import CoordinatorResult

Assigned = dict[bytes, list[int]]


@dataclass
class Client:
    api_version: int = 1
    client_id: str | None = "client"
    client_host: str = "/127.0.0.1"


@dataclass
class Coordinator:
    """One shard, and its log."""

    clock: FakeClock = field(default_factory=FakeClock)
    log: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    image: MetadataImage = field(default_factory=lambda: MetadataImage(topics=topics_of(topic=3)))
    to_begin: list[Initialization] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.timers = FakeTimers(self.clock)
        self.shard = GroupShard(
            GroupCoordinatorConfig(),
            self.clock,
            self.timers,
            lambda: "uuid",
            lambda: self.image,
            lambda: ShareSettings(ShareGroupsConfig(max_size=3)),
        )
        for offset, record in enumerate(self.log):
            decoded = decode_record(*record)
            assert decoded is not None
            self.shard.replay(decoded, offset)
        self.append(self.shard.on_loaded())

    @property
    def groups(self):  # type: ignore[no-untyped-def]  # ShareGroups
        return self.shard.share_groups

    def append(self, result: CoordinatorResult) -> object:  # type: ignore[type-arg]  # of anything
        for record in result.records:
            self.log.append(encode_record(record))
            decoded = decode_record(*self.log[-1])
            assert decoded is not None
            self.shard.replay(decoded, len(self.log) - 1)
        return result.response

    def heartbeat(
        self, member: str, epoch: int, topics: list[str] | None = None, *, group: str = "group", begin: bool = True
    ) -> ShareGroupHeartbeatResponse:
        request = ShareGroupHeartbeatRequest(
            group_id=group, member_id=member, member_epoch=epoch, subscribed_topic_names=topics
        )
        result = heartbeat(self.groups, Client(), request)
        self.append(result)
        wanted = result.response.initialization
        if wanted is not None:
            self.to_begin.append(wanted)
            if begin:
                self.append(initialized(self.groups, group, wanted.partitions))
        return result.response.response

    def pass_ms(self, passed_ms: int) -> None:
        self.clock.time_ms += passed_ms
        while (operation := self.timers.take_due()) is not None:
            self.append(operation())


def assigned(response: ShareGroupHeartbeatResponse) -> Assigned | None:
    if response.assignment is None:
        return None
    return {each.topic_id: each.partitions for each in response.assignment.topic_partitions}


def test_a_member_joins_and_has_the_partitions_once_their_state_is_there() -> None:
    coordinator = Coordinator()
    first = coordinator.heartbeat("a", 0, ["topic"])
    assert (first.error_code, first.member_epoch, assigned(first)) == (0, 2, {})
    assert coordinator.to_begin == [Initialization("group", 2, {TOPIC_ID: frozenset((0, 1, 2))})]
    coordinator.pass_ms(5_000)
    second = coordinator.heartbeat("a", 2)
    assert (second.member_epoch, assigned(second)) == (3, {TOPIC_ID: [0, 1, 2]})
    third = coordinator.heartbeat("a", 3)
    assert (third.member_epoch, assigned(third)) == (3, None)
    assert len(coordinator.to_begin) == 1


def test_partitions_are_shared_by_more_members_than_there_are() -> None:
    coordinator = Coordinator(image=MetadataImage(topics=topics_of(topic=2)))
    coordinator.heartbeat("a", 0, ["topic"])
    for member in ("b", "c"):
        coordinator.heartbeat(member, 0, ["topic"])
    coordinator.pass_ms(5_000)
    coordinator.heartbeat("c", 3)
    coordinator.pass_ms(5_000)
    described = describe_group(coordinator.groups, "group")
    held = []
    for each in described.members:
        answer = coordinator.heartbeat(each.member_id, each.member_epoch, ["topic"])
        assert answer.error_code == 0
        held += (assigned(answer) or {}).get(TOPIC_ID, [])
    assert set(held) == {0, 1}
    assert 3 <= len(held) <= 4
    assert coordinator.heartbeat("d", 0, ["topic"]).error_code == ErrorCode.GROUP_MAX_SIZE_REACHED


@pytest.mark.parametrize(
    ("member", "epoch", "topics", "error"),
    [
        ("", 0, ["topic"], ErrorCode.INVALID_REQUEST),
        ("a", 0, None, ErrorCode.INVALID_REQUEST),
        ("a", 0, [], ErrorCode.INVALID_REQUEST),
        ("a", -2, None, ErrorCode.INVALID_REQUEST),
        ("stranger", 1, None, ErrorCode.UNKNOWN_MEMBER_ID),
        ("stranger", -1, None, ErrorCode.UNKNOWN_MEMBER_ID),
        ("a", 7, None, ErrorCode.FENCED_MEMBER_EPOCH),
    ],
)
def test_what_a_heartbeat_is_refused_for(member: str, epoch: int, topics: list[str] | None, error: ErrorCode) -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic"])
    written = len(coordinator.log)
    assert coordinator.heartbeat(member, epoch, topics).error_code == error
    assert len(coordinator.log) == written
    assert coordinator.heartbeat("a", 1, group="nobody").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_the_epoch_before_is_accepted_and_older_ones_are_not() -> None:
    coordinator = Coordinator()
    for _ in range(2):
        coordinator.heartbeat("a", 0, ["topic"])
        coordinator.pass_ms(5_000)
    assert coordinator.heartbeat("a", 2).member_epoch == 3
    coordinator.heartbeat("b", 0, ["topic"])
    coordinator.pass_ms(5_000)
    assert coordinator.heartbeat("a", 3).member_epoch == 4
    assert coordinator.heartbeat("a", 3).error_code == 0
    assert coordinator.heartbeat("a", 2).error_code == ErrorCode.FENCED_MEMBER_EPOCH


def test_a_silent_member_is_removed_and_one_that_leaves_too() -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic"])
    coordinator.heartbeat("b", 0, ["topic"])
    coordinator.pass_ms(44_000)
    assert coordinator.heartbeat("b", -1).member_epoch == -1
    assert list(coordinator.groups.by_id["group"].members) == ["a"]
    coordinator.pass_ms(1_000)
    assert coordinator.groups.by_id["group"].members == {}
    assert coordinator.groups.by_id["group"].epoch == 5
    assert describe_group(coordinator.groups, "group").group_state == "Empty"


def test_a_restart_changes_nothing_and_gives_members_their_session_anew() -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic"])
    coordinator.pass_ms(5_000)
    coordinator.heartbeat("a", 2)
    before = coordinator.groups.by_id["group"]
    coordinator.start()
    after = coordinator.groups.by_id["group"]
    assert (after.epoch, after.assignment_epoch, after.members, after.target) == (
        before.epoch, before.assignment_epoch, before.members, before.target,
    )  # fmt: skip
    assert after.metadata_hash == before.metadata_hash != 0
    assert after.state_partitions.initialized.keys() == {TOPIC_ID}
    coordinator.pass_ms(45_000)
    assert after.members == {}


def test_states_that_could_not_be_begun_are_tried_again() -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic"], begin=False)
    coordinator.heartbeat("a", 2, begin=False)
    assert len(coordinator.to_begin) == 1
    coordinator.append(uninitialized(coordinator.groups, "group", {TOPIC_ID: [0, 1, 2]}))
    coordinator.heartbeat("a", 2, begin=False)
    assert len(coordinator.to_begin) == 2
    coordinator.pass_ms(29_000)
    coordinator.heartbeat("a", 2, begin=False)
    coordinator.pass_ms(1_000)
    coordinator.heartbeat("a", 2, begin=False)
    assert len(coordinator.to_begin) == 3


def test_a_topic_that_grows_or_goes_is_followed() -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic", "other"])
    coordinator.pass_ms(5_000)
    assert assigned(coordinator.heartbeat("a", 2)) == {TOPIC_ID: [0, 1, 2]}
    coordinator.image = MetadataImage(topics=topics_of(topic=4, other=1))
    epoch = coordinator.heartbeat("a", 3).member_epoch
    coordinator.pass_ms(5_000)
    assert assigned(coordinator.heartbeat("a", epoch)) == {TOPIC_ID: [0, 1, 2, 3], OTHER_TOPIC_ID: [0]}
    coordinator.image = MetadataImage(topics=topics_of(topic=4))
    coordinator.append(topics_deleted(coordinator.groups, frozenset((OTHER_TOPIC_ID,))))
    assert coordinator.groups.by_id["group"].state_partitions.initialized.keys() == {TOPIC_ID}


def test_offsets_are_altered_and_deleted_in_empty_groups_only() -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic"])
    partition = AlterShareGroupOffsetsRequestPartition
    request = AlterShareGroupOffsetsRequest(
        group_id="group",
        topics=[
            AlterShareGroupOffsetsRequestTopic(
                topic_name="topic",
                partitions=[partition(partition_index=1, start_offset=5), partition(partition_index=9, start_offset=5)],
            ),
            AlterShareGroupOffsetsRequestTopic(
                topic_name="nothing", partitions=[partition(partition_index=0, start_offset=1)]
            ),
        ],
    )
    removal = DeleteShareGroupOffsetsRequest(
        group_id="group", topics=[DeleteShareGroupOffsetsRequestTopic(topic_name="topic")]
    )
    for refused in (alter_offsets(coordinator.groups, request), delete_offsets(coordinator.groups, removal)):
        assert refused.response.response.error_code == ErrorCode.NON_EMPTY_GROUP
        assert refused.records == []
    coordinator.heartbeat("a", -1)
    result = alter_offsets(coordinator.groups, request)
    coordinator.append(result)
    assert result.response.start_offsets == {TOPIC_ID: {1: 5}}
    errors = [[each.error_code for each in topic.partitions] for topic in result.response.response.responses]
    assert errors == [[0, 3], [3]]
    coordinator.append(initialized(coordinator.groups, "group", {TOPIC_ID: [1]}))
    deletion = delete_offsets(coordinator.groups, removal)
    coordinator.append(deletion)
    assert deletion.response.partitions == {TOPIC_ID: [0, 1, 2]}
    assert coordinator.groups.by_id["group"].state_partitions.deleting == {TOPIC_ID: "topic"}
    coordinator.append(deleted(coordinator.groups, "group", [TOPIC_ID]))
    assert coordinator.groups.by_id["group"].state_partitions.deleting == {}


def test_a_group_goes_with_its_states() -> None:
    coordinator = Coordinator()
    coordinator.heartbeat("a", 0, ["topic"])
    assert begin_group_deletion(coordinator.groups, "group").response is ErrorCode.NON_EMPTY_GROUP
    coordinator.heartbeat("a", -1)
    begun = begin_group_deletion(coordinator.groups, "group")
    coordinator.append(begun)
    assert begun.response == {TOPIC_ID: [0, 1, 2]}
    assert coordinator.append(delete_group(coordinator.groups, "group")) is ErrorCode.NONE
    assert coordinator.groups.by_id == {}
    coordinator.start()
    assert coordinator.groups.by_id == {}


@pytest.mark.parametrize(("members", "partitions"), [(1, 5), (2, 5), (3, 3), (5, 2), (7, 3), (4, 1)])
def test_the_assignor_spreads_evenly_and_moves_little(members: int, partitions: int) -> None:
    names = [f"m{i}" for i in range(members)]
    subscriptions = {name: {TOPIC_ID} for name in names}
    assignable = {TOPIC_ID: frozenset(range(partitions))}
    target = assign(subscriptions, assignable, {})
    counts = [len(target[name].get(TOPIC_ID, ())) for name in names]
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 1
    sharers = [sum(index in target[name].get(TOPIC_ID, ()) for name in names) for index in range(partitions)]
    assert min(sharers) >= 1
    assert max(sharers) <= -(-members // partitions)
    assert assign(subscriptions, assignable, target) == target
    fewer = {name: topics for name, topics in subscriptions.items() if name != "m0"}
    if fewer:
        again = assign(fewer, assignable, target)
        assert {index for each in again.values() for index in each.get(TOPIC_ID, ())} == set(range(partitions))


def test_members_with_different_topics_have_only_their_own() -> None:
    subscriptions = {"a": {TOPIC_ID}, "b": {TOPIC_ID, OTHER_TOPIC_ID}}
    target = assign(subscriptions, {TOPIC_ID: frozenset((0, 1)), OTHER_TOPIC_ID: frozenset((0, 1))}, {})
    assert set(target["a"]) == {TOPIC_ID}
    assert target["b"][OTHER_TOPIC_ID] == {0, 1}
