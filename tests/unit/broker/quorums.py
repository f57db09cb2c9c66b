"""Several `QuorumShell`s and their controllers in one process: real files, time and network of our own."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from tests.unit.broker.controllers import run_here
from tests.unit.broker.replicas import ManualClock, ManualTimers

from ottla.broker.config_schema import ServerConfigSchema
from ottla.broker.controller.quorum_shell import QuorumShell
from ottla.broker.controller.settings import ControllerSettings, QuorumSettings
from ottla.broker.controller.shell import ControllerShell
from ottla.broker.peer.connection import PeerError
from ottla.broker.storage_format import FormatRequest, open_storage
from ottla.metadata.registration import Endpoint
from ottla.protocol.codec import decoder
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ottla.protocol.message import Request, Response
    from ottla.raft.settings import Address

CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAA"
LISTENER = "CONTROLLER"
STEP_MS = 5


class LocalTransport:
    """`RaftTransport` to the members of this process; every message goes through its bytes."""

    def __init__(self, members: Members, node_id: int) -> None:
        self.on_gone: Callable[[Address], None] = lambda address: None
        self._members = members
        self._node_id = node_id

    def send(self, destination: Address, request: Request) -> asyncio.Future[Response]:
        return asyncio.get_running_loop().create_task(self._ask(destination, request))

    async def _ask(self, destination: Address, request: Request) -> Response:
        target = self._members.by_id[destination[1]]
        await asyncio.sleep(0)
        if not target.is_up or {(self._node_id, target.node_id), (target.node_id, self._node_id)} & self._members.cut:
            if not target.is_up:
                self.on_gone(destination)
            raise PeerError("nobody answers", refused=not target.is_up)
        version = type(request).versions.latest
        asked, _ = decoder(type(request), version)(memoryview(request.encode(version)), 0)
        answer = await target.quorum.ask(asked, version, LISTENER)
        response, _ = decoder(type(answer), version)(memoryview(answer.encode(version)), 0)
        if (target.node_id, self._node_id) in self._members.cut:
            raise PeerError("the answer was lost")
        return response

    def close(self) -> None:
        pass


class Member:
    def __init__(self, members: Members, node_id: int, directory: Path, voters: VoterSet) -> None:
        self.node_id = node_id
        self.directory = directory
        self.failures: list[Exception] = []
        self.is_up = False
        self._members = members
        self._voters = voters
        self.quorum: QuorumShell
        self.controller: ControllerShell

    def start(self) -> None:
        members = self._members
        endpoint = Endpoint(LISTENER, "member", self.node_id, 0)
        request = FormatRequest(
            [self.directory],
            self.directory,
            self.node_id,
            [endpoint],
            cluster_id=CLUSTER_ID,
            is_voter=self._voters.get(self.node_id) is not None,
            voters=self._voters if self._voters.get(self.node_id) is not None else None,
        )
        directory_id = key(self.node_id).directory_id
        storage = open_storage(Disk(), request, now_ms=0, new_uuid=lambda: directory_id)
        self.quorum = QuorumShell(
            QuorumSettings(
                node_id=self.node_id,
                cluster_id=storage.cluster_id,
                metadata_directory=self.directory,
                directory_id=directory_id,
                controller_endpoints=[endpoint],
                bootstrap_servers=[("member", voter.key.node_id) for voter in self._voters],
                snapshot_after_bytes=members.snapshot_after_bytes,
                retention_bytes=members.snapshot_after_bytes,
            ),
            files=Disk(),
            clock=members.clock,
            timers=members.timers,
            random=Random(self.node_id),
            run_blocking=run_here,
            on_failure=self.failures.append,
            transport=LocalTransport(members, self.node_id),
        )
        settings = ControllerSettings(incarnation_id=bytes([self.node_id]) * 16, max_idle_interval_ms=0)
        schema = ServerConfigSchema(server_config_of({}))
        self.controller = ControllerShell(
            settings, schema, self.quorum, clock=members.clock, timers=members.timers, random=Random(self.node_id)
        )
        self.is_up = True
        self.controller.start()

    def kill(self) -> None:
        """Nothing is said to anyone, and nothing it still does counts."""
        self.is_up = False
        self.quorum.event = lambda event: None  # type: ignore[method-assign]


class Members:
    """Voters 1 to `voters`; `more` is for who joins later."""

    def __init__(self, directory: Path, voters: int = 3, more: int = 0, snapshot_after_bytes: int = 2**30) -> None:
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.cut: set[tuple[int, int]] = set()
        self.snapshot_after_bytes = snapshot_after_bytes
        first = VoterSet(
            tuple(VoterNode(key(node_id), {LISTENER: ("member", node_id)}) for node_id in range(1, voters + 1))
        )
        self.by_id = {
            node_id: Member(self, node_id, directory / str(node_id), first) for node_id in range(1, voters + more + 1)
        }
        for member in list(self.by_id.values())[:voters]:
            member.start()

    async def run(self, ms: int) -> None:
        for _ in range(ms // STEP_MS):
            self.timers.advance(STEP_MS)
            for _ in range(12):
                await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool], what: str, within_ms: int = 20_000) -> None:
        for _ in range(within_ms // STEP_MS):
            if condition():
                return
            await self.run(STEP_MS)
        raise AssertionError(f"not within {within_ms} ms: {what}")

    @property
    def active(self) -> Member | None:
        leading = [one for one in self.by_id.values() if one.is_up and one.controller.is_active]
        return max(leading, key=lambda one: one.quorum.leader_epoch, default=None)

    async def leader(self, other_than: Member | None = None) -> Member:
        await self.until(lambda: self.active not in (None, other_than), "an active controller")
        assert self.active is not None
        return self.active

    async def agree(self) -> None:
        """Everybody who is up has the same image, and all of the leader's log."""

        def same() -> bool:
            active = self.active
            return active is not None and all(
                one.quorum.applied_offset == active.quorum.log_end_offset for one in self.by_id.values() if one.is_up
            )

        await self.until(same, "all have everything")

    async def close(self) -> None:
        for member in self.by_id.values():
            if member.is_up:
                member.kill()
        await asyncio.sleep(0)


def key(node_id: int) -> ReplicaKey:
    return ReplicaKey(node_id, bytes([node_id + 64]) * 16)
