"""Consumer groups: what the comparison with Apache Kafka (tests/interop) cannot wait for, or cannot configure."""

from __future__ import annotations

import pytest
from tests.unit.coordinator.consumer_groups import Consumer, ConsumerDriver, settle, topic_id
from tests.unit.coordinator.harness import Client, subscription

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.config import MigrationPolicy
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup, ConsumerGroupState
from ottla.coordinator.group.consumer.consumer_member import MemberState
from ottla.protocol.api.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from ottla.protocol.api.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from ottla.protocol.errors import ErrorCode

T = topic_id("t")
CONSUMER_KEYS = {3, 4, 5, 6, 7, 8, 16}


def pair(driver: ConsumerDriver) -> tuple[Consumer, Consumer]:
    first, second = Consumer(driver, "m1"), Consumer(driver, "m2")
    settle(first, second)
    return first, second


def test_a_partition_is_given_only_when_its_owner_no_longer_reports_it() -> None:
    driver = ConsumerDriver()
    first, second = Consumer(driver, "m1"), Consumer(driver, "m2")
    first.beat()
    assert first.partitions == [(T, 0), (T, 1), (T, 2)]
    first.stubborn = True
    second.beat()
    for _ in range(3):
        first.beat()
        second.beat()
        assert second.partitions == []
    group = driver.consumers()
    assert group.members["m1"].state is MemberState.UNREVOKED_PARTITIONS
    assert group.members["m2"].state is MemberState.UNRELEASED_PARTITIONS
    assert (first.epoch, second.epoch, group.state) == (2, 3, ConsumerGroupState.RECONCILING)
    first.stubborn = False
    settle(first, second)
    assert (first.partitions, second.partitions) == ([(T, 0), (T, 1)], [(T, 2)])
    assert driver.consumers().state is ConsumerGroupState.STABLE


def test_who_does_not_give_up_in_time_is_out() -> None:
    driver = ConsumerDriver()
    first, second = Consumer(driver, "m1"), Consumer(driver, "m2")
    first.beat()
    first.stubborn = True
    second.beat()
    first.beat()
    for _ in range(31):
        driver.sleep(1_000)
        second.beat()
    first.beat()
    assert first.error is ErrorCode.UNKNOWN_MEMBER_ID
    assert len(second.partitions) == 3


def test_sessions_end_also_after_a_restart() -> None:
    driver = ConsumerDriver()
    pair(driver)
    driver.sleep(44_000)
    restarted = driver.reload()
    assert set(restarted.shard.groups.by_id["g"].members) == {"m1", "m2"}
    restarted.sleep(44_000)
    assert set(restarted.shard.groups.by_id["g"].members) == {"m1", "m2"}
    restarted.sleep(2_000)
    group = restarted.shard.groups.by_id["g"]
    assert isinstance(group, ConsumerGroup)
    assert group.is_empty
    assert not [key for key in restarted.timers.entries if key[0] != "expire-group-metadata"]


def test_a_target_stands_for_the_assignment_interval() -> None:
    driver = ConsumerDriver(consumer_assignment_interval_ms=1_000)
    first, second = Consumer(driver, "m1"), Consumer(driver, "m2")
    first.beat()
    second.beat()
    group = driver.consumers()
    assert (group.group_epoch, group.assignment_epoch, second.epoch) == (3, 2, 2)
    assert group.state is ConsumerGroupState.ASSIGNING
    driver.sleep(999)
    first.beat()
    assert driver.consumers().assignment_epoch == 2
    driver.sleep(1)
    settle(first, second)
    assert (driver.consumers().assignment_epoch, len(second.partitions)) == (3, 1)
    driver.configure_group(consumer_assignment_interval_ms="0")
    third = Consumer(driver, "m3")
    third.beat()
    assert driver.consumers().assignment_epoch == 4


def test_group_configs_count_within_the_bounds_of_the_broker() -> None:
    driver = ConsumerDriver()
    member = Consumer(driver, "m1")
    response = member.beat()
    assert response is not None
    assert response.heartbeat_interval_ms == 5_000
    for value, expected in (("7000", 7_000), ("1", 5_000), ("99999", 15_000), ("many", 5_000)):
        driver.configure_group(consumer_heartbeat_interval_ms=value)
        response = member.beat()
        assert response is not None
        assert response.heartbeat_interval_ms == expected
    driver.configure_group(consumer_session_timeout_ms="60000")
    member.beat()
    driver.sleep(59_000)
    assert not driver.consumers().is_empty
    driver.sleep(1_000)
    assert driver.consumers().is_empty


def test_topics_that_change_raise_the_epoch_and_others_do_not() -> None:
    driver = ConsumerDriver({"t": 1, "u": 1})
    member = Consumer(driver, "m1", topics=("t", "later"))
    settle(member)
    epoch = member.epoch
    driver.alter_topics({"t": 1, "u": 5})
    settle(member)
    assert member.epoch == epoch
    driver.alter_topics({"t": 2, "u": 5, "later": 1})
    settle(member)
    assert member.epoch == epoch + 1
    assert member.partitions == [(topic_id("later"), 0), (T, 0), (T, 1)]
    driver.alter_topics({"u": 5, "later": 1})
    settle(member)
    assert member.partitions == [(topic_id("later"), 0)]
    driver.alter_topics({"t": 1, "u": 5, "later": 1})
    settle(member)
    assert (topic_id("t", 2), 0) in member.partitions


def test_an_expression_is_resolved_again_when_topics_were_made_but_not_at_once() -> None:
    driver = ConsumerDriver({"ta": 1, "x": 1})
    member = Consumer(driver, "m1", topics=(), regex="t.*")
    member.beat()
    assert member.partitions == []
    driver.sleep(0)
    settle(member)
    assert member.partitions == [(topic_id("ta"), 0)]
    driver.alter_topics({"ta": 1, "tb": 1, "x": 1})
    driver.sleep(5_000)
    settle(member)
    driver.sleep(0)
    assert len(member.partitions) == 1
    driver.sleep(6_000)
    member.beat()
    driver.sleep(0)
    settle(member)
    assert len(member.partitions) == 2
    [resolved] = driver.consumers().resolved.values()
    assert (resolved.topics, resolved.version) == (frozenset({"ta", "tb"}), driver.image.offset)
    member.leave()
    assert driver.consumers().resolved == {}


def test_an_expression_tells_only_of_topics_that_its_member_may_see() -> None:
    driver = ConsumerDriver({"ta": 1, "tb": 1})
    request = ConsumerGroupHeartbeatRequest(
        group_id="g",
        member_id="m1",
        member_epoch=0,
        rebalance_timeout_ms=1_000,
        subscribed_topic_regex="t.*",
        topic_partitions=[],
    )
    driver.run(driver.shard.consumer_group_heartbeat(Client(1), request, lambda names: [x for x in names if x != "ta"]))
    driver.sleep(0)
    [resolved] = driver.consumers().resolved.values()
    assert resolved.topics == frozenset({"tb"})


def test_a_full_group_takes_nobody_but_its_own() -> None:
    driver = ConsumerDriver(consumer_group_max_size=2)
    first, _ = pair(driver)
    third = Consumer(driver, "m3")
    third.beat()
    assert third.error is ErrorCode.GROUP_MAX_SIZE_REACHED
    assert first.beat(0) is not None


def test_an_empty_group_is_deleted_whole_and_expires_with_its_offsets() -> None:
    driver = ConsumerDriver(offsets_retention_ms=100_000, offsets_retention_check_interval_ms=10_000)
    driver.run(driver.shard.on_loaded())
    member = Consumer(driver, "m1")
    member.beat()
    assert driver.commit({("t", 0): 1}, member_id="m1", generation_id=member.epoch) == [ErrorCode.NONE]
    assert driver.shard.delete_groups(["g"]).response[0].error_code == ErrorCode.NON_EMPTY_GROUP
    for _ in range(12):
        driver.sleep(10_000)
        member.beat()
    assert driver.fetch({"t": [0]})["t", 0][0] == 1, "a subscribed topic's offsets do not expire"
    member.leave()
    driver.sleep(10_000)
    assert "g" not in driver.shard.groups.by_id
    latest = dict(driver.log)
    assert {key[1] for key in latest} >= {1, *CONSUMER_KEYS} - {16}
    assert [key for key, value in latest.items() if value is not None] == []


def test_a_group_may_be_deleted_when_it_is_empty() -> None:
    driver = ConsumerDriver()
    member = Consumer(driver, "m1")
    member.beat()
    member.leave()
    [result] = driver.run(driver.shard.delete_groups(["g"]))
    assert result.error_code == ErrorCode.NONE
    assert driver.shard.groups.by_id == {}
    assert all(value is None for value in dict(driver.log).values())


def classic_member(driver: ConsumerDriver) -> str:
    """A stable classic group of one, whose assignment is empty."""
    member_id, joined = driver.join_new()
    driver.sleep(driver.config.group_initial_rebalance_delay_ms)
    assert driver.sync(member_id, joined.join.generation_id, {member_id: b""}).error is ErrorCode.NONE
    return member_id


@pytest.mark.parametrize("policy", list(MigrationPolicy))
def test_the_migration_policy_says_who_may_become_what(policy: MigrationPolicy) -> None:
    driver = ConsumerDriver(migration_policy=policy)
    classic = classic_member(driver)
    member = Consumer(driver, "m1")
    member.beat()
    if not policy.allows_upgrade:
        assert member.error is ErrorCode.GROUP_ID_NOT_FOUND
        assert isinstance(driver.shard.groups.by_id["g"], ClassicGroup)
        return
    assert driver.consumers().members[classic].uses_classic_protocol
    member.leave()
    assert isinstance(driver.shard.groups.by_id["g"], ClassicGroup if policy.allows_downgrade else ConsumerGroup)


def test_classic_members_join_a_consumer_group_unless_migration_is_disabled() -> None:
    for policy in MigrationPolicy:
        driver = ConsumerDriver(migration_policy=policy)
        Consumer(driver, "m1").beat()
        joined = driver.join(version=3)
        expected = ErrorCode.NONE if policy.allows_anything else ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        assert joined.error is expected, policy


def test_classic_members_that_do_not_come_back_are_out() -> None:
    driver = ConsumerDriver()
    member = Consumer(driver, "m1")
    member.beat()
    answer = driver.join(version=3, session_timeout_ms=100_000, rebalance_timeout_ms=20_000).join
    assert "m1" in driver.consumers().members
    driver.sleep(20_000)
    assert set(driver.consumers().members) == {"m1"}, "it never asked for its assignment"
    answer = driver.join(version=3, session_timeout_ms=100_000, rebalance_timeout_ms=20_000).join
    settle(member)
    assert driver.heartbeat(answer.member_id, answer.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS
    again = driver.join(answer.member_id, session_timeout_ms=100_000, rebalance_timeout_ms=20_000).join
    assert driver.sync(answer.member_id, again.generation_id).error is ErrorCode.NONE
    assert driver.heartbeat(answer.member_id, again.generation_id) is ErrorCode.NONE
    for _ in range(3):
        driver.sleep(15_000)
        member.beat()
        assert driver.heartbeat(answer.member_id, again.generation_id) is ErrorCode.NONE
    settle(Consumer(driver, "m2"), member)
    assert driver.heartbeat(answer.member_id, again.generation_id) is ErrorCode.REBALANCE_IN_PROGRESS
    driver.sleep(19_999)
    driver.heartbeat(answer.member_id, again.generation_id)
    driver.sleep(1)
    assert answer.member_id not in driver.consumers().members


def test_a_subscription_that_cannot_be_read_is_refused() -> None:
    driver = ConsumerDriver()
    Consumer(driver, "m1").beat()
    for metadata in (b"", b"\x00", b"\xff\xff\x00", b"\x00\x01\x7f\xff\xff\xff"):
        assert driver.join(version=3, protocols={"range": metadata}).error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert driver.join(version=3, protocols={"range": subscription("t")}).error is ErrorCode.NONE


def test_a_downgrade_that_cannot_be_written_changes_nothing() -> None:
    driver = ConsumerDriver()
    classic_member(driver)
    member = Consumer(driver, "m1")
    member.beat()
    driver.fail_with = ErrorCode.NOT_COORDINATOR
    member.leave()
    driver.fail_with = ErrorCode.NONE
    assert "m1" in driver.consumers().members
    assert driver.replayed().groups.consumer("g") is not None


def test_offsets_of_a_member_that_is_behind_are_taken_where_it_still_owns() -> None:
    driver = ConsumerDriver()
    first, second = pair(driver)
    third = Consumer(driver, "m3")
    third.beat()
    behind = first.epoch - 1
    assert behind == 2
    committed = {
        index: driver.commit({("t", index): 1}, member_id="m1", generation_id=behind, topic_id=T) for index in range(3)
    }
    assert committed == {
        0: [ErrorCode.NONE],
        1: [ErrorCode.NONE],
        2: [ErrorCode.STALE_MEMBER_EPOCH],
    }
    assert driver.commit({("t", 2): 1}, member_id="m2", generation_id=2, topic_id=T) == [ErrorCode.STALE_MEMBER_EPOCH]
    assert driver.commit({("t", 0): 1}, member_id="m1", generation_id=9, topic_id=T) == [ErrorCode.STALE_MEMBER_EPOCH]
    assert second.partitions == [(T, 2)]


def test_members_commit_in_transactions_what_they_own() -> None:
    driver = ConsumerDriver()
    first, _ = pair(driver)
    Consumer(driver, "m3").beat()

    def commit(member_id: str, generation_id: int, topic: str = "t", index: int = 0) -> ErrorCode:
        partition = TxnOffsetCommitRequestPartition(partition_index=index, committed_offset=1, committed_metadata="")
        request = TxnOffsetCommitRequest(
            transactional_id="x",
            group_id="g",
            producer_id=1,
            producer_epoch=0,
            generation_id=generation_id,
            member_id=member_id,
            topics=[TxnOffsetCommitRequestTopic(name=topic, partitions=[partition])],
        )
        result = driver.shard.commit_transactional_offsets(request)
        return ErrorCode(result.response.topics[0].partitions[0].error_code)

    assert commit("m1", first.epoch) is ErrorCode.NONE
    assert commit("m1", first.epoch - 1) is ErrorCode.NONE
    assert commit("m1", first.epoch - 1, index=2) is ErrorCode.ILLEGAL_GENERATION
    assert commit("m1", first.epoch - 1, topic="gone") is ErrorCode.ILLEGAL_GENERATION
    assert commit("m1", first.epoch + 1) is ErrorCode.ILLEGAL_GENERATION
    assert commit("m9", first.epoch) is ErrorCode.UNKNOWN_MEMBER_ID
    assert commit("", -1) is ErrorCode.NONE, "a producer that is not in the group"


def test_the_log_says_what_is_in_memory_at_every_step() -> None:
    driver = ConsumerDriver({"t": 4})
    classic = classic_member(driver)
    members = [Consumer(driver, f"m{n}", instance_id=f"i{n}") for n in range(3)]
    for member in members:
        member.beat()
        assert driver.replayed().groups.consumer("g") is not None
    driver.leave(classic)
    members[0].beat(-2)
    members[0].member_id, members[0].epoch, members[0].owned = "m9", 0, {}
    settle(*members)
    for member in members:
        replayed, live = driver.replayed().groups.consumer("g"), driver.consumers()
        assert replayed is not None
        assert (replayed.members, replayed.target, replayed.owners) == (live.members, live.target, live.owners)
        assert replayed.static_members == live.static_members
        member.leave()
    assert driver.consumers().is_empty
