"""A replica of a quorum on real sockets, its log in memory: the core of `ottla.raft` beside Apache Kafka's controllers.

Only what a test of the wire needs; a node's shell is another thing.
"""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.raft_replica import Batch, SimulatedLog, SimulatedSnapshots

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest
from ottla.protocol.api.add_raft_voter import Listener as AddListener
from ottla.protocol.api.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    SupportedFeatureKey,
)
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.codec import decoder
from ottla.protocol.errors import ErrorCode
from ottla.protocol.header import RequestHeader, ResponseHeader, request_header_version, response_header_version
from ottla.raft.effects import AdvanceHighWatermark, AppendBatch, BecameLeader, Effect, StoreElection
from ottla.raft.inbound import Inbound
from ottla.raft.peer_effects import (
    InstallSnapshot,
    LeaderChanged,
    ReceiveSnapshot,
    Reply,
    SendRequest,
    TruncateLog,
)
from ottla.raft.quorum import RaftQuorum
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.settings import RaftSettings
from ottla.raft.snapshot import read_snapshot
from ottla.raft.state import Now
from ottla.raft.voter_set import ReplicaKey, VoterSet

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ottla.protocol.message import Request, Response
    from ottla.raft.election_state import ElectionState
    from ottla.raft.settings import Address

LISTENER = "CONTROLLER"
SERVED = (
    ApiKey.VOTE,
    ApiKey.BEGIN_QUORUM_EPOCH,
    ApiKey.END_QUORUM_EPOCH,
    ApiKey.FETCH,
    ApiKey.FETCH_SNAPSHOT,
    ApiKey.UPDATE_RAFT_VOTER,
    ApiKey.ADD_RAFT_VOTER,
    ApiKey.REMOVE_RAFT_VOTER,
    ApiKey.API_VERSIONS,
)
REQUEST_TIMEOUT_S = 20.0


class RaftPeer:
    def __init__(self, key: ReplicaKey, cluster_id: str, bootstrap: Address, timeout_ms: int) -> None:
        self.key = key
        self.cluster_id = cluster_id
        self.log = SimulatedLog()
        self.snapshots = SimulatedSnapshots()
        self.stored: list[ElectionState] = []
        self.errors: list[BaseException] = []
        self.port = 0
        self._bootstrap = bootstrap
        self._timeout_ms = timeout_ms
        self._replies: dict[int, Callable[[Response], None]] = {}
        self._token = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.quorum: RaftQuorum

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.quorum = RaftQuorum(
            self.key,
            QuorumHistory(0, VoterSet(())),
            settings=RaftSettings(
                cluster_id=self.cluster_id,
                listener_name=LISTENER,
                local_endpoints={LISTENER: ("127.0.0.1", self.port)},
                bootstrap_servers=[self._bootstrap],
                election_timeout_ms=self._timeout_ms // 10,
                fetch_timeout_ms=self._timeout_ms,
                request_timeout_ms=self._timeout_ms,
            ),
            log=self.log,
            snapshots=self.snapshots,
            random=Random(1),
            stored_election=None,
        )
        self.run(self.quorum.start(self.now))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def now(self) -> Now:
        return Now(time.monotonic() * 1000, int(time.time() * 1000))

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 120.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert not self.errors, self.errors
            assert time.monotonic() < end, f"not within {timeout_s} s: {what}; {self}"
            await asyncio.sleep(0.05)

    def __str__(self) -> str:
        quorum = self.quorum
        return (
            f"{type(quorum.role).__name__} {quorum.epoch} leader {quorum.leader_id} "
            f"{quorum.high_watermark}/{quorum.log_end_offset} voters {quorum.history.voters.node_ids}"
        )

    # ── effects ────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, effects: list[Effect]) -> None:
        queue = list(effects)
        while queue:
            queue = self._do(queue[0]) + queue[1:]
            if not queue and self.quorum.synced_offset < self.quorum.log_end_offset:
                queue = self.quorum.log_synced(self.log.end_offset, self.now)
        if self._timer is not None:
            self._timer.cancel()
        wait_ms = self.quorum.next_poll_ms - self.now.monotonic_ms
        if wait_ms < float("inf"):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(wait_ms, 1) / 1000, self._poll)

    def _poll(self) -> None:
        self.run(self.quorum.poll(self.now))

    def _do(self, effect: Effect) -> list[Effect]:
        match effect:
            case StoreElection():
                self.stored.append(effect.election)
            case AppendBatch():
                self.log.batches.append(Batch(effect.base_offset, effect.last_offset, effect.epoch, effect.batch))
            case TruncateLog():
                while self.log.batches and self.log.batches[-1].last_offset >= effect.offset:
                    self.log.batches.pop()
            case SendRequest():
                self._spawn(self._send(effect))
            case Reply():
                self._replies.pop(effect.token)(effect.response)
            case ReceiveSnapshot():
                if effect.position == 0:
                    self.snapshots.partial = (effect.snapshot_id, bytearray())
                assert self.snapshots.partial is not None
                self.snapshots.partial[1].extend(effect.data)
            case InstallSnapshot():
                assert self.snapshots.partial is not None
                data = bytes(self.snapshots.partial[1])
                content = read_snapshot(data)
                self.snapshots.contents = {effect.snapshot_id: data}
                self.log.batches, self.log.start_offset = [], effect.snapshot_id.end_offset
                return self.quorum.snapshot_installed(
                    effect.snapshot_id, content.kraft_version, content.voters, self.now
                )
            case BecameLeader() | LeaderChanged() | AdvanceHighWatermark():
                pass
        return []

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ── asking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, effect: SendRequest) -> None:
        try:
            response = await asyncio.wait_for(ask(effect.destination, effect.request), REQUEST_TIMEOUT_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            self.run(self.quorum.request_failed(effect.correlation_id, self.now))
        else:
            self._guarded(lambda: self.quorum.handle_response(effect.correlation_id, response, self.now))

    def _guarded(self, event: Callable[[], list[Effect]]) -> None:
        try:
            self.run(event())
        except Exception as error:  # a task's exception would be seen by nobody
            self.errors.append(error)

    async def join(self, leader: Address) -> tuple[ErrorCode, str | None]:
        """AddRaftVoter for this replica."""
        request = AddRaftVoterRequest(
            cluster_id=self.cluster_id,
            timeout_ms=20_000,
            voter_id=self.key.node_id,
            voter_directory_id=self.key.directory_id,
            listeners=[AddListener(name=LISTENER, host="127.0.0.1", port=self.port)],
        )
        response = await ask(leader, request)
        assert hasattr(response, "error_code")
        return ErrorCode(response.error_code), getattr(response, "error_message", None)

    # ── being asked ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4), "big")
                frame = memoryview(await reader.readexactly(size))
                self._answer(frame, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    def _answer(self, frame: memoryview, writer: asyncio.StreamWriter) -> None:
        key, version = int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:4], "big")
        header, offset = decoder(RequestHeader, request_header_version(key, version))(frame, 0)
        if ApiKey(key) not in SERVED:
            writer.close()
            return
        request, _ = decoder(API[ApiKey(key)].request, version)(frame, offset)

        def answer(response: Response) -> None:
            if writer.is_closing():
                return
            head = ResponseHeader(correlation_id=header.correlation_id)
            body = head.encode(response_header_version(key, version)) + response.encode(version)
            writer.write(len(body).to_bytes(4, "big") + body)

        if isinstance(request, ApiVersionsRequest):
            answer(_versions())
            return
        self._token += 1
        self._replies[self._token] = answer
        inbound = Inbound(self._token, request, version, LISTENER)
        self._guarded(lambda: self.quorum.handle_request(inbound, self.now))


async def ask(address: Address, request: Request) -> Response:
    """At the latest version that we know, on a connection of its own."""
    key = type(request).api_key
    version = type(request).versions.latest
    reader, writer = await asyncio.open_connection(*address)
    try:
        head = RequestHeader(request_api_key=key, request_api_version=version, correlation_id=1, client_id="ottla-raft")
        body = head.encode(request_header_version(key, version)) + request.encode(version)
        writer.write(len(body).to_bytes(4, "big") + body)
        size = int.from_bytes(await reader.readexactly(4), "big")
        frame = memoryview(await reader.readexactly(size))
        _, offset = decoder(ResponseHeader, response_header_version(key, version))(frame, 0)
        response, _ = decoder(API[ApiKey(key)].response, version)(frame, offset)
        return response
    finally:
        writer.close()


def _versions() -> ApiVersionsResponse:
    keys = [
        ApiVersion(
            api_key=key, min_version=API[key].request.versions.oldest, max_version=API[key].request.versions.latest
        )
        for key in SERVED
    ]
    feature = SupportedFeatureKey(name="kraft.version", min_version=0, max_version=1)
    return ApiVersionsResponse(error_code=0, api_keys=keys, supported_features=[feature])
