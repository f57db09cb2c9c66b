"""A member of a streams group (KIP-1071) as a pure state machine: heartbeats out, answers in, duties for the thread.

    JOINING ──answer──► STABLE ◄────────────────── ACKNOWLEDGING      (told what it owns)
       ▲                  └──other tasks──► RECONCILING ──done──┘
       └──done── FENCED ◄── FENCED_MEMBER_EPOCH, UNKNOWN_MEMBER_ID       LEAVING ──► LEFT;  FATAL

The broker decides everything; the member gives up and takes up what it is told, and says when that is done.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.streams_group_heartbeat import (
    Endpoint,
    EndpointToPartitions,
    KeyValue,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    TaskIds,
    Topology,
)
from ottla.protocol.errors import ErrorCode, error_code
from ottla.streams.errors import StreamsError
from ottla.streams.membership.assignment import (
    NOTHING,
    Assignment,
    Duty,
    HostInfo,
    HostPartitions,
    LoseAll,
    Reconcile,
    TaskId,
    by_sub_topology,
)
from ottla.streams.record import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.streams.membership.assignment import Identity

JOIN_EPOCH: Final = 0
LEAVE_EPOCH: Final = -1
FIRST_INTERVAL_MS: Final = 1_000.0
BACKOFF_MS: Final = 100.0
BACKOFF_MAX_MS: Final = 1_000.0

_COORDINATOR_MOVED: Final = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE)
_FENCED: Final = (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID)

_log: Final = logging.getLogger(__name__)


class State(Enum):
    JOINING = "joining"
    STABLE = "stable"
    RECONCILING = "reconciling"
    ACKNOWLEDGING = "acknowledging"
    FENCED = "fenced"
    LEAVING = "leaving"
    LEFT = "left"
    FATAL = "fatal"


class Status(Enum):
    """What the broker says of the group as a whole."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4
    ASSIGNMENT_DELAYED = 5


_NOT_READY: Final = (
    Status.MISSING_SOURCE_TOPICS,
    Status.MISSING_INTERNAL_TOPICS,
    Status.INCORRECTLY_PARTITIONED_TOPICS,
    Status.ASSIGNMENT_DELAYED,
)


class StreamsMember:
    """Every call that takes `now_ms` may change what is due next: ask `due_ms` again."""

    def __init__(self, group_id: str, member_id: str, identity: Identity, topology: Topology) -> None:
        self.group_id = group_id
        self.member_id = member_id
        self.epoch = JOIN_EPOCH
        self.state = State.JOINING
        self.owned: Assignment = NOTHING
        self.target: Assignment = NOTHING
        self.duty: Duty | None = None
        self.fatal: Exception | None = None
        self.statuses: dict[Status, str] = {}
        self.hosts: dict[HostInfo, HostPartitions] = {}
        self.coordinator_moved = False
        self._identity = identity
        self._topology = topology
        self._interval_ms = FIRST_INTERVAL_MS
        self._due_ms = 0.0
        self._backoff_ms = BACKOFF_MS
        self._told: Assignment | None = None
        self._endpoint_epoch = -1
        self._wants_shutdown = False
        self._missing_since_ms: float | None = None

    # What is due

    @property
    def due_ms(self) -> float | None:
        """When `request` should be asked; None: not before something else happens."""
        return None if self.state in (State.FENCED, State.LEFT, State.FATAL) else self._due_ms

    def request(self, now_ms: float) -> StreamsGroupHeartbeatRequest | None:
        """The heartbeat that is due; the caller sends it and brings back its answer or its failure."""
        if self.due_ms is None or now_ms < self._due_ms:
            return None
        self._due_ms = now_ms + self._interval_ms
        request = StreamsGroupHeartbeatRequest(
            group_id=self.group_id,
            member_id=self.member_id,
            member_epoch=LEAVE_EPOCH if self.state is State.LEAVING else self.epoch,
            endpoint_information_epoch=self._endpoint_epoch,
            shutdown_application=self._wants_shutdown,
        )
        if self.state is State.JOINING:
            self._introduce(request)
            self._told = None
        elif self.state is not State.LEAVING and self._told != self.owned:
            _tell(request, self.owned)
            self._told = self.owned
        if self.state is State.ACKNOWLEDGING:
            self._compare()
        return request

    def _introduce(self, request: StreamsGroupHeartbeatRequest) -> None:
        identity = self._identity
        request.topology = self._topology
        request.rebalance_timeout_ms = identity.rebalance_timeout_ms
        request.process_id = identity.process_id
        request.rack_id = identity.rack_id
        if identity.endpoint is not None:
            request.user_endpoint = Endpoint(host=identity.endpoint.host, port=identity.endpoint.port)
        request.client_tags = [KeyValue(key=key, value=each) for key, each in identity.client_tags.items()]
        _tell(request, NOTHING)

    # What comes back

    def answered(self, answer: StreamsGroupHeartbeatResponse, now_ms: float) -> None:
        code = error_code(answer.error_code)
        if self.state is State.LEAVING:
            self.state = State.LEFT
        elif self.state in (State.LEFT, State.FATAL):
            return
        elif code is not ErrorCode.NONE:
            self._refused(code, answer.error_message, now_ms)
        elif self.state is not State.FENCED and answer.member_epoch >= 0:
            self._accepted(answer, now_ms)

    def failed(self, now_ms: float) -> None:
        """The request got no answer: the coordinator is looked for again. A goodbye is said once."""
        self.coordinator_moved = True
        self._told = None
        if self.state is State.LEAVING:
            self.state = State.LEFT
        else:
            self._back_off(now_ms)

    def _accepted(self, answer: StreamsGroupHeartbeatResponse, now_ms: float) -> None:
        self._backoff_ms = BACKOFF_MS
        self._interval_ms = float(answer.heartbeat_interval_ms or self._interval_ms)
        self._due_ms = max(self._due_ms, now_ms + self._interval_ms) if self.state is State.STABLE else self._due_ms
        self.epoch = answer.member_epoch
        self._endpoint_epoch = answer.endpoint_information_epoch
        if answer.partitions_by_user_endpoint is not None:
            self.hosts = _hosts(answer.partitions_by_user_endpoint)
        if answer.status is not None:
            self._heed({Status(each.status_code): each.status_detail for each in answer.status}, now_ms)
        ready = not any(status in self.statuses for status in _NOT_READY)
        if answer.active_tasks is not None:
            self.target = Assignment(
                _tasks(answer.active_tasks),
                _tasks(answer.standby_tasks or ()),
                _tasks(answer.warmup_tasks or ()),
                ready,
            )
        elif ready != self.target.is_group_ready:
            self.target = Assignment(self.target.active, self.target.standby, self.target.warmup, ready)
        if self.state in (State.JOINING, State.STABLE):
            self._compare()
            self._due_ms = max(self._due_ms, now_ms + self._interval_ms)

    def _heed(self, statuses: dict[Status, str], now_ms: float) -> None:
        for status, detail in statuses.items():
            if self.statuses.get(status) != detail:
                _log.warning("group %s: %s (%s)", self.group_id, status.name, detail)
        self.statuses = statuses
        missing = statuses.get(Status.MISSING_SOURCE_TOPICS)
        if missing is None:
            self._missing_since_ms = None
        elif self._missing_since_ms is None:
            self._missing_since_ms = now_ms
        elif now_ms - self._missing_since_ms >= 2 * self._interval_ms:
            self._give_up(StreamsError(f"source topics are missing: {missing}; create them and start again"))
        if partitioning := statuses.get(Status.INCORRECTLY_PARTITIONED_TOPICS):
            self._give_up(StreamsError(f"topics that are joined differ in their partitions: {partitioning}"))

    def _refused(self, code: ErrorCode, message: str | None, now_ms: float) -> None:
        self._told = None
        if code in _COORDINATOR_MOVED:
            self.coordinator_moved = True
            self._back_off(now_ms)
        elif code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS or code is ErrorCode.TOPIC_AUTHORIZATION_FAILED:
            _log.warning("group %s: %s %s", self.group_id, code.name, message or "")
            self._back_off(now_ms)
        elif code in _FENCED:
            _log.warning("member %s of group %s was fenced: %s", self.member_id, self.group_id, message or code.name)
            self.state, self.epoch = State.FENCED, JOIN_EPOCH
            self.target = NOTHING
            self.duty = LoseAll(f"the group has given its tasks to others ({code.name})")
        else:
            self._give_up(StreamsError(f"group {self.group_id} does not take this member: {code.name}: {message}"))

    def _back_off(self, now_ms: float) -> None:
        self._due_ms = now_ms + self._backoff_ms
        self._backoff_ms = min(self._backoff_ms * 2, BACKOFF_MAX_MS)

    def _give_up(self, error: Exception) -> None:
        self.fatal = error
        self.state = State.FATAL
        self.duty = LoseAll(str(error))

    def _compare(self) -> None:
        """What is wanted with what there is."""
        if self.target == self.owned:
            self.state = State.STABLE
        else:
            self.state = State.RECONCILING
            self.duty = Reconcile(self.target)

    # What the thread and the application say

    def done(self, duty: Duty, now_ms: float) -> None:
        """The thread has done its duty. One that was overtaken meanwhile counts for what it was."""
        if isinstance(duty, LoseAll):
            self.owned = NOTHING
            if self.state is State.FENCED and self.duty is duty:
                self.state, self.duty, self._due_ms = State.JOINING, None, now_ms
            return
        if self.state is not State.RECONCILING or self.duty is not duty:
            return
        self.owned, self.duty = duty.assignment, None
        self.state, self._due_ms = State.ACKNOWLEDGING, now_ms

    def hurry(self, now_ms: float) -> None:
        """Heartbeat now: the epoch is behind."""
        self._due_ms = min(self._due_ms, now_ms)

    def request_shutdown(self, now_ms: float) -> None:
        """Ask every instance of the application to stop."""
        self._wants_shutdown = True
        self.hurry(now_ms)

    def leave(self, now_ms: float) -> None:
        """The thread has closed its tasks. The next heartbeat is the last."""
        self.duty, self.owned = None, NOTHING
        if self.state in (State.LEFT, State.FATAL):
            return
        if self.state is State.FENCED or (self.state is State.JOINING and self.epoch == JOIN_EPOCH):
            self.state = State.LEFT if self.state is State.FENCED else State.LEAVING
        else:
            self.state = State.LEAVING
        self._due_ms = now_ms


def _tell(request: StreamsGroupHeartbeatRequest, owned: Assignment) -> None:
    request.active_tasks, request.standby_tasks, request.warmup_tasks = map(
        _task_ids, (owned.active, owned.standby, owned.warmup)
    )


def _task_ids(tasks: Iterable[TaskId]) -> list[TaskIds]:
    return [TaskIds(subtopology_id=str(sub), partitions=each) for sub, each in by_sub_topology(tasks).items()]


def _tasks(ids: Iterable[TaskIds]) -> frozenset[TaskId]:
    return frozenset(TaskId(int(each.subtopology_id), partition) for each in ids for partition in each.partitions)


def _hosts(told: Iterable[EndpointToPartitions]) -> dict[HostInfo, HostPartitions]:
    """By instance: each of its threads is a member, and told of by itself."""
    found: dict[HostInfo, HostPartitions] = {}
    for each in told:
        host = HostInfo(each.user_endpoint.host, each.user_endpoint.port)
        known = found.get(host, HostPartitions())
        found[host] = HostPartitions(
            known.active
            | {TopicPartition(topic.topic, p) for topic in each.active_partitions for p in topic.partitions},
            known.standby
            | {TopicPartition(topic.topic, p) for topic in each.standby_partitions for p in topic.partitions},
        )
    return found
