"""A member of a classic group (JoinGroup, SyncGroup, Heartbeat) as a pure state machine; cooperative, as KIP-429.

    JOINING ─► ASSIGNING (the leader alone) ─► SYNCING ─► RECONCILING ──done──► STABLE
       ▲                                                      └─ gave something up ─┐
       └──────────── REBALANCE_IN_PROGRESS, or time to look again ──────────────────┘
    FENCED: UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION; when all is closed, JOINING again      LEAVING ─► LEFT;  FATAL

Tasks go on running while their member joins; what it must give up goes to another in the rebalance after.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING, Final

from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.consumer_protocol import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from ottla.protocol.errors import ErrorCode, error_code
from ottla.streams.errors import StreamsError
from ottla.streams.membership.assignment import NOTHING, Assignment, Duty, HostInfo, HostPartitions, LoseAll, Reconcile
from ottla.streams.membership.classic_metadata import (
    PROTOCOL_NAME,
    AssignmentError,
    MemberData,
    decode_assignment,
    decode_member,
    encode_member,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.protocol.message import Request, Response
    from ottla.streams.membership.assignment import Identity, TaskId

PROTOCOL_TYPE: Final = "consumer"
SESSION_TIMEOUT_MS: Final = 45_000
HEARTBEAT_INTERVAL_MS: Final = 3_000.0
BACKOFF_MS: Final = 100.0
BACKOFF_MAX_MS: Final = 1_000.0
SUBSCRIPTION_VERSION: Final = 3

_COORDINATOR_MOVED: Final = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE)
_FENCED: Final = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION)

_log: Final = logging.getLogger(__name__)


class State(Enum):
    JOINING = "joining"
    ASSIGNING = "assigning"
    SYNCING = "syncing"
    RECONCILING = "reconciling"
    STABLE = "stable"
    FENCED = "fenced"
    LEAVING = "leaving"
    LEFT = "left"
    FATAL = "fatal"


class ClassicMember:
    """One request at a time is under way; the caller brings back its answer or its failure."""

    def __init__(
        self,
        group_id: str,
        topics: Iterable[str],
        identity: Identity,
        *,
        session_timeout_ms: int = SESSION_TIMEOUT_MS,
        heartbeat_interval_ms: float = HEARTBEAT_INTERVAL_MS,
    ) -> None:
        self.group_id = group_id
        self.topics = sorted(topics)
        self.member_id = ""
        self.epoch = -1
        """The generation."""
        self.state = State.JOINING
        self.owned: Assignment = NOTHING
        self.duty: Duty | None = None
        self.fatal: Exception | None = None
        self.hosts: Mapping[HostInfo, HostPartitions] = {}
        self.offsets: Mapping[TaskId, int] = {}
        """What this process has on its disk; whoever runs the member keeps it fresh."""
        self.coordinator_moved = False
        self.members: dict[str, MemberData] | None = None
        """What the leader is to assign to, while it is ASSIGNING."""
        self.shutdown_asked = False
        self.is_leader = False
        """Whether it made the assignments of this generation, and looks whether topics have changed since."""
        self._identity = identity
        self._session_timeout_ms = session_timeout_ms
        self._interval_ms = heartbeat_interval_ms
        self._due_ms = 0.0
        self._backoff_ms = BACKOFF_MS
        self._protocol_name = PROTOCOL_NAME
        self._assignments: Mapping[str, bytes] = {}
        self._rejoin = False
        self._probe_at_ms: float | None = None
        self._wants_shutdown = False

    @property
    def is_settled_leader(self) -> bool:
        return self.is_leader and self.state is State.STABLE

    @property
    def is_rebalancing(self) -> bool:
        """Between joining and having been told: the generation may be over at any moment."""
        return self.state in (State.JOINING, State.ASSIGNING, State.SYNCING)

    @property
    def due_ms(self) -> float | None:
        if self.state in (State.ASSIGNING, State.FENCED, State.LEFT, State.FATAL):
            return None
        if self._probe_at_ms is not None and self.state is State.STABLE:
            return min(self._due_ms, self._probe_at_ms)
        return self._due_ms

    def request(self, now_ms: float) -> Request | None:
        due_ms = self.due_ms
        if due_ms is None or now_ms < due_ms:
            return None
        if self.state is State.STABLE and self._probe_at_ms is not None and now_ms >= self._probe_at_ms:
            self.state = State.JOINING
        self._due_ms = now_ms + self._interval_ms
        if self.state is State.JOINING:
            return self._join()
        if self.state is State.SYNCING:
            return self._sync()
        if self.state is State.LEAVING:
            identity = MemberIdentity(member_id=self.member_id, reason="the application is being closed")
            return LeaveGroupRequest(group_id=self.group_id, members=[identity])
        return HeartbeatRequest(
            group_id=self.group_id,
            generation_id=self.epoch,
            member_id=self.member_id,
            group_instance_id=self._identity.group_instance_id,
        )

    def _join(self) -> JoinGroupRequest:
        identity = self._identity
        self._rejoin, self._probe_at_ms = False, None
        data = MemberData(
            identity.process_id,
            self.owned,
            dict(self.offsets),
            identity.endpoint,
            identity.rack_id,
            identity.client_tags,
            self._wants_shutdown,
        )
        subscription = ConsumerProtocolSubscription(
            topics=self.topics, user_data=encode_member(data), generation_id=self.epoch, rack_id=identity.rack_id
        )
        metadata = SUBSCRIPTION_VERSION.to_bytes(2, "big") + subscription.encode(SUBSCRIPTION_VERSION)
        return JoinGroupRequest(
            group_id=self.group_id,
            session_timeout_ms=self._session_timeout_ms,
            rebalance_timeout_ms=identity.rebalance_timeout_ms,
            member_id=self.member_id,
            group_instance_id=identity.group_instance_id,
            protocol_type=PROTOCOL_TYPE,
            protocols=[JoinGroupRequestProtocol(name=PROTOCOL_NAME, metadata=metadata)],
        )

    def _sync(self) -> SyncGroupRequest:
        return SyncGroupRequest(
            group_id=self.group_id,
            generation_id=self.epoch,
            member_id=self.member_id,
            group_instance_id=self._identity.group_instance_id,
            protocol_type=PROTOCOL_TYPE,
            protocol_name=self._protocol_name,
            assignments=[
                SyncGroupRequestAssignment(member_id=name, assignment=data) for name, data in self._assignments.items()
            ],
        )

    # What comes back

    def answered(self, answer: Response, now_ms: float) -> None:
        if self.state in (State.LEAVING, State.LEFT, State.FATAL):
            self.state = State.LEFT if isinstance(answer, LeaveGroupResponse) else self.state
            return
        code = error_code(getattr(answer, "error_code", 0))
        if isinstance(answer, JoinGroupResponse) and code is ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id, self._due_ms = answer.member_id, now_ms
        elif code is not ErrorCode.NONE:
            self._refused(code, now_ms)
        elif isinstance(answer, JoinGroupResponse):
            self._joined(answer, now_ms)
        elif isinstance(answer, SyncGroupResponse):
            self._synced(answer, now_ms)
        elif isinstance(answer, HeartbeatResponse):
            self._backoff_ms = BACKOFF_MS

    def failed(self, now_ms: float) -> None:
        self.coordinator_moved = True
        if self.state is State.LEAVING:
            self.state = State.LEFT
            return
        if self.state in (State.ASSIGNING, State.SYNCING):
            self.state = State.JOINING
        self._back_off(now_ms)

    def assigned(self, assignments: Mapping[str, bytes], now_ms: float) -> None:
        """The leader's part is done."""
        if self.state is State.ASSIGNING:
            self.members, self._assignments = None, assignments
            self.state, self._due_ms = State.SYNCING, now_ms

    def _joined(self, answer: JoinGroupResponse, now_ms: float) -> None:
        if self.state is not State.JOINING:
            return
        self._backoff_ms = BACKOFF_MS
        self.member_id, self.epoch = answer.member_id, answer.generation_id
        self._protocol_name = answer.protocol_name or PROTOCOL_NAME
        self._assignments, self._due_ms = {}, now_ms
        self.state = State.SYNCING
        self.is_leader = answer.leader == answer.member_id
        if answer.leader != answer.member_id or answer.skip_assignment:
            return
        try:
            self.members = {each.member_id: _read_subscription(each.metadata) for each in answer.members}
        except StreamsError as error:
            self._give_up(error)
        else:
            self.state = State.ASSIGNING

    def _synced(self, answer: SyncGroupResponse, now_ms: float) -> None:
        if self.state is not State.SYNCING:
            return
        try:
            data = decode_assignment(_read_assignment(answer.assignment))
        except StreamsError as error:
            self._give_up(error)
            return
        self._due_ms = now_ms + self._interval_ms
        self.hosts = data.hosts
        if data.error is AssignmentError.SHUTDOWN_APPLICATION:
            self.shutdown_asked = True
        elif data.error is not AssignmentError.NONE:
            self._give_up(StreamsError(data.detail))
            return
        if data.probe_after_ms is not None:
            self._probe_at_ms = now_ms + data.probe_after_ms
        self.state = State.RECONCILING
        self.duty = Reconcile(data.assignment)

    def _refused(self, code: ErrorCode, now_ms: float) -> None:
        if code in _COORDINATOR_MOVED:
            self.failed(now_ms)
        elif code is ErrorCode.REBALANCE_IN_PROGRESS:
            if self.state is State.RECONCILING:
                self._rejoin = True
            else:
                self.state, self._due_ms = State.JOINING, now_ms
        elif code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
            self._back_off(now_ms)
        elif code in _FENCED:
            _log.warning("member %s of group %s: %s", self.member_id, self.group_id, code.name)
            if code is ErrorCode.UNKNOWN_MEMBER_ID:
                self.member_id = ""
            self.epoch = -1
            self.state = State.FENCED
            self.duty = LoseAll(f"the group has given its tasks to others ({code.name})")
        else:
            self._give_up(StreamsError(f"group {self.group_id} does not take this member: {code.name}"))

    def _back_off(self, now_ms: float) -> None:
        self._due_ms = now_ms + self._backoff_ms
        self._backoff_ms = min(self._backoff_ms * 2, BACKOFF_MAX_MS)

    def _give_up(self, error: Exception) -> None:
        self.fatal = error
        self.state = State.FATAL
        self.duty = LoseAll(str(error))

    # What the thread and the application say

    def done(self, duty: Duty, now_ms: float) -> None:
        if self.duty is not duty:
            return
        self.duty = None
        if isinstance(duty, LoseAll):
            self.owned = NOTHING
            if self.state is State.FENCED:
                self.state, self._due_ms = State.JOINING, now_ms
            return
        gave_up = self.owned.active - duty.assignment.active
        self.owned = duty.assignment
        if self.state is State.RECONCILING:
            again = self._rejoin or bool(gave_up)
            self.state = State.JOINING if again else State.STABLE
            self._due_ms = now_ms if again else self._due_ms

    def look_again(self, now_ms: float) -> None:
        """Join again when stable: a copy has caught up, topics have changed, an instance wants all to stop."""
        if self.state is State.STABLE:
            self.state, self._due_ms = State.JOINING, now_ms

    def hurry(self, now_ms: float) -> None:
        if self.state in (State.STABLE, State.RECONCILING):
            self._due_ms = min(self._due_ms, now_ms)

    def request_shutdown(self, now_ms: float) -> None:
        self._wants_shutdown = True
        self.look_again(now_ms)

    def leave(self, now_ms: float) -> None:
        """The thread has closed its tasks. A static member stays in the group until its session ends."""
        self.duty, self.owned = None, NOTHING
        if self.state in (State.LEFT, State.FATAL):
            return
        knows = bool(self.member_id) and self._identity.group_instance_id is None
        self.state, self._due_ms = (State.LEAVING if knows else State.LEFT), now_ms


def _read_subscription(metadata: bytes) -> MemberData:
    version = min(int.from_bytes(metadata[:2], "big"), ConsumerProtocolSubscription.versions.latest)
    return decode_member(ConsumerProtocolSubscription.decode(metadata, version, 2).user_data)


def _read_assignment(assignment: bytes) -> bytes | None:
    if len(assignment) < 2:
        return None
    version = min(int.from_bytes(assignment[:2], "big"), ConsumerProtocolAssignment.versions.latest)
    return ConsumerProtocolAssignment.decode(assignment, version, 2).user_data
