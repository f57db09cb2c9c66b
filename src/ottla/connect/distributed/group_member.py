"""A worker's place in the group of workers, by the classic protocol: joins, assigns if it leads, heartbeats, leaves.

    unjoined ──join──► joined ──heartbeat says REBALANCE_IN_PROGRESS, or the herder wants it──► unjoined

What goes on here goes on while it joins: only what an assignment takes away stops (`GroupOwner.joined`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ottla.clients.errors import ClientError
from ottla.connect.distributed.group_protocol import PROTOCOL_TYPE
from ottla.connect.runtime.worker_measures import Rebalances
from ottla.protocol.api.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient

_log = logging.getLogger(__name__)

RETRY_S: Final = 0.1
RETRY_MAX_S: Final = 3.0
JOIN_MARGIN_MS: Final = 10_000
_COORDINATOR_MOVED: Final = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE)


@dataclass(frozen=True, slots=True)
class Round:
    """A rebalance that is over, from the view of a member."""

    protocol: str
    generation: int
    member_id: str
    assignment: bytes


class GroupOwner(Protocol):
    async def protocols(self) -> list[tuple[str, bytes]]:
        """What it says of itself, by protocol, the one that it likes best first."""
        ...

    async def assign(self, protocol: str, leader: str, generation: int, members: dict[str, bytes]) -> dict[str, bytes]:
        """As the leader of this round: what each member is to do, by what it said of itself."""
        ...

    def joined(self, finished: Round) -> None: ...

    def lost(self) -> None:
        """The group has not been heard of for as long as it takes to be thrown out: others may do its work."""
        ...


class GroupMember:
    def __init__(
        self,
        client: KafkaClient,
        group: str,
        owner: GroupOwner,
        *,
        session_timeout_ms: int,
        rebalance_timeout_ms: int,
        heartbeat_interval_ms: int,
    ) -> None:
        self.member_id = ""
        self.rebalances = Rebalances()
        self._client = client
        self._group = group
        self._owner = owner
        self._session_timeout_ms = session_timeout_ms
        self._rebalance_timeout_ms = rebalance_timeout_ms
        self._heartbeat_interval_ms = heartbeat_interval_ms
        self._generation = -1
        self._coordinator: int | None = None
        self._rejoin = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._is_lost = False

    def start(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Leaves, so that others need not wait."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.member_id and self._coordinator is not None:
            with contextlib.suppress(KafkaError, ClientError):
                await asyncio.wait_for(self._leave(self._coordinator), RETRY_MAX_S)

    def request_rejoin(self) -> None:
        self._rejoin.set()

    async def _run(self) -> None:
        retry_s = RETRY_S
        while True:
            try:
                self._rejoin.clear()
                await self._join()
                retry_s = RETRY_S
                while not self._rejoin.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._rejoin.wait(), self._heartbeat_interval_ms / 1000)
                        break
                    if not await self._heartbeat():
                        break
            except KafkaError as error:
                if error.code not in (ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.MEMBER_ID_REQUIRED):
                    _log.warning("group %s: %s", self._group, error)
                    self._watch_session()
                    await asyncio.sleep(retry_s)
                    retry_s = min(retry_s * 2, RETRY_MAX_S)
            except ClientError as error:
                _log.warning("group %s: %s", self._group, error)
                self._coordinator = None
                self._watch_session()
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_MAX_S)

    def _watch_session(self) -> None:
        silent_ms = (asyncio.get_running_loop().time() - self._heard_at) * 1000
        if silent_ms > self._session_timeout_ms and not self._is_lost:
            self._is_lost = True
            self._owner.lost()

    def _heard(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._is_lost = False

    async def _join(self) -> None:
        self.rebalances.begin()
        if self._coordinator is None:
            self._coordinator = await self._client.coordinator(self._group)
        request = JoinGroupRequest(
            group_id=self._group,
            session_timeout_ms=self._session_timeout_ms,
            rebalance_timeout_ms=self._rebalance_timeout_ms,
            member_id=self.member_id,
            protocol_type=PROTOCOL_TYPE,
            protocols=[
                JoinGroupRequestProtocol(name=name, metadata=said) for name, said in await self._owner.protocols()
            ],
        )
        timeout_ms = self._rebalance_timeout_ms + JOIN_MARGIN_MS
        joined = await self._client.send_to(self._coordinator, request, JoinGroupResponse, timeout_ms=timeout_ms)
        if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = joined.member_id
        self._check(joined.error_code)
        self._heard()
        self.member_id, self._generation = joined.member_id, joined.generation_id
        protocol = joined.protocol_name or ""
        assignments: list[SyncGroupRequestAssignment] = []
        if joined.leader == joined.member_id and not joined.skip_assignment:
            members = {member.member_id: bytes(member.metadata) for member in joined.members}
            chosen = await self._owner.assign(protocol, joined.leader, joined.generation_id, members)
            assignments = [
                SyncGroupRequestAssignment(member_id=member, assignment=data) for member, data in chosen.items()
            ]
        sync = SyncGroupRequest(
            group_id=self._group,
            generation_id=self._generation,
            member_id=self.member_id,
            protocol_type=PROTOCOL_TYPE,
            protocol_name=joined.protocol_name,
            assignments=assignments,
        )
        synced = await self._client.send_to(self._coordinator, sync, SyncGroupResponse, timeout_ms=timeout_ms)
        self._check(synced.error_code)
        self._heard()
        self.rebalances.end()
        self._owner.joined(Round(protocol, self._generation, self.member_id, bytes(synced.assignment)))

    async def _heartbeat(self) -> bool:
        """False: the group wants to be joined again."""
        if self._coordinator is None:
            self._coordinator = await self._client.coordinator(self._group)
        request = HeartbeatRequest(group_id=self._group, generation_id=self._generation, member_id=self.member_id)
        answer = await self._client.send_to(self._coordinator, request, HeartbeatResponse)
        if answer.error_code == ErrorCode.REBALANCE_IN_PROGRESS:
            self._heard()
            return False
        self._check(answer.error_code)
        self._heard()
        return True

    def _check(self, number: int) -> None:
        code = error_code(number)
        if code is ErrorCode.UNKNOWN_MEMBER_ID:
            self.member_id, self._generation = "", -1
        if code in _COORDINATOR_MOVED:
            self._coordinator = None
        if code is not ErrorCode.NONE:
            raise KafkaError(code, f"group '{self._group}'")

    async def _leave(self, coordinator: int) -> None:
        connection = await self._client.connection_to(coordinator)
        request = LeaveGroupRequest(group_id=self._group)
        if connection.version_of(LeaveGroupRequest) >= 3:
            request.members = [MemberIdentity(member_id=self.member_id, reason="the worker is being stopped")]
        else:
            request.member_id = self.member_id
        await connection.send(request, LeaveGroupResponse, timeout_ms=self._client.request_timeout_ms)
