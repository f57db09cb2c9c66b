"""JoinGroup: the handshake, who is taken in, and when the answer comes."""

from __future__ import annotations

import pytest
from tests.unit.coordinator.harness import Driver, subscription

from ottla.coordinator.group.classic_group import ClassicGroupState
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataKey, GroupMetadataValue
from ottla.protocol.errors import ErrorCode

DELAY_MS = 3_000


def test_a_dynamic_member_is_given_an_id_first() -> None:
    driver = Driver()
    first = driver.join()
    assert first.error is ErrorCode.MEMBER_ID_REQUIRED
    assert first.join.member_id == "client-uuid1"
    assert first.join.generation_id == -1
    assert driver.group().state is ClassicGroupState.EMPTY
    assert driver.group().pending_join_members == {"client-uuid1"}


def test_an_old_client_is_taken_in_without_the_handshake() -> None:
    driver = Driver()
    parked = driver.join(version=3)
    assert not parked.done
    driver.sleep(DELAY_MS)
    assert parked.error is ErrorCode.NONE
    assert parked.join.member_id == "client-uuid1"
    assert parked.join.leader == "client-uuid1"
    assert parked.join.generation_id == 1
    assert [member.metadata for member in parked.join.members] == [subscription("t")]


def test_the_first_that_is_heard_of_a_group_is_written_as_an_empty_one() -> None:
    driver = Driver()
    driver.join()
    [record] = driver.records()
    assert isinstance(record.key, GroupMetadataKey)
    assert isinstance(record.value, GroupMetadataValue)
    assert (record.key.group, record.value_version) == ("g", 3)
    value = record.value
    assert (value.protocol_type, value.generation, value.protocol, value.leader, value.members) == (
        "",
        0,
        None,
        None,
        [],
    )
    assert value.current_state_timestamp == driver.clock.now_ms()
    driver.join()
    assert len(driver.log) == 1


def test_a_member_that_cannot_be_written_is_told_so() -> None:
    driver = Driver()
    driver.fail_with = ErrorCode.COORDINATOR_NOT_AVAILABLE
    assert driver.join(version=3).error is ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_a_pending_member_is_forgotten_after_its_session_timeout() -> None:
    driver = Driver()
    member_id = driver.join(session_timeout_ms=10_000).join.member_id
    driver.sleep(9_999)
    assert driver.group().pending_join_members == {member_id}
    driver.sleep(1)
    assert not driver.group().pending_join_members
    assert driver.join(member_id).error is ErrorCode.UNKNOWN_MEMBER_ID


def test_pending_members_are_bounded() -> None:
    driver = Driver(max_pending_members=2)
    assert [driver.join().error for _ in range(3)] == [
        ErrorCode.MEMBER_ID_REQUIRED,
        ErrorCode.MEMBER_ID_REQUIRED,
        ErrorCode.GROUP_MAX_SIZE_REACHED,
    ]


def test_a_pending_member_with_an_instance_id_is_refused() -> None:
    driver = Driver()
    member_id = driver.join().join.member_id
    assert driver.join(member_id, instance_id="i").error is ErrorCode.UNKNOWN_SERVER_ERROR


@pytest.mark.parametrize("known", [False, True])
def test_an_unknown_member_id(known: bool) -> None:
    driver = Driver()
    if known:
        driver.stable_group(1)
    answer = driver.join("stranger")
    assert answer.error is ErrorCode.UNKNOWN_MEMBER_ID
    assert answer.join.member_id == "stranger"
    assert ("g" in driver.shard.groups.by_id) is known


@pytest.mark.parametrize(
    ("protocol_type", "protocols"),
    [("", {"range": b""}), ("consumer", {}), ("connect", {"range": b""}), ("consumer", {"other": b""})],
)
def test_protocols_that_do_not_fit(protocol_type: str, protocols: dict[str, bytes]) -> None:
    driver = Driver()
    driver.stable_group(1)
    error = driver.join(protocol_type=protocol_type, protocols=protocols).error
    assert error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize(("protocol_type", "protocols"), [("", {"range": b""}), ("consumer", {})])
def test_an_empty_group_takes_any_type_but_none(protocol_type: str, protocols: dict[str, bytes]) -> None:
    error = Driver().join(protocol_type=protocol_type, protocols=protocols).error
    assert error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize(
    ("metadata", "is_taken"),
    [
        (b"", True),
        (b"\0", True),
        (b"\0\0\0\0", True),  # Apache Kafka forgives a text that ends early,
        (b"\0\0\0\0\0\1\0", True),
        (b"\xff\xff" + b"\x7f" * 9, True),
        (b"\0\3\0\0\0\1\0\1t", True),
        (b"turn 1", False),  # but not a size beyond it: a load of its would fail, with every group of the partition
        (b"\0\0\xff\xff\xff\xff", False),
        (b"\0\0\0\0\0\2\0\1t\xff\xff", False),
        (b"\0\0\0\0\0\1\0\2t", False),
    ],
)
def test_no_member_has_a_subscription_that_keeps_groups_from_being_loaded(metadata: bytes, is_taken: bool) -> None:
    answer = Driver().join(version=3, protocols={"range": metadata})
    assert (not answer.done or answer.error is ErrorCode.NONE) is is_taken
    assert is_taken or answer.error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_a_known_member_with_other_protocols_is_refused_too() -> None:
    driver = Driver()
    leader, _ = driver.stable_group(2)
    assert driver.join(leader, protocols={"other": b""}).error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL


def test_the_first_rebalance_waits_for_more_members() -> None:
    driver = Driver()
    first_id, first = driver.join_new(rebalance_timeout_ms=7_000)
    driver.sleep(2_000)
    _, second = driver.join_new(rebalance_timeout_ms=7_000)
    driver.sleep(1_000)  # the first delay is over, somebody came: another 3 s
    assert not first.done
    driver.sleep(2_999)
    _, third = driver.join_new(rebalance_timeout_ms=7_000)
    driver.sleep(1)  # 6 s: again, but only 1 s is left of 7
    assert not first.done
    driver.sleep(1_000)
    assert [each.error for each in (first, second, third)] == [ErrorCode.NONE] * 3
    assert {each.join.generation_id for each in (first, second, third)} == {1}
    assert first.join.leader == first_id


def test_without_a_delay_the_group_starts_at_once() -> None:
    driver = Driver(group_initial_rebalance_delay_ms=0)
    _, parked = driver.join_new()
    driver.sleep(0)
    assert parked.error is ErrorCode.NONE


def test_only_the_leader_hears_of_the_others() -> None:
    driver = Driver()
    leader_id, leader = driver.join_new(protocols={"range": b"1"})
    follower_id, follower = driver.join_new(protocols={"range": b"2"})
    driver.sleep(2 * DELAY_MS)
    assert [(each.member_id, each.metadata) for each in leader.join.members] == [(leader_id, b"1"), (follower_id, b"2")]
    assert follower.join.members == []
    assert {leader.join.leader, follower.join.leader} == {leader_id}
    assert (leader.join.protocol_type, leader.join.protocol_name) == ("consumer", "range")
    assert not leader.join.skip_assignment


def test_the_protocol_with_most_votes_that_all_support_wins() -> None:
    driver = Driver()
    driver.join_new(protocols={"a": b"", "b": b"", "c": b""})
    driver.join_new(protocols={"b": b"", "c": b"", "a": b""})
    _, third = driver.join_new(protocols={"x": b"", "c": b"", "b": b""})
    driver.sleep(4 * DELAY_MS)
    # a is not everybody's; b is the first candidate of two, c of one
    assert third.join.protocol_name == "b"


def test_a_new_member_makes_a_stable_group_rebalance() -> None:
    driver = Driver()
    [leader] = driver.stable_group(1)
    member_id, joining = driver.join_new()
    assert driver.heartbeat(leader, 1) is ErrorCode.REBALANCE_IN_PROGRESS
    assert not joining.done
    rejoined = driver.join(leader)
    assert rejoined.join.generation_id == joining.join.generation_id == 2
    assert rejoined.join.leader == leader
    assert {each.member_id for each in rejoined.join.members} == {leader, member_id}


def test_a_rebalance_waits_for_members_that_were_given_an_id() -> None:
    driver = Driver()
    [leader] = driver.stable_group(1)
    pending = driver.join().join.member_id
    rejoined = driver.join(leader)
    assert not rejoined.done
    assert driver.join(pending).error is ErrorCode.NONE
    assert rejoined.join.generation_id == 2


def test_who_does_not_rejoin_in_time_is_out() -> None:
    driver = Driver()
    leader, follower = driver.stable_group(2, rebalance_timeout_ms=5_000)
    rejoined = driver.join(follower, protocols={"range": b"new"}, rebalance_timeout_ms=5_000)
    driver.sleep(4_999)
    assert not rejoined.done
    driver.sleep(1)
    assert rejoined.join.generation_id == 2
    assert rejoined.join.leader == follower
    assert [each.member_id for each in rejoined.join.members] == [follower]
    assert driver.join(leader).error is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_follower_that_joins_unchanged_hears_of_the_same_generation() -> None:
    driver = Driver()
    leader, follower = driver.stable_group(2)
    again = driver.join(follower)
    assert (again.join.generation_id, again.join.leader, again.join.members) == (1, leader, [])
    assert driver.group().state is ClassicGroupState.STABLE


def test_a_leader_that_joins_again_makes_the_group_rebalance() -> None:
    driver = Driver()
    leader, follower = driver.stable_group(2)
    again = driver.join(leader)
    assert not again.done
    assert driver.heartbeat(follower, 1) is ErrorCode.REBALANCE_IN_PROGRESS
    driver.join(follower)
    assert again.join.generation_id == 2


def test_joining_unchanged_before_the_assignment_repeats_the_answer() -> None:
    driver = Driver()
    leader, first = driver.join_new()
    driver.sleep(DELAY_MS)
    again = driver.join(leader)
    assert again.join.generation_id == first.join.generation_id == 1
    assert [each.member_id for each in again.join.members] == [leader]


def test_changed_metadata_before_the_assignment_starts_over() -> None:
    driver = Driver()
    leader, _ = driver.join_new()
    follower, _ = driver.join_new()
    driver.sleep(2 * DELAY_MS)
    waiting = driver.sync(follower, 1)
    again = driver.join(leader, protocols={"range": b"\0\0"})
    assert waiting.error is ErrorCode.REBALANCE_IN_PROGRESS
    assert not again.done
    driver.join(follower)
    assert again.join.generation_id == 2


def test_asking_again_while_parked_answers_the_older_request() -> None:
    driver = Driver()
    member_id, parked = driver.join_new()
    again = driver.join(member_id)
    assert parked.error is ErrorCode.REBALANCE_IN_PROGRESS
    driver.sleep(DELAY_MS)
    assert again.error is ErrorCode.NONE
    assert driver.group().awaiting_join_count == 0


def test_a_full_group_takes_nobody_else() -> None:
    driver = Driver(group_max_size=2)
    driver.join_new()
    driver.join_new()
    # still preparing: two are waiting, which is the limit
    assert driver.join().error is ErrorCode.GROUP_MAX_SIZE_REACHED
    driver.sleep(3 * DELAY_MS)
    assert driver.join().error is ErrorCode.GROUP_MAX_SIZE_REACHED


def test_members_of_a_full_group_come_back() -> None:
    driver = Driver(group_max_size=2)
    leader, follower = driver.stable_group(2)
    first, second = driver.join(leader), driver.join(follower)
    assert first.join.generation_id == second.join.generation_id == 2


def test_a_new_member_that_falls_silent_while_it_waits_is_out() -> None:
    driver = Driver(new_member_join_timeout_ms=1_000)
    _, parked = driver.join_new(rebalance_timeout_ms=600_000)
    driver.sleep(1_000)
    assert parked.error is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.group().members == {}


def test_rejoining_members_need_not_heartbeat_while_they_wait() -> None:
    driver = Driver()
    leader, _ = driver.stable_group(2, session_timeout_ms=6_000)
    waiting = driver.join(leader)
    driver.sleep(6_000)  # the follower's session ends, the leader's is suspended
    assert waiting.join.generation_id == 2
    assert [each.member_id for each in waiting.join.members] == [leader]
