"""SyncGroup, Heartbeat, LeaveGroup, and members that fall silent."""

from __future__ import annotations

import pytest
from tests.unit.coordinator.harness import Driver, subscription

from ottla.coordinator.group.classic_group import ClassicGroupState
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataValue
from ottla.protocol.errors import ErrorCode

DELAY_MS = 3_000


def joined_group(driver: Driver, size: int) -> list[str]:
    """Members of generation 1, the leader first, before anybody has synced."""
    joins = [driver.join_new() for _ in range(size)]
    driver.sleep(DELAY_MS * (size + 1))
    assert all(parked.join.generation_id == 1 for _, parked in joins)
    return [member_id for member_id, _ in joins]


# -- SyncGroup


def test_followers_wait_for_the_leader() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    waiting = driver.sync(follower, 1)
    assert not waiting.done
    answer = driver.sync(leader, 1, {leader: b"L", follower: b"F"})
    assert (answer.sync.assignment, waiting.sync.assignment) == (b"L", b"F")
    assert (waiting.sync.protocol_type, waiting.sync.protocol_name) == ("consumer", "range")
    assert driver.sync(follower, 1).sync.assignment == b"F"
    assert driver.group().state is ClassicGroupState.STABLE


def test_the_assignment_is_written_before_anybody_is_answered() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    driver.hold = True
    waiting = driver.sync(follower, 1)
    answer = driver.sync(leader, 1, {leader: b"L", follower: b"F", "stranger": b"S"})
    assert not answer.done and not waiting.done
    value = driver.records()[-1].value
    assert isinstance(value, GroupMetadataValue)
    assert (value.generation, value.leader, value.protocol, value.protocol_type) == (1, leader, "range", "consumer")
    assert {member.member_id: member.assignment for member in value.members} == {leader: b"L", follower: b"F"}
    member = value.members[0]
    assert (member.client_id, member.client_host) == ("client", "/127.0.0.1")
    assert (member.session_timeout, member.rebalance_timeout) == (10_000, 60_000)
    assert member.subscription == subscription("t")
    assert driver.group().state is ClassicGroupState.COMPLETING_REBALANCE
    driver.release()
    assert answer.error is waiting.error is ErrorCode.NONE


def test_a_member_without_an_assignment_gets_an_empty_one() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    waiting = driver.sync(follower, 1)
    driver.sync(leader, 1, {})
    assert (waiting.error, waiting.sync.assignment) == (ErrorCode.NONE, b"")


def test_an_assignment_that_cannot_be_written_starts_over() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    driver.hold = True
    waiting = driver.sync(follower, 1)
    answer = driver.sync(leader, 1, {leader: b"L"})
    driver.release(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    assert answer.error is waiting.error is ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert driver.group().state is ClassicGroupState.PREPARING_REBALANCE
    assert answer.sync.assignment == b""


def test_an_assignment_that_is_overtaken_by_a_rebalance_is_dropped() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    driver.hold = True
    answer = driver.sync(leader, 1, {leader: b"L", follower: b"F"})
    driver.leave(follower)
    assert answer.error is ErrorCode.REBALANCE_IN_PROGRESS
    driver.release()
    assert driver.group().state is ClassicGroupState.PREPARING_REBALANCE
    assert driver.group().members[leader].assignment == b""


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"member_id": "stranger"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"group_id": "other"}, ErrorCode.UNKNOWN_MEMBER_ID),
        ({"generation_id": 0}, ErrorCode.ILLEGAL_GENERATION),
        ({"generation_id": 2}, ErrorCode.ILLEGAL_GENERATION),
        ({"protocol_type": "connect"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_name": "sticky"}, ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocol_name": None, "protocol_type": None}, ErrorCode.NONE),
    ],
)
def test_who_may_sync(how: dict[str, object], error: ErrorCode) -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1)
    arguments: dict[str, object] = {"member_id": member_id, "generation_id": 1} | how
    assert driver.sync(**arguments).error is error  # type: ignore[arg-type]  # the keywords of the table


def test_syncing_during_a_rebalance_or_in_an_empty_group() -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1)
    driver.join_new()
    assert driver.sync(member_id, 1).error is ErrorCode.REBALANCE_IN_PROGRESS
    empty = Driver()
    empty.commit({("t", 0): 1})
    assert empty.sync("m", 0).error is ErrorCode.UNKNOWN_MEMBER_ID


def test_syncing_twice_answers_the_older_request() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    first, second = driver.sync(follower, 1), driver.sync(follower, 1)
    assert first.error is ErrorCode.REBALANCE_IN_PROGRESS
    driver.sync(leader, 1, {follower: b"F"})
    assert second.sync.assignment == b"F"


def test_members_that_never_sync_are_out() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    driver.sync(leader, 1, {leader: b"L", follower: b"F"})
    for _ in range(7):
        driver.sleep(9_000)
        driver.heartbeat(leader, 1)
        driver.heartbeat(follower, 1)
    assert driver.group().state is ClassicGroupState.PREPARING_REBALANCE
    assert set(driver.group().members) == {leader}
    assert driver.heartbeat(follower, 1) is ErrorCode.UNKNOWN_MEMBER_ID


# -- Heartbeat


def test_a_heartbeat_keeps_a_member_alive() -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1, session_timeout_ms=6_000)
    for _ in range(5):
        driver.sleep(5_999)
        assert driver.heartbeat(member_id, 1) is ErrorCode.NONE
    driver.sleep(6_000)
    assert driver.heartbeat(member_id, 1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.group().state is ClassicGroupState.EMPTY
    assert driver.group().generation_id == 2


def test_who_may_heartbeat() -> None:
    driver = Driver()
    assert driver.heartbeat("m", 1) is ErrorCode.UNKNOWN_MEMBER_ID
    leader, follower = joined_group(driver, 2)
    assert driver.heartbeat(follower, 1) is ErrorCode.NONE
    assert driver.heartbeat(follower, 2) is ErrorCode.ILLEGAL_GENERATION
    assert driver.heartbeat("stranger", 1) is ErrorCode.UNKNOWN_MEMBER_ID
    driver.sync(leader, 1, {})
    assert driver.heartbeat(leader, 1) is ErrorCode.NONE
    driver.shard.groups.by_id["e"] = driver.group().__class__("e")
    assert driver.heartbeat("m", 0, group_id="e") is ErrorCode.UNKNOWN_MEMBER_ID


def test_the_last_member_that_falls_silent_leaves_an_empty_group_in_the_log() -> None:
    driver = Driver()
    driver.stable_group(1)
    driver.sleep(10_000)
    value = driver.records()[-1].value
    assert isinstance(value, GroupMetadataValue)
    assert (value.generation, value.protocol, value.leader, value.members) == (2, None, None, [])
    assert value.protocol_type == "consumer"


# -- LeaveGroup


def test_a_member_leaves_and_the_others_rebalance() -> None:
    driver = Driver()
    leader, follower = driver.stable_group(2)
    answer = driver.leave(leader)
    assert (answer.error_code, answer.members[0].error_code) == (ErrorCode.NONE, ErrorCode.NONE)
    assert driver.heartbeat(follower, 1) is ErrorCode.REBALANCE_IN_PROGRESS
    rejoined = driver.join(follower)
    assert (rejoined.join.generation_id, rejoined.join.leader) == (2, follower)


def test_a_batch_of_leaves_is_one_rebalance() -> None:
    driver = Driver()
    first, second, third = driver.stable_group(3)
    errors = [each.error_code for each in driver.leave(second, "stranger", third).members]
    assert errors == [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.NONE]
    assert driver.join(first).join.generation_id == 2


def test_a_leave_that_removes_nobody_changes_nothing() -> None:
    driver = Driver()
    driver.stable_group(1)
    assert driver.leave("stranger").members[0].error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.group().state is ClassicGroupState.STABLE


def test_leaving_a_group_that_is_not_there() -> None:
    answer = Driver().leave("m", group_id="other")
    assert answer.error_code == ErrorCode.NONE
    assert [each.error_code for each in answer.members] == [ErrorCode.UNKNOWN_MEMBER_ID]


def test_a_pending_member_may_leave() -> None:
    driver = Driver()
    pending = driver.join().join.member_id
    assert driver.leave(pending).members[0].error_code == ErrorCode.NONE
    assert not driver.group().pending_join_members
    assert not driver.timers.entries


def test_the_pending_member_that_leaves_was_the_last_one_missing() -> None:
    driver = Driver()
    [leader] = driver.stable_group(1)
    pending = driver.join().join.member_id
    rejoined = driver.join(leader)
    assert not rejoined.done
    driver.leave(pending)
    assert rejoined.join.generation_id == 2


def test_whoever_leaves_is_answered_where_it_waits() -> None:
    driver = Driver()
    leader, follower = joined_group(driver, 2)
    syncing = driver.sync(follower, 1)
    driver.leave(follower)
    assert syncing.error is ErrorCode.UNKNOWN_MEMBER_ID
    joining = driver.join_new()[1]
    driver.leave(joining_id := next(each for each in driver.group().members if each != leader))
    assert joining.error is ErrorCode.UNKNOWN_MEMBER_ID
    assert joining_id not in driver.group().members


def test_an_empty_group_can_be_used_again() -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1)
    driver.leave(member_id)
    assert driver.group().state is ClassicGroupState.EMPTY
    driver.join_new(protocol_type="connect", protocols={"v1": b""})
    driver.sleep(DELAY_MS)
    assert (driver.group().generation_id, driver.group().protocol_type) == (3, "connect")


# -- unloading, loading


def test_parked_members_are_sent_away_when_the_coordinator_moves() -> None:
    driver = Driver()
    joining = driver.join_new()[1]
    driver.shard.on_unloaded()
    assert joining.error is ErrorCode.NOT_COORDINATOR
    driver = Driver()
    _, follower = joined_group(driver, 2)
    syncing = driver.sync(follower, 1)
    driver.shard.on_unloaded()
    assert syncing.error is ErrorCode.NOT_COORDINATOR


def test_members_are_restored_with_their_sessions() -> None:
    driver = Driver()
    leader, follower = driver.stable_group(2)
    loaded = driver.reload()
    group = loaded.group()
    assert (group.state, group.generation_id, group.leader_id) == (ClassicGroupState.STABLE, 1, leader)
    assert group.subscribed_topics == frozenset({"t"})
    loaded.sleep(9_999)
    assert loaded.heartbeat(leader, 1) is ErrorCode.NONE
    loaded.sleep(1)
    assert loaded.heartbeat(follower, 1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert loaded.heartbeat(leader, 1) is ErrorCode.REBALANCE_IN_PROGRESS


def test_a_loaded_group_that_is_too_big_rebalances() -> None:
    driver = Driver()
    driver.stable_group(3)
    loaded = Driver(group_max_size=2)
    for offset, record in enumerate(driver.records()):
        loaded.shard.replay(record, offset)
    loaded.run(loaded.shard.on_loaded())
    assert loaded.group().state is ClassicGroupState.PREPARING_REBALANCE
