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

from ottla.clients.classic_group import ClassicGroup
from ottla.clients.errors import ClientError
from ottla.connect.distributed.group_protocol import PROTOCOL_TYPE
from ottla.connect.runtime.worker_measures import Rebalances
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from ottla.clients.client import KafkaClient

_log = logging.getLogger(__name__)

RETRY_S: Final = 0.1
RETRY_MAX_S: Final = 3.0


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
        self.rebalances = Rebalances()
        self._group = ClassicGroup(
            client,
            group,
            PROTOCOL_TYPE,
            session_timeout_ms=session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout_ms,
        )
        self._owner = owner
        self._session_timeout_ms = session_timeout_ms
        self._heartbeat_interval_ms = heartbeat_interval_ms
        self._rejoin = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._is_lost = False

    @property
    def member_id(self) -> str:
        return self._group.member_id

    def start(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Leaves, so that others need not wait."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(KafkaError, ClientError):
            await asyncio.wait_for(self._group.leave("the worker is being stopped"), RETRY_MAX_S)

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
                        async with asyncio.timeout(self._heartbeat_interval_ms / 1000):
                            await self._rejoin.wait()
                        break
                    if not await self._heartbeat():
                        break
            except (KafkaError, ClientError) as error:
                raise_if_cancelled()
                if isinstance(error, KafkaError) and error.code is ErrorCode.REBALANCE_IN_PROGRESS:
                    continue
                _log.warning("group %s: %s", self._group.group_id, error)
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
        joined = await self._group.join(await self._owner.protocols())
        self._heard()
        protocol, assignments = joined.protocol_name or "", {}
        if ClassicGroup.assigns(joined):
            members = {member.member_id: bytes(member.metadata) for member in joined.members}
            assignments = await self._owner.assign(protocol, joined.leader, joined.generation_id, members)
        assignment = await self._group.sync(joined, assignments)
        self._heard()
        self.rebalances.end()
        self._owner.joined(Round(protocol, joined.generation_id, joined.member_id, assignment))

    async def _heartbeat(self) -> bool:
        """False: the group wants to be joined again."""
        stays = await self._group.heartbeat()
        self._heard()
        return stays
