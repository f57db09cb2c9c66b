"""Static members (KIP-345, KIP-814): replaced, fenced, kept over a restart."""

from __future__ import annotations

import pytest
from tests.unit.coordinator.harness import Driver, Parked

from ottla.coordinator.group.classic_group import ClassicGroupState
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataValue
from ottla.protocol.errors import ErrorCode

DELAY_MS = 3_000


def stable_static_group(driver: Driver, *instances: str) -> list[str]:
    """Member ids, the leader's first: it joins first."""
    joins = [driver.join(instance_id=each) for each in instances]
    driver.sleep(DELAY_MS * (len(instances) + 1))
    ids = [each.join.member_id for each in joins]
    for member_id, instance in zip(ids[1:], instances[1:], strict=True):
        driver.sync(member_id, 1, instance_id=instance)
    driver.sync(ids[0], 1, {each: each.encode() for each in ids}, instance_id=instances[0])
    assert driver.group().state is ClassicGroupState.STABLE
    return ids


def test_a_static_member_needs_no_handshake() -> None:
    driver = Driver()
    parked = driver.join(instance_id="i1")
    driver.sleep(DELAY_MS)
    assert parked.join.member_id == "i1-uuid1"
    assert parked.join.members[0].group_instance_id == "i1"


def test_a_follower_that_restarts_gets_its_place_back_without_a_rebalance() -> None:
    driver = Driver()
    leader, old = stable_static_group(driver, "i1", "i2")
    written = len(driver.log)
    again = driver.join(instance_id="i2")
    assert again.error is ErrorCode.NONE
    new = again.join.member_id
    assert new != old
    assert (again.join.generation_id, again.join.leader, again.join.members) == (1, leader, [])
    assert driver.group().state is ClassicGroupState.STABLE
    assert driver.sync(new, 1, instance_id="i2").sync.assignment == old.encode()
    assert len(driver.log) == written + 1
    value = driver.records()[-1].value
    assert isinstance(value, GroupMetadataValue)
    assert {member.member_id: member.assignment for member in value.members} == {
        leader: leader.encode(),
        new: old.encode(),
    }


@pytest.mark.parametrize(("version", "skips"), [(8, False), (9, True)])
def test_a_leader_that_restarts(version: int, skips: bool) -> None:
    driver = Driver()
    old, follower = stable_static_group(driver, "i1", "i2")
    again = driver.join(instance_id="i1", version=version)
    new = again.join.member_id
    assert again.join.generation_id == 1
    assert again.join.skip_assignment is skips
    if skips:
        assert again.join.leader == new
        assert {each.member_id for each in again.join.members} == {new, follower}
    else:
        assert (again.join.leader, again.join.members) == (old, [])
    assert driver.group().leader_id == new


def test_the_old_id_is_fenced_everywhere() -> None:
    driver = Driver()
    _, old = stable_static_group(driver, "i1", "i2")
    driver.join(instance_id="i2")
    fenced = ErrorCode.FENCED_INSTANCE_ID
    assert driver.heartbeat(old, 1, instance_id="i2") is fenced
    assert driver.sync(old, 1, instance_id="i2").error is fenced
    assert driver.join(old, instance_id="i2").error is fenced
    assert driver.commit({("t", 0): 1}, member_id=old, generation_id=1, instance_id="i2") == [fenced]
    assert driver.leave((old, "i2")).members[0].error_code == fenced
    assert driver.heartbeat(old, 1) is ErrorCode.UNKNOWN_MEMBER_ID


def test_an_unknown_instance_is_unknown() -> None:
    driver = Driver()
    leader, _ = stable_static_group(driver, "i1", "i2")
    assert driver.heartbeat(leader, 1, instance_id="other") is ErrorCode.UNKNOWN_MEMBER_ID


def test_a_parked_request_of_the_old_id_is_fenced() -> None:
    driver = Driver()
    first = driver.join(instance_id="i1")
    second = driver.join(instance_id="i1")
    assert first.error is ErrorCode.FENCED_INSTANCE_ID
    driver.sleep(DELAY_MS * 2)
    assert second.error is ErrorCode.NONE
    assert driver.sync(second.join.member_id, 1, {}, instance_id="i1").error is ErrorCode.NONE


def test_replaced_before_the_assignment_the_group_starts_over() -> None:
    driver = Driver()
    first, second = driver.join(instance_id="i1"), driver.join(instance_id="i2")
    driver.sleep(DELAY_MS * 3)
    parked = driver.sync(second.join.member_id, 1, instance_id="i2")
    again = driver.join(instance_id="i2")
    assert parked.error is ErrorCode.FENCED_INSTANCE_ID
    assert driver.group().state is ClassicGroupState.PREPARING_REBALANCE
    rejoined = driver.join(first.join.member_id, instance_id="i1")
    assert rejoined.join.generation_id == again.join.generation_id == 2


def test_a_change_of_protocol_makes_the_group_rebalance() -> None:
    driver = Driver()
    both = {"range": b"", "sticky": b""}
    joins = [driver.join(instance_id=each, protocols=both) for each in ("i1", "i2")]
    driver.sleep(DELAY_MS * 3)
    leader, follower = (each.join.member_id for each in joins)
    driver.sync(follower, 1, instance_id="i2")
    driver.sync(leader, 1, {}, instance_id="i1")
    again = driver.join(instance_id="i2", protocols={"sticky": b""})
    assert not again.done
    driver.join(leader, instance_id="i1", protocols=both)
    assert (again.join.generation_id, again.join.protocol_name) == (2, "sticky")


def test_a_replacement_that_cannot_be_written_is_undone() -> None:
    driver = Driver()
    leader, old = stable_static_group(driver, "i1", "i2")
    driver.fail_with = ErrorCode.NOT_COORDINATOR
    again = driver.join(instance_id="i2", session_timeout_ms=20_000)
    assert again.error is ErrorCode.NOT_COORDINATOR
    driver.fail_with = ErrorCode.NONE
    assert driver.heartbeat(old, 1, instance_id="i2") is ErrorCode.NONE
    assert driver.group().members[old].session_timeout_ms == 10_000
    assert driver.group().awaiting_join_count == 0
    assert driver.group().leader_id == leader


def test_a_static_member_that_is_away_is_kept_until_its_session_ends() -> None:
    driver = Driver()
    leader, _ = stable_static_group(driver, "i1", "i2")
    waiting = driver.join(leader, instance_id="i1", rebalance_timeout_ms=2_000)
    driver.group().members[driver.group().static_members["i2"]].rebalance_timeout_ms = 2_000
    driver.sleep(60_000)
    assert waiting.done
    assert waiting.join.generation_id == 2


def test_static_members_alone_that_are_away_keep_the_rebalance_open() -> None:
    driver = Driver()
    _, follower = stable_static_group(driver, "i1", "i2")
    extra_id, extra = driver.join_new(rebalance_timeout_ms=5_000)
    driver.leave(extra_id)
    assert extra.error is ErrorCode.UNKNOWN_MEMBER_ID
    assert driver.group().state is ClassicGroupState.PREPARING_REBALANCE
    rejoined = driver.join(follower, instance_id="i2")
    driver.sleep(60_000)
    assert rejoined.join.leader == follower


def test_an_administrator_removes_static_members_by_instance() -> None:
    driver = Driver()
    stable_static_group(driver, "i1", "i2")
    answers = driver.leave(("", "i2"), ("", "nobody"), ("", None)).members
    assert [each.error_code for each in answers] == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.UNKNOWN_MEMBER_ID,
    ]
    assert [each.group_instance_id for each in answers] == ["i2", "nobody", None]
    assert set(driver.group().static_members) == {"i1"}


def test_static_members_come_back_after_a_restart_of_the_coordinator() -> None:
    driver = Driver()
    leader, follower = stable_static_group(driver, "i1", "i2")
    loaded = driver.reload()
    assert loaded.group().static_members == {"i1": leader, "i2": follower}
    again: Parked = loaded.join(instance_id="i2")
    assert again.join.generation_id == 1
    assert loaded.sync(again.join.member_id, 1, instance_id="i2").sync.assignment == follower.encode()
