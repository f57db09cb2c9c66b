"""The records that a share group has in flight, transition by transition."""

from __future__ import annotations

import pytest

from ottla.broker.share.in_flight import (
    ACCEPT,
    GAP,
    REJECT,
    RELEASE,
    RENEW,
    Acknowledgement,
    Acquired,
    InFlightRecords,
    Refused,
    Transition,
)
from ottla.coordinator.share.state_batch import DeliveryState, StateBatch
from ottla.protocol.errors import ErrorCode

AVAILABLE, ACKNOWLEDGED, ARCHIVED = DeliveryState.AVAILABLE, DeliveryState.ACKNOWLEDGED, DeliveryState.ARCHIVED


def acknowledge(
    records: InFlightRecords, member: str, first: int, last: int, *types: int, persisted: bool = True
) -> Transition:
    transition = records.acknowledge(member, [Acknowledgement(first, last, types)], renewed_until_ms=99.0)
    assert isinstance(transition, Transition), transition
    records.settle(transition, persisted=persisted)
    return transition


def refusal(records: InFlightRecords, member: str, first: int, last: int, *types: int) -> ErrorCode:
    answer = records.acknowledge(member, [Acknowledgement(first, last, types)])
    assert isinstance(answer, Refused)
    return answer.error


def test_what_is_accepted_moves_the_start_and_is_never_given_again() -> None:
    records = InFlightRecords(10)
    assert records.acquire("a", 10, 19, 100, 1.0) == [Acquired(10, 19, 1)]
    transition = acknowledge(records, "a", 10, 14, ACCEPT)
    assert transition == Transition([StateBatch(10, 14, ACKNOWLEDGED, 1)], 10, 5)
    assert (records.start_offset, records.end_offset, records.next_fetch_offset()) == (15, 20, 20)
    assert records.acquired_by() == {"a": [(15, 19)]}
    assert records.acquire("b", 10, 19, 100, 1.0) == []


def test_nobody_has_what_another_member_has() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 0, 4, 100, 1.0)
    assert records.acquire("b", 0, 9, 100, 1.0) == [Acquired(5, 9, 1)]
    assert refusal(records, "b", 0, 4, ACCEPT) is ErrorCode.INVALID_RECORD_STATE
    assert refusal(records, "a", 4, 5, ACCEPT) is ErrorCode.INVALID_RECORD_STATE
    assert refusal(records, "a", 0, 10, ACCEPT) is ErrorCode.INVALID_REQUEST
    assert records.acquired_by() == {"a": [(0, 4)], "b": [(5, 9)]}


def test_what_may_still_fail_moves_no_start_that_another_write_would_move_back() -> None:
    """A write of which nobody knows may count. Found by simulation: cluster-cluster-far-apart, seed 2085."""
    records = InFlightRecords(0)
    records.acquire("a", 0, 9, 100, 1.0)
    acknowledge(records, "a", 1, 9, ACCEPT)
    unknown = records.acknowledge("a", [Acknowledgement(0, 0, [ACCEPT])])
    assert isinstance(unknown, Transition)
    records.settle(unknown, persisted=False)
    assert (unknown.start_offset, records.expire(2.0).start_offset) == (0, 0)


def test_an_acknowledgement_counts_as_a_whole_or_not_at_all() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 0, 9, 100, 1.0)
    acknowledge(records, "a", 5, 5, ACCEPT)
    answer = records.acknowledge("a", [Acknowledgement(0, 3, [ACCEPT]), Acknowledgement(4, 6, [ACCEPT])])
    assert isinstance(answer, Refused)
    assert records.start_offset == 0
    assert records.acquired_by() == {"a": [(0, 4), (6, 9)]}


def test_each_offset_may_have_its_own_type() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 0, 4, 100, 1.0)
    transition = acknowledge(records, "a", 0, 4, ACCEPT, RELEASE, REJECT, GAP, RENEW)
    assert transition.state_batches == [
        StateBatch(0, 0, ACKNOWLEDGED, 1),
        StateBatch(1, 1, AVAILABLE, 1),
        StateBatch(2, 3, ARCHIVED, 1),
    ] or transition.state_batches == [
        StateBatch(0, 0, ACKNOWLEDGED, 1),
        StateBatch(1, 1, AVAILABLE, 1),
        StateBatch(2, 2, ARCHIVED, 1),
        StateBatch(3, 3, ARCHIVED, 1),
    ]
    assert (transition.start_offset, transition.delivery_complete_count) == (0, 3)
    assert records.next_fetch_offset() == 1
    assert records.next_deadline_ms() == 99.0
    assert records.acquire("b", 0, 4, 100, 1.0) == [Acquired(1, 1, 2)]


def test_a_record_is_delivered_a_limited_number_of_times() -> None:
    records = InFlightRecords(0, count_limit=3)
    for count in (1, 2, 3):
        assert records.acquire("a", 0, 0, 1, 5.0) == [Acquired(0, 0, count)]
        transition = records.expire(5.0) if count == 2 else acknowledge(records, "a", 0, 0, RELEASE)
        expected = ARCHIVED if count == 3 else AVAILABLE
        assert transition.state_batches == [StateBatch(0, 0, expected, count)]
    assert records.start_offset == 1


def test_locks_expire_in_their_time_and_renewed_ones_later() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 0, 1, 100, 10.0)
    records.acquire("b", 2, 3, 100, 20.0)
    acknowledge(records, "a", 1, 1, RENEW)
    assert records.next_deadline_ms() == 10.0
    assert records.expire(15.0).state_batches == [StateBatch(0, 0, AVAILABLE, 1)]
    assert records.expire(20.0).state_batches == [StateBatch(2, 3, AVAILABLE, 1)]
    assert records.acquired_by() == {"a": [(1, 1)]}


def test_what_a_gone_member_had_is_free_again() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 0, 3, 100, 1.0)
    records.acquire("b", 4, 5, 100, 1.0)
    assert records.release("a").state_batches == [StateBatch(0, 3, AVAILABLE, 1)]
    assert records.release("nobody").state_batches == []
    assert records.acquired_by() == {"b": [(4, 5)]}
    assert records.next_fetch_offset() == 0


def test_what_is_being_persisted_is_untouchable_and_comes_back_if_it_fails() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 0, 3, 100, 10.0)
    transition = records.acknowledge("a", [Acknowledgement(0, 1, [ACCEPT])])
    assert isinstance(transition, Transition)
    assert refusal(records, "a", 1, 1, ACCEPT) is ErrorCode.INVALID_RECORD_STATE
    assert records.expire(10.0).state_batches == [StateBatch(2, 3, AVAILABLE, 1)]
    assert records.acquire("b", 0, 1, 100, 1.0) == []
    records.settle(transition, persisted=False)
    assert records.acquired_by() == {"a": [(0, 1)]}
    assert records.expire(10.0).state_batches == [StateBatch(0, 1, AVAILABLE, 1)]


def test_no_more_records_are_locked_than_allowed() -> None:
    records = InFlightRecords(0, max_locks=5)
    assert records.acquire("a", 0, 9, 100, 1.0) == [Acquired(0, 4, 1)]
    assert not records.can_acquire()
    acknowledge(records, "a", 2, 2, RELEASE)
    assert records.can_acquire()
    assert records.acquire("b", 0, 9, 100, 1.0) == [Acquired(2, 2, 2)]
    acknowledge(records, "a", 3, 4, ACCEPT)
    assert records.acquire("b", 0, 9, 100, 1.0) == [Acquired(5, 6, 1)]


def test_holes_of_a_loaded_state_are_given_out() -> None:
    batches = [StateBatch(3, 4, ACKNOWLEDGED, 1), StateBatch(7, 7, AVAILABLE, 2), StateBatch(9, 9, ARCHIVED, 5)]
    records = InFlightRecords(2, batches)
    assert (records.start_offset, records.end_offset, records.delivery_complete_count) == (2, 10, 3)
    assert records.free_count(0, 20) == 1 + 2 + 1 + 1 + 11
    assert records.acquire("a", 0, 10, 100, 1.0) == [
        Acquired(2, 2, 1), Acquired(5, 6, 1), Acquired(7, 7, 3), Acquired(8, 8, 1), Acquired(10, 10, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("log_start", "start", "end"), [(0, 2, 6), (4, 4, 6), (20, 20, 20)])
def test_the_log_start_takes_records_away(log_start: int, start: int, end: int) -> None:
    records = InFlightRecords(2)
    records.acquire("a", 2, 5, 100, 1.0)
    records.move_start(log_start)
    assert (records.start_offset, records.end_offset) == (start, end)
    answer = records.acknowledge("a", [Acknowledgement(2, 3, [ACCEPT])])
    assert isinstance(answer, Transition)
    assert len(answer.state_batches) == (log_start == 0)


def test_what_is_for_nobody_is_done_where_it_is_free() -> None:
    records = InFlightRecords(0)
    records.acquire("a", 1, 1, 1, 1.0)
    records.archive(0, 3)
    assert records.start_offset == 1
    assert records.next_fetch_offset() == 4
    acknowledge(records, "a", 1, 1, ACCEPT)
    assert records.start_offset == 4
