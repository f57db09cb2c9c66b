"""Streams groups (KIP-1071): membership, epochs, topology, reconciliation, statuses, offsets, expiry, restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.coordinator.harness import Client, Parked
from tests.unit.coordinator.streams_groups import StreamsDriver, StreamsMember, settle
from tests.unit.coordinator.streams_topologies import internal_topic, one_part, subtopology, topology

from ottla.coordinator.group.streams.configured_topology import StatusCode
from ottla.coordinator.group.streams.streams_member import MemberState
from ottla.protocol.api.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from ottla.protocol.api.offset_fetch import OffsetFetchRequestGroup
from ottla.protocol.api.streams_group_heartbeat import TaskIds
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from tests.unit.coordinator.streams_groups import Tasks

    from ottla.protocol.api.delete_groups import DeletableGroupResult


@pytest.fixture
def driver() -> StreamsDriver:
    return StreamsDriver({"t": 4})


def record_types(driver: StreamsDriver, since: int = 0) -> list[int]:
    return [record.key.record_type for record in driver.records()[since:]]


# -- joining


def test_the_first_member_gets_every_task(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    answer = member.beat()
    assert answer is not None
    assert (member.epoch, member.active, member.standby, member.status) == (2, {"0": (0, 1, 2, 3)}, {}, {})
    assert answer.warmup_tasks == []
    assert answer.heartbeat_interval_ms == 5_000
    # member, topology, group, target of the member, of the group, what it has
    assert record_types(driver) == [19, 23, 17, 21, 20, 22]
    group = driver.streams()
    assert (group.state.value, group.group_epoch, group.assignment_epoch) == ("Stable", 2, 2)
    assert group.validated_topology_epoch == 0


def test_a_heartbeat_that_changes_nothing_writes_nothing(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    settle(member, rounds=2)
    written = len(driver.log)
    answer = member.beat()
    assert answer is not None
    assert answer.active_tasks is None
    assert len(driver.log) == written


def test_tasks_move_one_owner_at_a_time(driver: StreamsDriver) -> None:
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    first.beat()
    second.beat()
    assert second.active == {}
    assert driver.streams().members["m2"].state is MemberState.UNRELEASED_TASKS
    first.stubborn = True
    first.beat()
    assert driver.streams().members["m1"].state is MemberState.UNREVOKED_TASKS
    assert first.epoch == 2, "it keeps its epoch until it has given up what it must"
    second.beat()
    assert second.active == {}
    first.stubborn = False
    first.active = {"0": (0, 1)}
    first.beat()
    second.beat()
    assert (first.epoch, second.epoch) == (3, 3)
    assert sorted(first.active["0"] + second.active["0"]) == [0, 1, 2, 3]
    assert len(first.active["0"]) == 2
    assert driver.streams().state.value == "Stable"


def test_who_gives_nothing_up_in_time_is_out(driver: StreamsDriver) -> None:
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    first.beat()
    second.beat()
    first.stubborn = True
    for _ in range(6):
        first.beat()
        second.beat()
        driver.sleep(5_000)
    assert list(driver.streams().members) == ["m2"]
    settle(second, rounds=2)
    assert second.active == {"0": (0, 1, 2, 3)}


def test_who_falls_silent_is_out(driver: StreamsDriver) -> None:
    StreamsMember(driver, "m1").beat()
    driver.sleep(44_999)
    assert driver.streams().members
    driver.sleep(1)
    assert not driver.streams().members
    assert driver.streams().state.value == "Empty"
    assert record_types(driver, 6) == [22, 21, 19, 17]


def test_who_leaves_is_out_at_once(driver: StreamsDriver) -> None:
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    settle(first, second)
    first.leave()
    settle(second, rounds=1)
    assert second.active == {"0": (0, 1, 2, 3)}
    assert not any("m1" in key for key in driver.timers.entries)


def test_a_lost_answer_is_no_reason_to_be_fenced(driver: StreamsDriver) -> None:
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    first.beat()
    second.beat()
    first.beat()
    first.beat()
    assert first.epoch == 3
    assert first.beat(epoch=2) is not None
    first.active = {"0": (0, 1, 2, 3)}
    assert first.beat(epoch=2) is None, "it has more than it would have"
    assert first.error is ErrorCode.FENCED_MEMBER_EPOCH


def test_wrong_epochs_and_members(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()
    assert member.beat(epoch=9) is None
    assert member.error is ErrorCode.FENCED_MEMBER_EPOCH
    assert member.beat(epoch=1) is None
    assert member.error is ErrorCode.FENCED_MEMBER_EPOCH
    stranger = StreamsMember(driver, "m2")
    assert stranger.beat(epoch=2) is None
    assert stranger.error is ErrorCode.UNKNOWN_MEMBER_ID
    nowhere = StreamsMember(driver, "m2")
    assert nowhere.beat(epoch=2, group_id="other") is None
    assert nowhere.error is ErrorCode.GROUP_ID_NOT_FOUND


def test_a_full_group_takes_nobody(driver: StreamsDriver) -> None:
    small = StreamsDriver({"t": 4}, streams_group_max_size=1)
    first, second = StreamsMember(small, "m1"), StreamsMember(small, "m2")
    first.beat()
    assert second.beat() is None
    assert second.error is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert first.beat(epoch=0) is None, "even its own member may not join again, as with Apache Kafka"


@pytest.mark.parametrize(
    "fields",
    [
        {"member_id": " "},
        {"group_id": ""},
        {"rack_id": " "},
        {"instance_id": "i"},
        {"rebalance_timeout_ms": -1},
        {"topology": None},
        {"active_tasks": [TaskIds(subtopology_id="0", partitions=[0])]},
        {"active_tasks": None},
        {"warmup_tasks": [TaskIds(subtopology_id="0", partitions=[0])]},
        {"task_offsets": []},
        {"task_end_offsets": []},
        {"member_epoch": -2},
        {"member_epoch": -3},
        {"member_epoch": 1},  # with a topology
    ],
)
def test_what_is_no_request(driver: StreamsDriver, fields: dict[str, Any]) -> None:
    member = StreamsMember(driver, "m1")
    assert member.beat(epoch=0, **fields) is None
    assert member.error is ErrorCode.INVALID_REQUEST
    assert not driver.log


def test_tasks_that_are_not_there(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()
    wrong: list[Tasks] = [{"1": (0,)}, {"0": (4,)}, {"0": (-1,)}]
    for tasks in wrong:
        member.active = tasks
        assert member.beat() is None
        assert member.error is ErrorCode.INVALID_REQUEST


# -- topology


def test_the_topology_cannot_change(driver: StreamsDriver) -> None:
    StreamsMember(driver, "m1").beat()
    other = StreamsMember(driver, "m2", topology=topology(subtopology("1", "t")))
    assert other.beat() is None
    assert other.error is ErrorCode.INVALID_REQUEST
    newer = StreamsMember(driver, "m3", topology=one_part(epoch=1))
    assert newer.beat() is None
    assert newer.error is ErrorCode.INVALID_REQUEST


def test_an_older_topology_is_stale(driver: StreamsDriver) -> None:
    StreamsMember(driver, "m1", topology=one_part(epoch=3)).beat()
    older = StreamsMember(driver, "m2", topology=topology(subtopology("x", "t"), epoch=2))
    older.beat()
    assert set(older.status) == {StatusCode.STALE_TOPOLOGY}
    known = driver.streams().topology
    assert known is not None
    assert known.epoch == 3


def test_missing_source_topics_are_waited_for(driver: StreamsDriver) -> None:
    driver.alter_topics({})
    member = StreamsMember(driver, "m1")
    member.beat()
    assert set(member.status) == {StatusCode.MISSING_SOURCE_TOPICS}
    assert "t" in member.status[StatusCode.MISSING_SOURCE_TOPICS]
    assert driver.streams().state.value == "NotReady"
    assert (member.epoch, member.active) == (2, {})
    driver.alter_topics({"t": 2})
    member.beat()
    assert (member.epoch, member.active, member.status) == (3, {"0": (0, 1)}, {})
    driver.alter_topics({})
    member.beat()
    assert set(member.status) == {StatusCode.MISSING_SOURCE_TOPICS}
    assert driver.streams().state.value == "NotReady"


def test_more_partitions_are_more_tasks(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()
    driver.alter_topics({"t": 6})
    member.beat()
    assert member.active == {"0": (0, 1, 2, 3, 4, 5)}


def test_missing_internal_topics_are_the_brokers_to_make(driver: StreamsDriver) -> None:
    repartition = internal_topic("t-repartition", replication_factor=1, cleanup_policy="delete")
    changelog = internal_topic("t-changelog", cleanup_policy="compact")
    member = StreamsMember(
        driver,
        "m1",
        topology=topology(
            subtopology("0", "t", repartition_sinks=["t-repartition"]),
            subtopology("1", repartition_sources=[repartition], changelogs=[changelog]),
        ),
    )
    member.beat()
    assert driver.missing == {"t-repartition": 4, "t-changelog": 4}
    assert set(member.status) == {StatusCode.MISSING_INTERNAL_TOPICS}
    assert driver.streams().state.value == "NotReady"
    driver.make_missing()
    member.beat()
    assert driver.missing == {}
    assert (member.status, member.active) == ({}, {"0": (0, 1, 2, 3), "1": (0, 1, 2, 3)})
    driver.alter_topics(driver.topics | {"t-changelog": 5})
    member.beat()
    assert set(member.status) == {StatusCode.INCORRECTLY_PARTITIONED_TOPICS}


# -- statuses that members cause


def test_a_new_group_waits_for_members() -> None:
    driver = StreamsDriver({"t": 4}, streams_initial_rebalance_delay_ms=3_000)
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    first.beat()
    second.beat()
    assert set(first.status) == set(second.status) == {StatusCode.ASSIGNMENT_DELAYED}
    assert (first.epoch, first.active) == (1, {})
    first.beat()
    driver.sleep(3_000)
    assert driver.streams().assignment_epoch == 3
    settle(first, second, rounds=1)
    assert len(first.active["0"]) == len(second.active["0"]) == 2
    assert first.status == {}


def test_assignments_have_their_interval() -> None:
    driver = StreamsDriver({"t": 4}, streams_assignment_interval_ms=1_000)
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    first.beat()
    second.beat()
    assert set(second.status) == {StatusCode.ASSIGNMENT_DELAYED}
    assert driver.streams().state.value == "Assigning"
    driver.sleep(1_000)
    settle(second, first, second)
    assert len(first.active["0"]) == len(second.active["0"]) == 2


def test_one_member_stops_the_whole_application(driver: StreamsDriver) -> None:
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    settle(first, second)
    first.beat(shutdown_application=True)
    first.leave()
    second.beat()
    assert set(second.status) == {StatusCode.SHUTDOWN_APPLICATION}
    assert "m1" in second.status[StatusCode.SHUTDOWN_APPLICATION]
    second.leave()
    third = StreamsMember(driver, "m3")
    third.beat()
    assert third.status == {}, "the next generation of it starts anew"


# -- standbys and endpoints


def test_standbys_stand_on_another_process(driver: StreamsDriver) -> None:
    driver.configure_group(streams_num_standby_replicas="1")
    driver.alter_topics({"t": 4, "t-changelog": 4})
    members = [StreamsMember(driver, f"m{each}", topology=one_part(stateful=True)) for each in range(2)]
    settle(*members)
    for one, other in (members, reversed(members)):
        assert one.standby == other.active
        assert len(one.active["0"]) == 2
    assert driver.streams().assignment_configs == {"num.standby.replicas": "1"}


def test_members_of_one_process_have_no_standbys_of_each_other(driver: StreamsDriver) -> None:
    driver.configure_group(streams_num_standby_replicas="1")
    driver.alter_topics({"t": 4, "t-changelog": 4})
    stateful = one_part(stateful=True)
    members = [StreamsMember(driver, f"m{each}", process_id="p", topology=stateful) for each in range(2)]
    settle(*members)
    assert [member.standby for member in members] == [{}, {}]


def test_a_config_of_the_group_takes_effect_with_the_next_heartbeat(driver: StreamsDriver) -> None:
    driver.alter_topics({"t": 4, "t-changelog": 4})
    members = [StreamsMember(driver, f"m{each}", topology=one_part(stateful=True)) for each in range(2)]
    settle(*members)
    assert [member.standby for member in members] == [{}, {}]
    driver.configure_group(
        streams_num_standby_replicas="9", streams_heartbeat_interval_ms="6000", streams_session_timeout_ms="50000"
    )
    settle(*members)
    assert all(member.standby for member in members)
    assert driver.streams().assignment_configs == {"num.standby.replicas": "2"}, "what the broker allows"
    assert members[0].last is not None
    assert members[0].last.heartbeat_interval_ms == 6_000
    driver.sleep(49_999)
    assert len(driver.streams().members) == 2


def test_endpoints_are_told_when_they_change(driver: StreamsDriver) -> None:
    first = StreamsMember(driver, "m1", endpoint=("one", 1))
    answer = first.beat()
    assert answer is not None
    assert answer.partitions_by_user_endpoint is not None
    assert answer.endpoint_information_epoch == 0, "a group that is only just being made has none"
    answer = first.beat()
    assert answer is not None
    assert answer.partitions_by_user_endpoint is None
    second = StreamsMember(driver, "m2", endpoint=("two", 2))
    settle(second, first)
    first.endpoint_epoch = 0
    answer = first.beat()
    assert answer is not None
    told = answer.partitions_by_user_endpoint or []
    by_host = {each.user_endpoint.host: [(tp.topic, tp.partitions) for tp in each.active_partitions] for each in told}
    assert by_host == {"one": [("t", list(first.active["0"]))], "two": [("t", list(second.active["0"]))]}
    answer = first.beat()
    assert answer is not None
    assert answer.partitions_by_user_endpoint is None


# -- other kinds of groups


def test_no_other_kind_of_member_gets_in(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()
    assert driver.join().error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert driver.join("x").error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert driver.sync("m1", 1).error is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.heartbeat("m1", 1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert [each.error_code for each in driver.leave("m1").members] == [ErrorCode.UNKNOWN_MEMBER_ID]
    request = ConsumerGroupHeartbeatRequest(
        group_id="g", member_id="c", member_epoch=0, rebalance_timeout_ms=1, subscribed_topic_names=["t"]
    )
    with pytest.raises(KafkaError) as refused:
        driver.shard.consumer_group_heartbeat(Client(1), request)
    assert refused.value.code is ErrorCode.GROUP_ID_NOT_FOUND
    assert driver.shard.describe_group("g", 6).error_code == ErrorCode.GROUP_ID_NOT_FOUND
    assert driver.shard.describe_consumer_group("g").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_an_empty_group_may_become_another_kind(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()
    member.leave()
    assert driver.join("x").error is ErrorCode.UNKNOWN_MEMBER_ID
    _, parked = driver.join_new()
    assert isinstance(parked, Parked)
    assert driver.shard.groups.classic("g") is not None
    assert member.beat() is None
    assert member.error is ErrorCode.GROUP_ID_NOT_FOUND


def test_an_empty_classic_group_becomes_a_streams_group_with_its_offsets(driver: StreamsDriver) -> None:
    driver.commit({("t", 0): 7})
    StreamsMember(driver, "m1").beat()
    assert driver.streams().members
    assert driver.fetch({"t": [0]})["t", 0][0] == 7


# -- offsets


def test_members_commit_by_their_epochs(driver: StreamsDriver) -> None:
    first, second = StreamsMember(driver, "m1"), StreamsMember(driver, "m2")
    settle(first, second)
    mine, theirs = first.active["0"][0], second.active["0"][0]

    def commit(epoch: int, partition: int, topic: str = "t", version: int = 9, member_id: str = "m1") -> ErrorCode:
        offsets = {(topic, partition): 5}
        return driver.commit(offsets, member_id=member_id, generation_id=epoch, version=version)[0]

    assert first.epoch == 3
    assert commit(3, mine) is ErrorCode.NONE
    assert commit(3, mine, version=8) is ErrorCode.UNSUPPORTED_VERSION
    assert commit(4, mine) is ErrorCode.STALE_MEMBER_EPOCH
    assert commit(2, mine) is ErrorCode.NONE, "it has had the task since then"
    assert commit(2, theirs) is ErrorCode.STALE_MEMBER_EPOCH
    assert commit(1, mine) is ErrorCode.STALE_MEMBER_EPOCH
    assert commit(2, 0, topic="other") is ErrorCode.STALE_MEMBER_EPOCH
    assert commit(3, mine, member_id="x") is ErrorCode.UNKNOWN_MEMBER_ID
    assert commit(-1, mine, member_id="") is ErrorCode.UNKNOWN_MEMBER_ID
    first.leave()
    second.leave()
    assert commit(-1, mine, member_id="") is ErrorCode.NONE, "nobody is left: it is an administrator's"


def test_members_fetch_by_their_epochs(driver: StreamsDriver) -> None:
    StreamsMember(driver, "m1").beat()

    def fetch(member_id: str | None, epoch: int) -> int:
        request = OffsetFetchRequestGroup(group_id="g", topics=[], member_id=member_id, member_epoch=epoch)
        return driver.shard.fetch_offsets(request, require_stable=False).error_code

    assert fetch("m1", 2) == ErrorCode.NONE
    assert fetch(None, -1) == ErrorCode.NONE
    assert fetch("m1", 1) == ErrorCode.STALE_MEMBER_EPOCH
    assert fetch("x", 2) == ErrorCode.UNKNOWN_MEMBER_ID


def test_offsets_of_topics_that_are_read_are_kept(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()
    driver.commit({("t", 0): 5, ("other", 0): 6}, member_id="m1", generation_id=2)
    request = OffsetDeleteRequest(
        group_id="g",
        topics=[
            OffsetDeleteRequestTopic(name=name, partitions=[OffsetDeleteRequestPartition(partition_index=0)])
            for name in ("t", "other")
        ],
    )
    answer = driver.run(driver.shard.delete_offsets(request))
    errors = [topic.partitions[0].error_code for topic in answer.topics]
    assert errors == [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode.NONE]
    assert set(driver.fetch()) == {("t", 0)}


def test_an_empty_group_goes_when_its_offsets_have_expired() -> None:
    driver = StreamsDriver({"t": 1}, offsets_retention_ms=100_000, offsets_retention_check_interval_ms=10_000)
    driver.run(driver.shard.on_loaded())
    member = StreamsMember(driver, "m1")
    member.beat()
    driver.commit({("t", 0): 5}, member_id="m1", generation_id=2)
    member.leave()
    driver.sleep(99_000)
    assert "g" in driver.shard.groups.by_id
    driver.sleep(11_000)
    assert "g" not in driver.shard.groups.by_id
    assert driver.fetch() == {}


# -- administration, restarts


def test_describe_and_list(driver: StreamsDriver) -> None:
    driver.alter_topics({"t": 4})
    member = StreamsMember(driver, "m1", topology=one_part(stateful=True))
    member.beat(rack_id="r")
    described = driver.shard.describe_streams_group("g")
    assert (described.error_code, described.group_state, described.group_epoch) == (0, "NotReady", 2)
    assert described.topology is not None
    assert described.topology.subtopologies is not None
    assert described.topology.subtopologies[0].state_changelog_topics[0].partitions == 0, "as the member sent it"
    driver.make_missing()
    settle(member, rounds=2)
    described = driver.shard.describe_streams_group("g")
    assert described.topology is not None
    assert described.topology.subtopologies is not None
    assert described.topology.subtopologies[0].state_changelog_topics[0].partitions == 4
    assert described.members[0].rack_id == "r"
    assert [each.partitions for each in described.members[0].assignment.active_tasks] == [[0, 1, 2, 3]]
    assert described.members[0].target_assignment == described.members[0].assignment
    listed = driver.shard.list_groups([], ["Streams"])
    assert [(each.group_id, each.protocol_type, each.group_state, each.group_type) for each in listed] == [
        ("g", "streams", "Stable", "streams")
    ]
    assert driver.shard.list_groups(["stable"], ["classic", "consumer"]) == []
    assert driver.shard.describe_streams_group("other").error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_states_are_listed_by_kafkas_names(driver: StreamsDriver) -> None:
    driver.alter_topics({})
    StreamsMember(driver, "m1").beat()
    assert [each.group_state for each in driver.shard.list_groups(["not_ready"], [])] == ["NotReady"]
    assert driver.shard.list_groups(["NotReady"], []) == []


def test_delete(driver: StreamsDriver) -> None:
    member = StreamsMember(driver, "m1")
    member.beat()

    def delete() -> list[DeletableGroupResult]:
        return driver.run(driver.shard.delete_groups(["g"]))

    assert delete()[0].error_code == ErrorCode.NON_EMPTY_GROUP
    member.leave()
    written = len(driver.log)
    assert delete()[0].error_code == ErrorCode.NONE
    assert record_types(driver, written) == [20, 17, 23]
    assert "g" not in driver.shard.groups.by_id


def test_all_of_it_is_in_the_log(driver: StreamsDriver) -> None:
    driver.configure_group(streams_num_standby_replicas="1")
    driver.alter_topics({"t": 4, "t-changelog": 4})
    members = [
        StreamsMember(driver, f"m{each}", topology=one_part(stateful=True), endpoint=("h", each)) for each in range(3)
    ]
    settle(*members)
    other = driver.reload()
    mine, theirs = driver.streams(), other.shard.groups.by_id["g"]
    mine.configured, mine.metadata_refresh, mine.endpoint_epoch = None, (0, 0), 0
    assert theirs == mine
    for member in members:
        member.driver = other  # type: ignore[assignment]  # a shard is a shard
        key = ("streams-session", "g", member.member_id)
        assert other.timers.is_scheduled(key)


def test_it_goes_on_after_a_restart(driver: StreamsDriver) -> None:
    members = [StreamsMember(driver, f"m{each}") for each in range(2)]
    settle(*members)
    other = StreamsDriver({"t": 4})
    for offset, record in enumerate(driver.records()):
        other.shard.replay(record, offset)
        other.log.append(driver.log[offset])
    other.run(other.shard.on_loaded())
    written = len(other.log)
    before = [member.active for member in members]
    for member in members:
        member.driver = other
    settle(*members)
    assert [member.active for member in members] == before
    assert len(other.log) == written, "a restart is no reason to rebalance"
