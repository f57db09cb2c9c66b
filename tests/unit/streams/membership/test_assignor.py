"""Who gets which task: balance, stickiness, warm-ups, standbys, and nothing given twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ottla.streams.membership.assignment import Assignment, TaskId
from ottla.streams.membership.assignor import AssignorSettings, assign_tasks
from ottla.streams.membership.classic_metadata import CAUGHT_UP, MemberData

NO_STANDBYS = AssignorSettings()


def tasks(count: int, *, stateful: bool = True) -> dict[TaskId, bool]:
    return {TaskId(0, partition): stateful for partition in range(count)}


def rounds(
    all_tasks: dict[TaskId, bool], members: dict[str, MemberData], settings: AssignorSettings, times: int = 4
) -> dict[str, Assignment]:
    """As many rebalances as it takes; copies catch up between them."""
    for _ in range(times):
        plan = assign_tasks(all_tasks, members, settings, dict.fromkeys(all_tasks, 0))
        owners = [task for each in plan.assignments.values() for task in each.active]
        assert len(owners) == len(set(owners))
        offsets: dict[str, dict[TaskId, int]] = {}
        for name, each in plan.assignments.items():
            offsets.setdefault(members[name].process_id, {}).update(dict.fromkeys(each.active | each.copies, CAUGHT_UP))
        members = {
            name: MemberData(members[name].process_id, each, offsets[members[name].process_id])
            for name, each in plan.assignments.items()
        }
    return dict(plan.assignments)


def test_one_member_gets_all() -> None:
    found = rounds(tasks(4), {"a": MemberData("p")}, AssignorSettings(standby_replicas=1))
    assert found == {"a": Assignment(frozenset(tasks(4)))}


def test_a_second_process_warms_up_before_it_takes_over() -> None:
    settings = AssignorSettings(acceptable_recovery_lag=10)
    owner = MemberData("p1", Assignment(frozenset(tasks(4))), dict.fromkeys(tasks(4), CAUGHT_UP))
    plan = assign_tasks(tasks(4), {"a": owner, "b": MemberData("p2")}, settings, dict.fromkeys(tasks(4), 1000))
    assert len(plan.assignments["a"].active) == 4
    assert len(plan.assignments["b"].warmup) == 2
    assert not plan.is_stable
    found = rounds(tasks(4), {"a": owner, "b": MemberData("p2")}, settings)
    assert sorted(len(each.active) for each in found.values()) == [2, 2]
    assert not any(each.warmup for each in found.values())


def test_a_little_behind_is_good_enough() -> None:
    near = MemberData("p2", offsets=dict.fromkeys(tasks(2), 995))
    plan = assign_tasks(tasks(2), {"a": MemberData("p1"), "b": near}, NO_STANDBYS, dict.fromkeys(tasks(2), 1000))
    assert plan.assignments["b"].active == frozenset(tasks(2)), "the other process would have to read all of it"


def test_where_nobody_is_caught_up_the_nearest_takes_over() -> None:
    settings = AssignorSettings(acceptable_recovery_lag=10)
    members = {"a": MemberData("p1", offsets={TaskId(0, 0): 100}), "b": MemberData("p2", offsets={TaskId(0, 0): 500})}
    plan = assign_tasks(tasks(1), members, settings, {TaskId(0, 0): 1000})
    assert plan.assignments["b"].active == {TaskId(0, 0)}


def test_standbys_take_over() -> None:
    settings = AssignorSettings(standby_replicas=1)
    found = rounds(tasks(2), {"a": MemberData("p1"), "b": MemberData("p2")}, settings)
    assert {name: (len(each.active), len(each.standby)) for name, each in found.items()} == {"a": (1, 1), "b": (1, 1)}
    left = MemberData("p2", found["b"], dict.fromkeys(tasks(2), CAUGHT_UP))
    alone = assign_tasks(tasks(2), {"b": left}, settings, {})
    assert alone.assignments["b"].active == frozenset(tasks(2))


def test_a_task_that_another_still_runs_is_withheld() -> None:
    everything = Assignment(frozenset(tasks(4, stateful=False)))
    members = {"a": MemberData("p1", everything), "b": MemberData("p2")}
    plan = assign_tasks(tasks(4, stateful=False), members, NO_STANDBYS, {})
    assert len(plan.assignments["a"].active) == 2
    assert plan.assignments["b"].active == frozenset()


def test_threads_of_a_process_share_its_tasks() -> None:
    found = rounds(tasks(5), {"a": MemberData("p"), "b": MemberData("p")}, NO_STANDBYS)
    assert sorted(len(each.active) for each in found.values()) == [2, 3]


@given(
    count=st.integers(0, 12),
    stateful=st.booleans(),
    processes=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    replicas=st.integers(0, 2),
    data=st.data(),
)
def test_every_task_is_given_once_and_evenly(
    count: int, stateful: bool, processes: list[int], replicas: int, data: st.DataObject
) -> None:
    members = {}
    free = list(tasks(count))
    for process, threads in enumerate(processes):
        for thread in range(threads):
            owned = frozenset(data.draw(st.lists(st.sampled_from(free), unique=True)) if free else [])
            free = [task for task in free if task not in owned]
            held = dict.fromkeys(owned, CAUGHT_UP)
            members[f"m{process}-{thread}"] = MemberData(f"p{process}", Assignment(owned), held)
    settings = AssignorSettings(standby_replicas=replicas)
    found = rounds(tasks(count, stateful=stateful), members, settings, times=12)
    assert {task for each in found.values() for task in each.active} == tasks(count).keys()
    counts = [len(each.active) for each in found.values()]
    assert max(counts) - min(counts) <= 1
    of_process: dict[str, list[TaskId]] = {}
    for name, each in found.items():
        of_process.setdefault(members[name].process_id, []).extend([*each.active, *each.standby])
    assert all(len(each) == len(set(each)) for each in of_process.values()), "one copy in a process is enough"
    wanted = min(replicas, len(processes) - 1) if stateful else 0
    assert sum(len(each.standby) for each in found.values()) == wanted * count

    again = rounds(tasks(count, stateful=stateful), {
        name: MemberData(members[name].process_id, each, dict.fromkeys(each.active | each.copies, CAUGHT_UP))
        for name, each in found.items()
    }, settings, times=1)  # fmt: skip
    assert {name: each.active for name, each in again.items()} == {name: each.active for name, each in found.items()}
