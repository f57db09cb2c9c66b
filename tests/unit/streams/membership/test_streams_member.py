"""A member of a streams group, answer by answer, on a clock of its own."""

from __future__ import annotations

import itertools
from typing import Any

from ottla.protocol.api.streams_group_heartbeat import (
    Endpoint,
    EndpointToPartitions,
    Status,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    TaskIds,
    TopicPartition,
    Topology,
)
from ottla.protocol.errors import ErrorCode
from ottla.streams.membership.assignment import Assignment, HostInfo, Identity, LoseAll, Reconcile, TaskId
from ottla.streams.membership.streams_member import State, StreamsMember

IDENTITY = Identity("process", 300_000, HostInfo("here", 7070), "rack", {"zone": "a"})


class Conversation:
    """A member and what the test answers it."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.member = StreamsMember("app", "m1", IDENTITY, Topology(epoch=0, subtopologies=[]))

    def heartbeat(self) -> StreamsGroupHeartbeatRequest:
        assert self.member.due_ms is not None
        self.now_ms = max(self.now_ms, self.member.due_ms)
        request = self.member.request(self.now_ms)
        assert request is not None
        return request

    def answer(self, epoch: int = 1, *, active: dict[int, list[int]] | None = None, **fields: Any) -> None:
        if active is not None:
            fields["active_tasks"] = [TaskIds(subtopology_id=str(sub), partitions=each) for sub, each in active.items()]
            fields.setdefault("standby_tasks", [])
            fields.setdefault("warmup_tasks", [])
        fields = {"status": [], "error_code": 0, **fields}
        answer = StreamsGroupHeartbeatResponse(
            member_id="m1",
            member_epoch=epoch,
            heartbeat_interval_ms=5000,
            acceptable_recovery_lag=0,
            task_offset_interval_ms=0,
            endpoint_information_epoch=0,
            **fields,
        )
        self.member.answered(answer, self.now_ms)

    def do(self) -> Any:
        duty = self.member.duty
        assert duty is not None
        self.member.done(duty, self.now_ms)
        return duty


def tasks(*ids: str) -> frozenset[TaskId]:
    return frozenset(map(TaskId.parse, ids))


def joined(active: dict[int, list[int]]) -> Conversation:
    talk = Conversation()
    talk.heartbeat()
    talk.answer(1, active=active)
    talk.do()
    talk.heartbeat()
    talk.answer(1)
    return talk


def test_joining_tells_everything_once() -> None:
    talk = Conversation()
    first = talk.heartbeat()
    assert (first.member_epoch, first.process_id, first.rack_id) == (0, "process", "rack")
    assert first.topology is not None
    assert first.user_endpoint == Endpoint(host="here", port=7070)
    assert (first.active_tasks, first.standby_tasks, first.warmup_tasks) == ([], [], [])
    talk.answer(3, active={0: [1]})
    assert talk.member.epoch == 3
    assert talk.do() == Reconcile(Assignment(tasks("0_1")))
    acknowledgement = talk.heartbeat()
    assert talk.now_ms == 0
    assert acknowledgement.topology is None
    assert acknowledgement.active_tasks == [TaskIds(subtopology_id="0", partitions=[1])]
    talk.answer(3)
    assert state(talk.member) is State.STABLE
    later = talk.heartbeat()
    assert talk.now_ms == 5000
    assert later.active_tasks is None


def test_a_target_that_moves_while_the_thread_works_is_reconciled_next() -> None:
    talk = Conversation()
    talk.heartbeat()
    talk.answer(1, active={0: [0, 1]})
    old = talk.member.duty
    talk.heartbeat()
    talk.answer(1, active={0: [0]})
    assert talk.member.duty is old
    talk.do()
    told = talk.heartbeat()
    assert told.active_tasks == [TaskIds(subtopology_id="0", partitions=[0, 1])]
    talk.answer(2)
    assert talk.do() == Reconcile(Assignment(tasks("0_0")))


def test_a_lost_answer_is_no_lost_acknowledgement() -> None:
    talk = joined({0: [0]})
    talk.heartbeat()
    talk.answer(2, active={0: [0, 1]})
    talk.do()
    assert talk.heartbeat().active_tasks is not None
    talk.member.failed(talk.now_ms)
    again = talk.heartbeat()
    assert again.active_tasks == [TaskIds(subtopology_id="0", partitions=[0, 1])]


def test_a_fenced_member_closes_all_and_joins_again() -> None:
    talk = joined({0: [0]})
    talk.heartbeat()
    talk.answer(error_code=ErrorCode.FENCED_MEMBER_EPOCH)
    assert talk.member.due_ms is None, "no heartbeat while tasks run that may be another's"
    assert isinstance(talk.do(), LoseAll)
    again = talk.heartbeat()
    assert (again.member_epoch, again.member_id, again.active_tasks) == (0, "m1", [])
    assert again.topology is not None


def test_fenced_while_reconciling() -> None:
    talk = joined({0: [0]})
    talk.heartbeat()
    talk.answer(2, active={0: [1]})
    old = talk.member.duty
    talk.heartbeat()
    talk.answer(error_code=ErrorCode.UNKNOWN_MEMBER_ID)
    assert old is not None
    talk.member.done(old, talk.now_ms)
    assert state(talk.member) is State.FENCED, "the old duty does not count"
    assert isinstance(talk.do(), LoseAll)
    assert state(talk.member) is State.JOINING


def test_a_coordinator_that_moved_is_asked_again_with_growing_pauses() -> None:
    talk = joined({0: [0]})
    times = []
    for _ in range(6):
        talk.heartbeat()
        times.append(talk.now_ms)
        talk.answer(error_code=ErrorCode.NOT_COORDINATOR)
        assert talk.member.coordinator_moved
    assert [after - before for before, after in itertools.pairwise(times)] == [100, 200, 400, 800, 1000]


def test_leaving_says_so_and_is_over_whatever_comes() -> None:
    talk = joined({0: [0]})
    talk.member.leave(talk.now_ms)
    assert talk.heartbeat().member_epoch == -1
    talk.member.failed(talk.now_ms)
    assert state(talk.member) is State.LEFT
    assert talk.member.due_ms is None


def test_missing_source_topics_are_waited_for_two_intervals() -> None:
    talk = Conversation()
    talk.heartbeat()
    missing = [Status(status_code=1, status_detail="lines")]
    talk.answer(1, active={}, status=missing)
    assert talk.do() == Reconcile(Assignment(is_group_ready=False))
    for _ in range(3):
        assert talk.member.fatal is None
        talk.heartbeat()
        talk.answer(1, status=missing)
    assert "lines" in str(talk.member.fatal)
    assert isinstance(talk.member.duty, LoseAll)


def test_a_group_that_becomes_ready_is_told_to_the_thread() -> None:
    talk = Conversation()
    talk.heartbeat()
    talk.answer(1, active={}, status=[Status(status_code=3, status_detail="making them")])
    talk.do()
    talk.heartbeat()
    talk.answer(1)
    assert talk.do() == Reconcile(Assignment(is_group_ready=True))


def test_hosts() -> None:
    talk = joined({0: [0]})
    talk.heartbeat()
    there = EndpointToPartitions(
        user_endpoint=Endpoint(host="there", port=1),
        active_partitions=[TopicPartition(topic="lines", partitions=[0, 1])],
        standby_partitions=[],
    )
    other_thread = EndpointToPartitions(
        user_endpoint=Endpoint(host="there", port=1),
        active_partitions=[TopicPartition(topic="lines", partitions=[2])],
        standby_partitions=[TopicPartition(topic="lines", partitions=[3])],
    )
    talk.answer(1, partitions_by_user_endpoint=[there, other_thread])
    assert talk.member.hosts[HostInfo("there", 1)].active == {("lines", 0), ("lines", 1), ("lines", 2)}
    assert talk.member.hosts[HostInfo("there", 1)].standby == {("lines", 3)}


def test_a_topology_that_is_refused_is_fatal() -> None:
    talk = Conversation()
    talk.heartbeat()
    talk.answer(error_code=ErrorCode.STREAMS_INVALID_TOPOLOGY, error_message="a loop")
    assert "a loop" in str(talk.member.fatal)
    assert talk.member.due_ms is None


def test_shutdown_is_asked_for_at_once() -> None:
    talk = joined({0: [0]})
    talk.member.request_shutdown(talk.now_ms)
    before = talk.now_ms
    assert talk.heartbeat().shutdown_application
    assert talk.now_ms == before


def state(member: StreamsMember) -> State:
    return member.state
