"""Offsets: committed, fetched, deleted, expired, pending. And groups described, listed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.coordinator.harness import START_MS, Driver, subscription

from ottla.coordinator.group.classic_group import ClassicGroupState
from ottla.protocol.api.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataKey
from ottla.protocol.coordinator_record.offset_commit import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.protocol.api.offset_delete import OffsetDeleteResponse

DAY_MS = 86_400_000
NOTHING = (-1, "", ErrorCode.NONE)
ID_1, ID_2 = bytes([1] * 16), bytes([2] * 16)


def delete(driver: Driver, *partitions: tuple[str, int], group_id: str = "g") -> tuple[ErrorCode, list[ErrorCode]]:
    request = OffsetDeleteRequest(
        group_id=group_id,
        topics=[
            OffsetDeleteRequestTopic(name=name, partitions=[OffsetDeleteRequestPartition(partition_index=index)])
            for name, index in partitions
        ],
    )
    response: OffsetDeleteResponse = driver.run(driver.shard.delete_offsets(request))
    return ErrorCode(response.error_code), [
        ErrorCode(each.error_code) for topic in response.topics for each in topic.partitions
    ]


# -- OffsetCommit


def test_offsets_without_membership() -> None:
    driver = Driver()
    assert driver.commit({("t", 0): 5, ("u", 1): 7}, metadata="hi", leader_epoch=3) == [ErrorCode.NONE] * 2
    assert driver.fetch({"t": [0, 1], "v": [0]}) == {
        ("t", 0): (5, "hi", ErrorCode.NONE),
        ("t", 1): NOTHING,
        ("v", 0): NOTHING,
    }
    assert driver.fetch() == {("t", 0): (5, "hi", ErrorCode.NONE), ("u", 1): (7, "hi", ErrorCode.NONE)}
    assert driver.group().state is ClassicGroupState.EMPTY
    assert driver.group().protocol_type is None


def test_the_record_of_a_commit() -> None:
    driver = Driver()
    driver.commit({("t", 3): 5}, metadata="hi", leader_epoch=2, topic_id=ID_1)
    [record] = driver.records()
    assert isinstance(record.key, OffsetCommitKey)
    assert isinstance(record.value, OffsetCommitValue)
    assert (record.key.group, record.key.topic, record.key.partition, record.value_version) == ("g", "t", 3, 4)
    value = record.value
    assert (value.offset, value.leader_epoch, value.metadata) == (5, 2, "hi")
    assert (value.commit_timestamp, value.topic_id) == (START_MS, ID_1)


def test_a_retention_time_of_an_old_client_is_written_as_version_1() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5}, retention_time_ms=1_000, version=4)
    [record] = driver.records()
    assert isinstance(record.value, OffsetCommitValue)
    assert (record.value_version, record.value.expire_timestamp) == (1, START_MS + 1_000)
    driver.run(driver.shard.on_loaded())
    driver.sleep(600_000)
    assert driver.fetch({"t": [0]}) == {("t", 0): NOTHING}


def test_null_metadata_is_stored_as_empty() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5}, metadata=None)
    assert driver.fetch({"t": [0]}) == {("t", 0): (5, "", ErrorCode.NONE)}


def test_metadata_that_is_too_large_is_refused_alone() -> None:
    driver = Driver(offset_metadata_max_bytes=4)
    assert driver.commit({("t", 0): 5}, metadata="12345") == [ErrorCode.OFFSET_METADATA_TOO_LARGE]
    assert driver.commit({("t", 0): 5}, metadata="1234") == [ErrorCode.NONE]
    assert driver.commit({("t", 0): 6}, metadata="\U0001f600\U0001f600") == [ErrorCode.NONE]
    assert driver.commit({("t", 0): 7}, metadata="\U0001f600\U0001f600x") == [ErrorCode.OFFSET_METADATA_TOO_LARGE]
    assert driver.fetch({"t": [0]})[("t", 0)][0] == 6


@pytest.mark.parametrize(("version", "error"), [(8, ErrorCode.ILLEGAL_GENERATION), (9, ErrorCode.GROUP_ID_NOT_FOUND)])
def test_a_member_of_no_group(version: int, error: ErrorCode) -> None:
    assert Driver().commit({("t", 0): 1}, member_id="m", generation_id=1, version=version) == [error]


@pytest.mark.parametrize(
    ("member", "generation_id", "error"),
    [
        ("it", 1, ErrorCode.NONE),
        ("it", 0, ErrorCode.ILLEGAL_GENERATION),
        ("it", 2, ErrorCode.ILLEGAL_GENERATION),
        ("it", -1, ErrorCode.ILLEGAL_GENERATION),
        ("stranger", 1, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", 1, ErrorCode.UNKNOWN_MEMBER_ID),
        ("", -1, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_who_may_commit_in_a_stable_group(member: str, generation_id: int, error: ErrorCode) -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1)
    member_id = member_id if member == "it" else member
    assert driver.commit({("t", 0): 1}, member_id=member_id, generation_id=generation_id) == [error]
    assert driver.fetch({"t": [0]})[("t", 0)][0] == (1 if error is ErrorCode.NONE else -1)


def test_commits_between_generations() -> None:
    driver = Driver()
    leader, follower = driver.stable_group(2)
    waiting = driver.join(leader)
    assert driver.commit({("t", 0): 1}, member_id=follower, generation_id=1) == [ErrorCode.NONE]
    driver.join(follower)
    assert waiting.join.generation_id == 2
    assert driver.commit({("t", 0): 2}, member_id=follower, generation_id=2) == [ErrorCode.REBALANCE_IN_PROGRESS]
    assert driver.commit({("t", 0): 2}, member_id=follower, generation_id=1) == [ErrorCode.ILLEGAL_GENERATION]


def test_a_commit_keeps_a_member_alive() -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1)
    driver.sleep(9_999)
    driver.commit({("t", 0): 1}, member_id=member_id, generation_id=1)
    driver.sleep(9_999)
    assert driver.heartbeat(member_id, 1) is ErrorCode.NONE


def test_a_group_that_lost_its_members_takes_commits_without_a_generation() -> None:
    driver = Driver()
    [member_id] = driver.stable_group(1)
    driver.leave(member_id)
    assert driver.commit({("t", 0): 1}) == [ErrorCode.NONE]
    assert driver.commit({("t", 0): 2}, member_id=member_id, generation_id=2) == [ErrorCode.UNKNOWN_MEMBER_ID]


# -- OffsetFetch


def test_an_offset_of_a_topic_of_the_same_name_is_not_there() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5}, topic_id=ID_1)
    driver.commit({("u", 0): 6})
    assert driver.fetch({"t": [0]}, topic_id=ID_1)[("t", 0)][0] == 5
    assert driver.fetch({"t": [0]}, topic_id=ID_2) == {("t", 0): NOTHING}
    assert driver.fetch({"t": [0]})[("t", 0)][0] == 5
    assert driver.fetch({"u": [0]}, topic_id=ID_2)[("u", 0)][0] == 6


def test_a_group_that_is_not_there_has_no_offsets() -> None:
    driver = Driver()
    assert driver.fetch({"t": [0]}, group_id="other") == {("t", 0): NOTHING}
    assert driver.fetch(group_id="other") == {}


def test_offsets_of_open_transactions_are_pending() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5})
    [committed] = driver.records()
    value = OffsetCommitValue(offset=9, metadata="", commit_timestamp=START_MS)
    pending = committed.__class__(committed.key, value, 4)
    driver.shard.replay(pending, 1, producer_id=7)
    assert driver.fetch({"t": [0]})[("t", 0)][0] == 5
    assert driver.fetch({"t": [0, 1]}, require_stable=True) == {
        ("t", 0): (-1, "", ErrorCode.UNSTABLE_OFFSET_COMMIT),
        ("t", 1): NOTHING,
    }
    assert driver.fetch(require_stable=True)[("t", 0)][2] is ErrorCode.UNSTABLE_OFFSET_COMMIT
    driver.shard.replay_end_transaction(7, commit=True)
    assert driver.fetch({"t": [0]}, require_stable=True)[("t", 0)][0] == 9


def test_an_aborted_transaction_leaves_no_offset() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5})
    [committed] = driver.records()
    driver.shard.replay(committed, 1, producer_id=7)
    driver.shard.replay_end_transaction(8, commit=True)
    assert driver.fetch({"t": [0]}, require_stable=True)[("t", 0)][2] is ErrorCode.UNSTABLE_OFFSET_COMMIT
    driver.shard.replay_end_transaction(7, commit=False)
    assert driver.fetch({"t": [0]}, require_stable=True)[("t", 0)][0] == 5
    assert not driver.shard.offsets.open_transactions


def test_a_newer_offset_outlives_the_commit_of_a_transaction() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5})
    [record] = driver.records()
    driver.shard.replay(record, 1, producer_id=7)
    value = OffsetCommitValue(offset=6, metadata="", commit_timestamp=START_MS)
    driver.shard.replay(record.__class__(record.key, value, 4), 2)
    driver.shard.replay_end_transaction(7, commit=True)
    assert driver.fetch({"t": [0]})[("t", 0)][0] == 6


# -- OffsetDelete


def test_deleting_offsets() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5, ("t", 1): 6})
    assert delete(driver, ("t", 0), ("t", 9)) == (ErrorCode.NONE, [ErrorCode.NONE, ErrorCode.NONE])
    assert driver.fetch() == {("t", 1): (6, "", ErrorCode.NONE)}
    assert [record.value for record in driver.records()[2:]] == [None]


def test_offsets_of_a_topic_that_members_read_stay() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5, ("u", 0): 6})
    driver.stable_group(1, protocols={"range": subscription("t")})
    assert delete(driver, ("t", 0), ("u", 0)) == (ErrorCode.NONE, [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode.NONE])
    assert list(driver.fetch()) == [("t", 0)]


def test_deleting_offsets_of_a_group_that_we_cannot_look_into() -> None:
    driver = Driver()
    assert delete(driver, ("t", 0)) == (ErrorCode.GROUP_ID_NOT_FOUND, [])
    driver.stable_group(1, protocol_type="consumer", protocols={"range": b"?"})
    assert delete(driver, ("t", 0)) == (ErrorCode.NONE, [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC])
    driver.join_new(group_id="c", protocol_type="connect", protocols={"v1": b""})
    driver.sleep(3_000)
    assert delete(driver, ("t", 0), group_id="c") == (ErrorCode.NON_EMPTY_GROUP, [])


def test_offsets_go_with_their_topic() -> None:
    driver = Driver()
    driver.commit({("t", 0): 5, ("u", 0): 6}, group_id="a")
    driver.commit({("t", 1): 7}, group_id="b")
    driver.run(driver.shard.topics_deleted(["t"]))
    assert driver.fetch(group_id="a") == {("u", 0): (6, "", ErrorCode.NONE)}
    assert driver.fetch(group_id="b") == {}
    assert driver.reload().fetch(group_id="a") == driver.fetch(group_id="a")


# -- expiration


def expiring() -> Driver:
    driver = Driver()
    driver.run(driver.shard.on_loaded())
    return driver


def test_offsets_without_members_expire_by_their_age() -> None:
    driver = expiring()
    driver.commit({("t", 0): 5})
    driver.sleep(DAY_MS)
    driver.commit({("t", 1): 6})
    driver.sleep(6 * DAY_MS + 600_000)
    assert list(driver.fetch()) == [("t", 1)]
    driver.sleep(DAY_MS)
    assert driver.fetch() == {}
    assert "g" not in driver.shard.groups.by_id
    assert isinstance(driver.records()[-1].key, GroupMetadataKey)
    assert driver.records()[-1].value is None


def test_offsets_of_a_group_count_from_when_it_became_empty() -> None:
    driver = expiring()
    [member_id] = driver.stable_group(1, session_timeout_ms=1_800_000)
    driver.commit({("t", 0): 5}, member_id=member_id, generation_id=1)
    for _ in range(3 * DAY_MS // 1_200_000):
        driver.sleep(1_200_000)
        driver.heartbeat(member_id, 1)
    driver.leave(member_id)
    driver.sleep(7 * DAY_MS - 600_000)
    assert list(driver.fetch()) == [("t", 0)]
    driver.sleep(1_200_000)
    assert driver.fetch() == {}


def test_offsets_of_a_topic_that_members_read_do_not_expire() -> None:
    driver = expiring()
    [member_id] = driver.stable_group(1, session_timeout_ms=1_800_000)
    driver.commit({("t", 0): 5, ("u", 0): 6}, member_id=member_id, generation_id=1)
    for _ in range(8 * DAY_MS // 1_200_000):
        driver.sleep(1_200_000)
        assert driver.heartbeat(member_id, 1) is ErrorCode.NONE
    assert list(driver.fetch()) == [("t", 0)]


def test_offsets_do_not_expire_during_a_rebalance() -> None:
    driver = Driver(offsets_retention_ms=1)
    [member_id] = driver.stable_group(1, rebalance_timeout_ms=3_600_000, session_timeout_ms=1_800_000)
    driver.commit({("u", 0): 5}, member_id=member_id, generation_id=1)
    driver.join_new(rebalance_timeout_ms=3_600_000)
    driver.run(driver.shard.on_loaded())
    driver.sleep(1_200_000)
    assert list(driver.fetch()) == [("u", 0)]


def test_a_group_with_pending_offsets_stays() -> None:
    driver = expiring()
    driver.commit({("t", 0): 5})
    [record] = driver.records()
    driver.shard.replay(record, 1, producer_id=7)
    driver.sleep(8 * DAY_MS)
    assert "g" in driver.shard.groups.by_id
    driver.shard.replay_end_transaction(7, commit=False)
    driver.sleep(600_000)
    assert "g" not in driver.shard.groups.by_id


# -- DescribeGroups, ListGroups, DeleteGroups


def test_describing_a_group_in_each_state() -> None:
    driver = Driver()
    member_id, _ = driver.join_new()
    group = driver.shard.describe_group("g", 6)
    assert (group.group_state, group.protocol_type, group.protocol_data) == ("PreparingRebalance", "consumer", "")
    assert group.members[0].member_metadata == b""
    driver.sleep(3_000)
    assert driver.shard.describe_group("g", 6).group_state == "CompletingRebalance"
    driver.sync(member_id, 1, {member_id: b"A"})
    group = driver.shard.describe_group("g", 6)
    assert (group.error_code, group.group_state, group.protocol_data) == (ErrorCode.NONE, "Stable", "range")
    [member] = group.members
    assert (member.member_id, member.client_id, member.client_host) == (member_id, "client", "/127.0.0.1")
    assert (member.member_metadata, member.member_assignment) == (subscription("t"), b"A")
    driver.leave(member_id)
    assert driver.shard.describe_group("g", 6).group_state == "Empty"


def test_a_group_that_is_not_there_is_dead() -> None:
    driver = Driver()
    old, new = (driver.shard.describe_group("x", version) for version in (5, 6))
    assert (old.error_code, old.group_state) == (ErrorCode.NONE, "Dead")
    assert (new.error_code, new.group_state) == (ErrorCode.GROUP_ID_NOT_FOUND, "Dead")
    assert new.error_message == "Group x not found."


@pytest.mark.parametrize(
    ("states", "types", "expected"),
    [
        ([], [], ["simple", "g"]),
        (["stable"], [], ["g"]),
        (["Empty", "Stable"], [], ["simple", "g"]),
        (["PreparingRebalance"], [], []),
        ([], ["Classic"], ["simple", "g"]),
        ([], ["consumer"], []),
        (["EMPTY"], ["consumer", "CLASSIC"], ["simple"]),
    ],
)
def test_listing_groups(states: list[str], types: list[str], expected: list[str]) -> None:
    driver = Driver()
    driver.commit({("t", 0): 1}, group_id="simple")
    driver.stable_group(1)
    listed = driver.shard.list_groups(states, types)
    assert [group.group_id for group in listed] == expected
    assert {group.group_type for group in listed} <= {"classic"}
    assert [group.protocol_type for group in listed] == [{"simple": "", "g": "consumer"}[each] for each in expected]


def test_deleting_groups() -> None:
    driver = Driver()
    driver.commit({("t", 0): 1, ("t", 1): 2}, group_id="simple")
    driver.stable_group(1)
    results = driver.run(driver.shard.delete_groups(["simple", "g", "nobody", "simple"]))
    assert [(each.group_id, each.error_code) for each in results] == [
        ("simple", ErrorCode.NONE),
        ("g", ErrorCode.NON_EMPTY_GROUP),
        ("nobody", ErrorCode.GROUP_ID_NOT_FOUND),
    ]
    assert driver.fetch(group_id="simple") == {}
    assert set(driver.shard.groups.by_id) == set(driver.reload().shard.groups.by_id) == {"g"}


def test_a_deleted_group_leaves_no_timer_behind() -> None:
    driver = Driver()
    driver.join()
    driver.run(driver.shard.delete_groups(["g"]))
    assert not driver.timers.entries
