"""The incremental cooperative assignor: nothing runs twice, nothing is forgotten, and in the end the work is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.distributed.assignor import IncrementalCooperativeAssignor
from ottla.connect.distributed.group_protocol import (
    Assignment,
    Work,
    WorkerState,
    decode_assignment,
    decode_worker_state,
    encode_assignment,
    encode_worker_state,
)
from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from collections.abc import Iterable

DELAY_MS = 1_000


def configured(connectors: int, tasks: int) -> Work:
    names = [f"c{number}" for number in range(connectors)]
    return Work.of(names, (TaskId(name, number) for name in names for number in range(tasks)))


class Group:
    """A leader and what each member has; a round is a rebalance."""

    def __init__(self, members: Iterable[str]) -> None:
        self.held = {member: Work() for member in members}
        self.assignor = IncrementalCooperativeAssignor(DELAY_MS)
        self.generation = 0
        self.now_ms = 1_000_000

    def round(self, work: Work) -> bool:
        """Whether it has to be followed by another."""
        last, self.generation = self.generation if self.generation else -1, self.generation + 1
        chosen = self.assignor.assign(
            work, self.held, last_generation=last, generation=self.generation, now_ms=self.now_ms
        )
        for member, held in self.held.items():
            held.remove(chosen.revoked.get(member, Work()))
            held.add(chosen.assigned.get(member, Work()))
        running = [*(each for held in self.held.values() for each in (*held.connectors, *held.tasks))]
        assert len(running) == len(set(running)), "something runs twice"
        return bool(chosen.revoked)

    def settle(self, work: Work) -> None:
        for _ in range(40):
            again = self.round(work)
            if not again and not self.assignor.delay_ms:
                return
            self.now_ms += self.assignor.delay_ms
        raise AssertionError("it does not settle")

    def check(self, work: Work) -> None:
        running = Work()
        for held in self.held.values():
            running.add(held)
        assert set(running.connectors) == set(work.connectors)
        assert set(running.tasks) == set(work.tasks)
        for sizes in (
            [len(held.connectors) for held in self.held.values()],
            [len(held.tasks) for held in self.held.values()],
        ):
            assert max(sizes) - min(sizes) <= 1, sizes


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 5))
def test_everything_runs_once_and_is_shared(members: int, connectors: int, tasks: int) -> None:
    group, work = Group(f"m{number}" for number in range(members)), configured(connectors, tasks)
    group.settle(work)
    group.check(work)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 4), st.integers(1, 3))
def test_who_comes_gets_a_share(members: int, connectors: int, tasks: int, more: int) -> None:
    group, work = Group(f"m{number}" for number in range(members)), configured(connectors, tasks)
    group.settle(work)
    group.held |= {f"n{number}": Work() for number in range(more)}
    group.settle(work)
    group.check(work)


def test_what_a_lost_worker_had_waits_for_it() -> None:
    group, work = Group(("a", "b")), configured(4, 2)
    group.settle(work)
    kept = group.held["a"].copy()
    del group.held["b"]
    group.round(work)
    assert group.held["a"] == kept
    assert group.assignor.delay_ms == DELAY_MS
    group.now_ms += DELAY_MS
    group.settle(work)
    group.check(work)


def test_a_worker_that_comes_back_in_time_gets_what_it_had() -> None:
    group, work = Group(("a", "b")), configured(4, 2)
    group.settle(work)
    before = group.held.pop("b")
    group.round(work)
    group.held["b2"] = Work()
    group.round(work)
    group.now_ms += DELAY_MS
    group.settle(work)
    assert set(group.held["b2"].tasks) == set(before.tasks)
    assert set(group.held["b2"].connectors) == set(before.connectors)


def test_what_is_deleted_is_given_up() -> None:
    group, work = Group(("a", "b")), configured(3, 2)
    group.settle(work)
    group.settle(configured(1, 2))
    group.check(configured(1, 2))


def test_two_who_have_the_same_both_give_it_up() -> None:
    group, work = Group(("a", "b")), configured(2, 1)
    group.settle(work)
    twice = next(iter(group.held["a"].tasks))
    group.held["b"].tasks[twice] = None
    last, group.generation = group.generation, group.generation + 1
    chosen = group.assignor.assign(
        work, group.held, last_generation=last, generation=group.generation, now_ms=group.now_ms
    )
    assert twice in chosen.revoked["a"].tasks
    assert twice in chosen.revoked["b"].tasks


# Field by field as KIP-415 lays it out: version, url, offset 5, and what it has: the connector `a` and its task 0.
LAID_OUT = bytes.fromhex(
    "0002" "0016" + b"http://127.0.0.1:8083/".hex() + "0000000000000005" "00000047"
    "0002" "0000" "0006" + b"leader".hex() + "0016" + b"http://127.0.0.1:8083/".hex() + "0000000000000005"
    "00000001" "0001" + b"a".hex() + "00000002" "ffffffff" "00000000" "00000000" "00000000"
)  # fmt: skip


def test_what_workers_say() -> None:
    work = Work.of(["a"], [TaskId("a", 0)])
    held = Assignment(2, leader="leader", leader_url="http://127.0.0.1:8083/", config_offset=5, assigned=work)
    state = WorkerState("http://127.0.0.1:8083/", 5, work)
    assert decode_worker_state(encode_worker_state(state, held, 2)) == state
    assert encode_worker_state(state, held, 2).hex() == LAID_OUT.hex()
    assert decode_worker_state(encode_worker_state(state, None, 1)) == WorkerState(state.url, 5, Work())
    assert decode_assignment(encode_assignment(held, 2)) == held
