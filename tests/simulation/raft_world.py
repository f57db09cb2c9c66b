"""A whole quorum in one process, out of one seed: simulated time, network, disks, crashes, and changes of the voters.

The network loses, delays, reorders and doubles messages, and is cut in one direction or both. `calm` heals it all.
"""

from __future__ import annotations

import heapq
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.raft_checker import Checker
from tests.simulation.raft_replica import CrashedError, SimulatedReplica

from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse
from ottla.protocol.api.add_raft_voter import Listener as AddListener
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse, SupportedFeatureKey
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.codec import decoder
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.raft.inbound import Inbound
from ottla.raft.settings import RaftSettings
from ottla.raft.state import Leader, Now, RaftError
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.protocol.message import Request, Response
    from ottla.raft.effects import Effect
    from ottla.raft.peer_effects import Reply, SendRequest
    from ottla.raft.settings import Address

CLUSTER_ID = "simulated"
LISTENER = "CONTROLLER"
ELECTION_TIMEOUT_MS, FETCH_TIMEOUT_MS, REQUEST_TIMEOUT_MS = 200, 400, 400
WALL_START_MS = 1_700_000_000_000
ADMINISTRATOR = -1
MAX_EVENTS_PER_MS = 20


class RaftWorld:
    def __init__(
        self, seed: int, *, voters: int = 3, observers: int = 0, kraft_version: int = 1, auto_join: bool = False
    ) -> None:
        self.random = Random(seed)
        self.time_ms = 0.0
        self.checker = Checker()
        self.initial_kraft_version = kraft_version
        self.over_the_wire = seed % 10 == 0
        self.sees_losses = seed % 3 != 0
        self.auto_join = auto_join
        self.is_calm = False
        self.loss = self.doubling = 0.0
        self.delay_ms = (0.2, 3.0)
        self.sync_ms = (0.1, 5.0)
        self.cut: set[tuple[int, int]] = set()
        """(from, to)"""
        self.snapshots = self.installed = self.crashes = self.changes = self.appends = self.upgrades = 0
        self.answers: list[Response] = []
        """What the administrator was told."""
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._tokens: dict[int, tuple[int, int, int]] = {}
        keys = [ReplicaKey(node_id, bytes([node_id + 1]) * 16) for node_id in range(voters + observers)]
        known = [key if kraft_version else ReplicaKey(key.node_id, bytes(16)) for key in keys]
        self.initial_voters = VoterSet(tuple(VoterNode(key, {LISTENER: address(key)}) for key in known[:voters]))
        self.replicas = {key.node_id: SimulatedReplica(self, key, self._settings(key)) for key in keys}
        for replica in self.replicas.values():
            replica.start()

    def _settings(self, key: ReplicaKey) -> RaftSettings:
        return RaftSettings(
            cluster_id=CLUSTER_ID,
            listener_name=LISTENER,
            local_endpoints={LISTENER: address(key)},
            bootstrap_servers=[voter.endpoints[LISTENER] for voter in self.initial_voters],
            election_timeout_ms=ELECTION_TIMEOUT_MS,
            fetch_timeout_ms=FETCH_TIMEOUT_MS,
            election_backoff_max_ms=ELECTION_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            fetch_max_wait_ms=FETCH_TIMEOUT_MS // 4,
            fetch_max_bytes=600,
            fetch_snapshot_max_bytes=120,
            auto_join=self.auto_join,
        )

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> Now:
        return Now(self.time_ms, WALL_START_MS + int(self.time_ms))

    def later(self, delay_ms: float, event: Callable[[], None]) -> None:
        self._at_time(self.time_ms + max(delay_ms, 0.0), event)

    def _at_time(self, time_ms: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(time_ms, self.time_ms), self._count, event))

    def run_for(self, duration_ms: float) -> None:
        end_ms = self.time_ms + duration_ms
        most = self._count + int(duration_ms * MAX_EVENTS_PER_MS) + 1000
        while self._events and self._events[0][0] <= end_ms:
            self.time_ms, _, event = heapq.heappop(self._events)
            event()
            assert self._count < most, f"NobodySpins: {self}"
        self.time_ms = end_ms

    def run_until(self, condition: Callable[[], bool], within_ms: float) -> float:
        """How long it took. AssertionError if it did not happen."""
        start_ms = self.time_ms
        while not condition():
            assert self.time_ms - start_ms < within_ms, f"not within {within_ms} ms: {self}"
            self.run_for(10)
        return self.time_ms - start_ms

    def schedule_poll(self, replica: SimulatedReplica) -> None:
        at_ms, incarnation = replica.quorum.next_poll_ms, replica.incarnation
        if at_ms == float("inf"):
            return

        def poll() -> None:
            if replica.is_up and replica.incarnation == incarnation and replica.quorum.next_poll_ms == at_ms:
                self.run(replica, lambda: replica.quorum.poll(self.now))

        self._at_time(at_ms, poll)

    def disk_delay_ms(self) -> float:
        return self.random.uniform(*self.sync_ms)

    def run(self, replica: SimulatedReplica, event: Callable[[], list[Effect]]) -> None:
        """One event of a replica, unless it is down; it may crash in the middle."""
        if not replica.is_up:
            return
        try:
            replica.execute(event())
        except CrashedError:
            self.crash(replica)

    # ── the network ────────────────────────────────────────────────────────────────────────────────────────────────

    def _deliver(self, source: int, target: int, event: Callable[[], None]) -> None:
        if (source, target) in self.cut or self.random.random() < self.loss:
            return
        copies = 2 if self.random.random() < self.doubling else 1
        for _ in range(copies):
            low, high = self.delay_ms
            self.later(self.random.uniform(low, high), event)

    def send(self, sender: SimulatedReplica, effect: SendRequest) -> None:
        target = self._at(effect.destination)
        source, incarnation = sender.key.node_id, sender.incarnation
        request = effect.request

        def arrive() -> None:
            if (target.key.node_id, source) in self.cut and self.random.random() < 0.5:
                return
            if not target.is_up:
                self._deliver(target.key.node_id, source, fail)
            elif isinstance(request, ApiVersionsRequest):
                self._deliver(target.key.node_id, source, lambda: back(_versions()))
            else:
                self._ask(target, request, (source, incarnation, effect.correlation_id))

        def back(response: Response) -> None:
            if sender.incarnation == incarnation:
                self.run(sender, lambda: sender.quorum.handle_response(effect.correlation_id, response, self.now))

        def fail() -> None:
            if sender.incarnation == incarnation:
                self.run(sender, lambda: sender.quorum.request_failed(effect.correlation_id, self.now))

        self._deliver(source, target.key.node_id, arrive)

    def _ask(self, target: SimulatedReplica, request: Request, origin: tuple[int, int, int]) -> None:
        self._count += 1
        token = self._count
        self._tokens[token] = origin
        version = type(request).versions.latest
        if self.over_the_wire:
            data = request.encode(version)
            request, _ = decoder(type(request), version)(memoryview(data), 0)
        inbound = Inbound(token, request, version, LISTENER)
        self.run(target, lambda: target.quorum.handle_request(inbound, self.now))

    def reply(self, replier: SimulatedReplica, effect: Reply) -> None:
        source, incarnation, correlation_id = self._tokens.pop(effect.token, (ADMINISTRATOR, 0, 0))
        response = effect.response
        if source == ADMINISTRATOR:
            self.answers.append(response)
            return
        if self.over_the_wire:
            version = type(response).versions.latest
            response, _ = decoder(type(response), version)(memoryview(response.encode(version)), 0)
        asker = self.replicas[source]

        def back() -> None:
            if asker.incarnation == incarnation:
                self.run(asker, lambda: asker.quorum.handle_response(correlation_id, response, self.now))

        self._deliver(replier.key.node_id, source, back)

    def _at(self, destination: Address) -> SimulatedReplica:
        return self.replicas[int(destination[0].removeprefix("n"))]

    # ── what may happen ────────────────────────────────────────────────────────────────────────────────────────────

    def crash(self, replica: SimulatedReplica) -> None:
        self.crashes += 1
        replica.crash()
        if self.sees_losses:
            for other in self.replicas.values():
                if other is not replica:
                    self._see_loss(other, replica)

    def _see_loss(self, other: SimulatedReplica, gone: SimulatedReplica) -> None:
        """A connection is lost, and nobody listens there; who comes back meanwhile is taken for gone all the same."""
        incarnation, where = other.incarnation, address(gone.key)

        def seen() -> None:
            if other.incarnation == incarnation and not (self.is_calm and gone.is_up):
                self.run(other, lambda: other.quorum.peer_is_gone(where, self.now))

        if (gone.key.node_id, other.key.node_id) not in self.cut:
            self._deliver(gone.key.node_id, other.key.node_id, seen)

    def restart(self, replica: SimulatedReplica) -> None:
        try:
            replica.start()
        except CrashedError:
            self.crash(replica)

    @property
    def leader(self) -> SimulatedReplica | None:
        """Of the highest epoch, of those that believe that they lead."""
        leading = [one for one in self.replicas.values() if one.is_up and one.quorum.is_leader]
        return max(leading, key=lambda one: one.quorum.epoch, default=None)

    def append(self, replica: SimulatedReplica | None = None) -> int | None:
        """The end offset after it; by anyone who believes to lead."""
        replica = replica or self.leader
        if replica is None or not replica.is_up or not replica.quorum.is_leader:
            return None
        self.appends += 1
        values = [b"%d" % self.appends] * self.random.choice((1, 1, 1, 3))
        self.run(replica, lambda: replica.quorum.append(values, self.now))
        return replica.quorum.log_end_offset if replica.is_up else None

    def add_voter(self, node_id: int, timeout_ms: int = 500) -> None:
        key = self.replicas[node_id].key
        host, port = address(key)
        request = AddRaftVoterRequest(
            cluster_id=CLUSTER_ID,
            timeout_ms=timeout_ms,
            voter_id=node_id,
            voter_directory_id=key.directory_id,
            listeners=[AddListener(name=LISTENER, host=host, port=port)],
            ack_when_committed=self.random.random() < 0.8,
        )
        self._administer(request)

    def remove_voter(self, node_id: int) -> None:
        key = self.replicas[node_id].key
        self._administer(
            RemoveRaftVoterRequest(cluster_id=CLUSTER_ID, voter_id=node_id, voter_directory_id=key.directory_id)
        )

    def upgrade_kraft_version(self) -> None:
        """From static voters to voters of the log, if all have said who they are."""
        leader = self.leader
        if leader is None:
            return
        try:
            effects = leader.quorum.upgrade_kraft_version(1, self.now)
        except (KafkaError, RaftError):
            return
        self.upgrades += 1
        self.run(leader, lambda: effects)

    def _administer(self, request: Request) -> None:
        leader = self.leader
        if leader is not None:
            self.changes += 1
            self._ask(leader, request, (ADMINISTRATOR, 0, 0))

    def calm(self) -> None:
        """Everybody is up, and the network well; nothing old is taken for new any more."""
        self.is_calm = True
        self.cut.clear()
        self.loss = self.doubling = 0.0
        self.delay_ms, self.sync_ms = (0.2, 3.0), (0.1, 5.0)
        for replica in self.replicas.values():
            replica.arm(1 << 60)
            if not replica.is_up:
                self.restart(replica)

    def has_settled(self) -> bool:
        """Somebody leads, all that is in its log is committed, and all replicas have it."""
        leader = self.leader
        if leader is None:
            return False
        end = leader.log.end_offset
        role = leader.quorum.role
        return (
            isinstance(role, Leader)
            and role.high_watermark == end
            and all(one.quorum.high_watermark == end for one in self.replicas.values())
        )

    def errors(self) -> list[ErrorCode]:
        return [
            ErrorCode(answer.error_code)
            for answer in self.answers
            if isinstance(answer, AddRaftVoterResponse | RemoveRaftVoterResponse)
        ]

    def __str__(self) -> str:
        return "; ".join(
            f"{one.key.node_id}: {type(one.quorum.role).__name__ if one.is_up else 'down'} {one.quorum.epoch} "
            f"{one.quorum.high_watermark}/{one.log.end_offset}"
            for one in self.replicas.values()
        )


def address(key: ReplicaKey) -> Address:
    return (f"n{key.node_id}", 9093)


def _versions() -> ApiVersionsResponse:
    feature = SupportedFeatureKey(name="kraft.version", min_version=0, max_version=1)
    return ApiVersionsResponse(error_code=ErrorCode.NONE, api_keys=[], supported_features=[feature])
