"""Members of a classic group against a group coordinator of a few lines: they join, hand over, are fenced, leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.consumer_protocol import ConsumerProtocolAssignment
from ottla.protocol.errors import ErrorCode
from ottla.streams.membership.assigning import assign, refuse
from ottla.streams.membership.assignment import Assignment, Identity, LoseAll, Reconcile, TaskId
from ottla.streams.membership.assignor import AssignorSettings
from ottla.streams.membership.classic_member import ClassicMember, State
from ottla.streams.membership.classic_metadata import AssignmentError, MemberData
from ottla.streams.topology.built import BuiltTopology, SubTopology

if TYPE_CHECKING:
    from ottla.protocol.message import Response

TASKS = {TaskId(0, partition): False for partition in range(4)}
TOPOLOGY = BuiltTopology(
    "app",
    {},
    (
        SubTopology(
            0, {}, {}, frozenset({"lines"}), (), frozenset(), {}, frozenset(), {}, {}, (),
        ),
    ),
)  # fmt: skip


class Group:
    """What a coordinator does, with every member at hand; the first one leads."""

    def __init__(self, *names: str) -> None:
        self.now_ms = 0.0
        self.members = {name: ClassicMember("app", ["lines"], Identity(name, 60_000)) for name in names}
        self.generation = 0

    def run(self, times: int = 6) -> None:
        """Rebalances until nobody wants one; after each step no task has two owners."""
        for _ in range(times):
            joining = [each for each in self.members.values() if each.state is State.JOINING]
            if not joining:
                return
            self._rebalance()
            for member in self.members.values():
                if isinstance(member.duty, Reconcile):
                    member.done(member.duty, self.now_ms)
                owned = [task for each in self.members.values() for task in each.owned.active]
                assert len(owned) == len(set(owned))

    def _rebalance(self) -> None:
        self.generation += 1
        joins: dict[str, bytes] = {}
        for name, member in self.members.items():
            if member.state is not State.JOINING:
                self.heartbeat(name, ErrorCode.REBALANCE_IN_PROGRESS)
            request = self.ask(name)
            assert isinstance(request, JoinGroupRequest)
            if not request.member_id:
                required = ErrorCode.MEMBER_ID_REQUIRED
                self.answer(name, JoinGroupResponse(error_code=required, member_id=name, **_JOINED))
                request = self.ask(name)
                assert isinstance(request, JoinGroupRequest)
            joins[name] = request.protocols[0].metadata
        everybody = [JoinGroupResponseMember(member_id=name, metadata=each) for name, each in joins.items()]
        leader = next(iter(self.members))
        for name in self.members:
            told = everybody if name == leader else []
            fields = _JOINED | {"generation_id": self.generation, "leader": leader, "members": told}
            self.answer(name, JoinGroupResponse(error_code=0, member_id=name, **fields))
        members = self.members[leader].members
        assert members is not None
        given = assign(TOPOLOGY, {"lines": 4}, TASKS, members, {}, AssignorSettings(), 600_000)
        self.members[leader].assigned(given, self.now_ms)
        for name in self.members:
            request = self.ask(name)
            assert isinstance(request, SyncGroupRequest)
            assert (request.generation_id, bool(request.assignments)) == (self.generation, name == leader)
            self.answer(name, SyncGroupResponse(error_code=0, assignment=given[name]))

    def ask(self, name: str) -> object:
        member = self.members[name]
        assert member.due_ms is not None
        self.now_ms = max(self.now_ms, member.due_ms)
        return member.request(self.now_ms)

    def heartbeat(self, name: str, code: ErrorCode) -> None:
        assert isinstance(self.ask(name), HeartbeatRequest)
        self.answer(name, HeartbeatResponse(error_code=code))

    def answer(self, name: str, response: Response) -> None:
        self.members[name].answered(response, self.now_ms)

    def owned(self) -> dict[str, int]:
        return {name: len(each.owned.active) for name, each in self.members.items()}


_JOINED: dict[str, Any] = {
    "generation_id": -1,
    "protocol_name": "ottla-streams",
    "leader": "",
    "members": [],
    "protocol_type": "consumer",
}


def test_one_member_has_all() -> None:
    group = Group("a")
    group.run()
    assert group.owned() == {"a": 4}
    assert group.members["a"].state is State.STABLE
    assert group.members["a"].epoch == 1


def test_tasks_change_hands_in_two_rebalances_and_never_have_two_owners() -> None:
    group = Group("a")
    group.run()
    group.members["b"] = ClassicMember("app", ["lines"], Identity("b", 60_000))
    group.run()
    assert group.owned() == {"a": 2, "b": 2}
    assert group.generation == 3


def test_what_the_group_tools_see_is_what_the_tasks_read() -> None:
    data = assign(TOPOLOGY, {"lines": 4}, TASKS, {"a": MemberData("a")}, {}, AssignorSettings(), 1)["a"]
    listed = ConsumerProtocolAssignment.decode(data, 1, 2).assigned_partitions
    assert [(each.topic, each.partitions) for each in listed] == [("lines", [0, 1, 2, 3])]


def test_an_unknown_member_closes_all_and_joins_with_another_id() -> None:
    group = Group("a")
    group.run()
    group.heartbeat("a", ErrorCode.UNKNOWN_MEMBER_ID)
    member = group.members["a"]
    assert member.due_ms is None
    duty = member.duty
    assert isinstance(duty, LoseAll)
    member.done(duty, group.now_ms)
    assert (member.member_id, member.epoch, member.owned) == ("", -1, Assignment())
    group.run()
    assert group.owned() == {"a": 4}


def test_a_rebalance_while_reconciling_waits_for_the_thread() -> None:
    group = Group("a")
    group._rebalance()
    member = group.members["a"]
    duty = member.duty
    assert duty is not None
    group.heartbeat("a", ErrorCode.REBALANCE_IN_PROGRESS)
    assert state(member) is State.RECONCILING
    member.done(duty, group.now_ms)
    assert state(member) is State.JOINING
    assert member.owned.active == TASKS.keys()


def test_a_coordinator_lost_while_syncing_is_looked_for_and_joined_again() -> None:
    group = Group("a")
    group.run()
    group.heartbeat("a", ErrorCode.REBALANCE_IN_PROGRESS)
    assert isinstance(group.ask("a"), JoinGroupRequest)
    member = group.members["a"]
    member.failed(group.now_ms)
    assert member.coordinator_moved
    assert isinstance(group.ask("a"), JoinGroupRequest)
    assert member.owned.active == TASKS.keys(), "its tasks run on"


def test_the_leaders_refusal_reaches_everybody() -> None:
    group = Group("a")
    refusal = refuse(["a"], AssignmentError.MISSING_SOURCE_TOPICS, "source topics are missing: lines")["a"]
    member = group.members["a"]
    group.ask("a")
    fields = _JOINED | {"generation_id": 1, "leader": "b"}
    group.answer("a", JoinGroupResponse(error_code=0, member_id="a", **fields))
    group.ask("a")
    group.answer("a", SyncGroupResponse(error_code=0, assignment=refusal))
    assert "lines" in str(member.fatal)
    assert state(member) is State.FATAL


def test_leaving() -> None:
    group = Group("a")
    group.run()
    member = group.members["a"]
    member.leave(group.now_ms)
    request = group.ask("a")
    assert isinstance(request, LeaveGroupRequest)
    group.answer("a", LeaveGroupResponse(error_code=0, members=[]))
    assert state(member) is State.LEFT


def test_shutdown_is_for_all() -> None:
    group = Group("a", "b")
    group.run()
    group.members["b"].request_shutdown(group.now_ms)
    group.run()
    assert all(member.shutdown_asked for member in group.members.values())


def state(member: ClassicMember) -> State:
    return member.state
