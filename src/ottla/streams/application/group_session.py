"""One thread's membership, run on the control loop: sends what the member's state machine says, brings answers back.

The thread that processes sees its `duty`, does it and says `done`. Under `commit_lock` the member's epoch stands still:
a commit holds it from reading the epoch to its end, the session while a request is under way that may move it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.errors import ClientError, RetriableError
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.api.streams_group_heartbeat import StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.errors import KafkaError
from ottla.streams.errors import StreamsError
from ottla.streams.membership.classic_member import ClassicMember
from ottla.streams.membership.streams_member import Status, StreamsMember

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ottla.clients.client import KafkaClient
    from ottla.protocol.message import Request, Response
    from ottla.streams.application.control import ControlThread
    from ottla.streams.membership.assignment import Assignment, Duty, HostInfo, HostPartitions, TaskId
    from ottla.streams.membership.classic_metadata import MemberData

Member = StreamsMember | ClassicMember
Lead = "Callable[[Mapping[str, MemberData]], Awaitable[Mapping[str, bytes]]]"

LOCK_WAIT_S: Final = 20.0
LEAVE_TIMEOUT_S: Final = 10.0
_RESPONSES: Final[dict[type[Request], type[Response]]] = {
    StreamsGroupHeartbeatRequest: StreamsGroupHeartbeatResponse,
    JoinGroupRequest: JoinGroupResponse,
    SyncGroupRequest: SyncGroupResponse,
    HeartbeatRequest: HeartbeatResponse,
    LeaveGroupRequest: LeaveGroupResponse,
}
_MOVE_THE_EPOCH: Final = (StreamsGroupHeartbeatRequest, JoinGroupRequest)
LOOK_AT_LEAST_S: Final = 0.1
_log: Final = logging.getLogger("ottla.streams.membership")


class GroupSession:
    def __init__(
        self,
        control: ControlThread,
        member: Member,
        *,
        client_id: str,
        max_poll_interval_ms: int,
        lead: Callable[[Mapping[str, MemberData]], Awaitable[Mapping[str, bytes]]],
        offsets: Callable[[], Mapping[TaskId, int]],
        topics_changed: Callable[[], Awaitable[bool]],
        look_at_topics_ms: int,
        woken: Callable[[], None],
    ) -> None:
        """`lead` makes the assignments of a classic group, and `topics_changed` tells its leader, every
        `look_at_topics_ms`, that they are out of date; `woken` is called when there may be a new duty.
        """
        self.member = member
        self.commit_lock = threading.Lock()
        self._control = control
        self._client_id = client_id
        self._client: KafkaClient | None = None
        self._lead = lead
        self._offsets = offsets
        self._topics_changed = topics_changed
        self._look_at_topics_s = max(LOOK_AT_LEAST_S, look_at_topics_ms / 1000)
        self._woken = woken
        self._max_poll_interval_s = max_poll_interval_ms / 1000
        self._last_poll_s = time.monotonic()
        self._wake: asyncio.Event | None = None
        self._coordinator: int | None = None
        self._over = threading.Event()

    # For the thread that processes

    @property
    def duty(self) -> Duty | None:
        return self.member.duty

    @property
    def owned(self) -> Assignment:
        return self.member.owned

    @property
    def fatal(self) -> Exception | None:
        return self.member.fatal

    @property
    def hosts(self) -> Mapping[HostInfo, HostPartitions]:
        return self.member.hosts

    @property
    def is_rebalancing(self) -> bool:
        """Whether nothing may be committed now, since the generation may be over at any moment."""
        return isinstance(self.member, ClassicMember) and self.member.is_rebalancing

    @property
    def wants_shutdown(self) -> bool:
        """An instance has asked for the end of the whole application."""
        if isinstance(self.member, ClassicMember):
            return self.member.shutdown_asked
        return Status.SHUTDOWN_APPLICATION in self.member.statuses

    def start(self) -> None:
        self._control.spawn(self._run())

    def polled(self) -> None:
        """The thread is alive; without this the group takes it for stuck after `max.poll.interval.ms`."""
        self._last_poll_s = time.monotonic()

    def done(self, duty: Duty) -> None:
        self._control.post(self._change, self.member.done, duty)

    def hurry(self) -> None:
        self._control.post(self._change, self.member.hurry)

    def look_again(self) -> None:
        if isinstance(self.member, ClassicMember):
            self._control.post(self._change, self.member.look_again)

    def request_shutdown(self) -> None:
        self._control.post(self._change, self.member.request_shutdown)

    def leave(self) -> None:
        """Say goodbye, and return when it was said."""
        self._control.post(self._change, self.member.leave)
        self._over.wait(LEAVE_TIMEOUT_S)

    # On the loop

    def _change(self, function: Callable[..., object], *arguments: object) -> None:
        function(*arguments, _now_ms())
        if self._wake is not None:
            self._wake.set()

    async def _run(self) -> None:
        self._wake = asyncio.Event()
        self._client = self._control.make_client(self._client_id)
        member = self.member
        watching = asyncio.create_task(self._watch_topics())
        try:
            while True:
                if isinstance(member, ClassicMember) and member.members is not None:
                    member.assigned(await self._lead(member.members), _now_ms())
                due_ms = member.due_ms
                if member.fatal is not None or (due_ms is None and member.duty is None and _is_over(member)):
                    return
                self._wake.clear()
                if self._is_stuck() or due_ms is None or due_ms > _now_ms():
                    wait_s = 1.0 if due_ms is None else min(1.0, max(0.0, (due_ms - _now_ms()) / 1000))
                    await _wait(self._wake, wait_s if not self._is_stuck() else 1.0)
                    continue
                await self._step()
                self._woken()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.exception("the membership failed")
            member.fatal = error
        finally:
            watching.cancel()
            self._client.close()
            self._woken()
            self._over.set()

    async def _watch_topics(self) -> None:
        """The leader of a classic group notices new partitions; those of a streams group are the broker's to notice."""
        member = self.member
        while isinstance(member, ClassicMember):
            await asyncio.sleep(self._look_at_topics_s)
            if not member.is_settled_leader:
                continue
            try:
                if await self._topics_changed():
                    _log.info("group %s: source topics have changed", member.group_id)
                    self._change(member.look_again)
            except (KafkaError, ClientError) as error:
                _log.info("group %s: nobody says what topics there are: %s", member.group_id, error)

    def _is_stuck(self) -> bool:
        return time.monotonic() - self._last_poll_s > self._max_poll_interval_s

    async def _step(self) -> None:
        member = self.member
        if isinstance(member, ClassicMember):
            member.offsets = self._offsets()
        request = member.request(_now_ms())
        if request is None:
            return
        try:
            if isinstance(request, _MOVE_THE_EPOCH):
                await self._lock()
                try:
                    # JoinGroup waits for other members. Nothing is committed until it is over: `is_rebalancing`.
                    answering = asyncio.ensure_future(self._send(request))
                    if isinstance(request, StreamsGroupHeartbeatRequest):
                        member.answered(await answering, _now_ms())  # type: ignore[arg-type]
                        return
                finally:
                    self.commit_lock.release()
                member.answered(await answering, _now_ms())  # type: ignore[arg-type]
            else:
                member.answered(await self._send(request), _now_ms())  # type: ignore[arg-type]
        except (RetriableError, KafkaError) as error:
            _log.info("group %s: %s", member.group_id, error)
            member.failed(_now_ms())
        except ClientError as error:
            member.fatal = StreamsError(f"group {member.group_id}: {error}")
        if member.coordinator_moved:
            member.coordinator_moved = False
            self._coordinator = None

    async def _lock(self) -> None:
        if not self.commit_lock.acquire(blocking=False):
            loop = asyncio.get_running_loop()
            if not await loop.run_in_executor(None, self.commit_lock.acquire, True, LOCK_WAIT_S):
                raise RetriableError(f"a commit takes longer than {LOCK_WAIT_S:g} s")

    async def _send(self, request: Request) -> Response:
        client = self._client
        assert client is not None
        if self._coordinator is None:
            self._coordinator = await client.coordinator(self.member.group_id)
        timeout_ms: float | None = None
        if isinstance(request, JoinGroupRequest):
            timeout_ms = request.rebalance_timeout_ms + 10_000
            connection = await client.connection_to(self._coordinator)
            if connection.version_of(JoinGroupRequest) < 5:
                request.group_instance_id = None
        response: Any = await client.send_to(
            self._coordinator, request, _RESPONSES[type(request)], timeout_ms=timeout_ms
        )
        assert isinstance(response, _RESPONSES[type(request)])
        return response


def _is_over(member: Member) -> bool:
    return member.state.value in ("left", "fatal")


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _now_ms() -> float:
    return time.monotonic() * 1000
