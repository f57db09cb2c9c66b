"""A replica of a quorum without a disk or a network: what it asks for is looked at, and answered by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, TypeVar

from ottla.raft.batches import data_batch, read_batches
from ottla.raft.effects import AppendBatch, Effect
from ottla.raft.inbound import Inbound
from ottla.raft.peer_effects import Reply, SendRequest, TruncateLog
from ottla.raft.quorum import RaftQuorum
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.settings import RaftSettings
from ottla.raft.state import Now
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.protocol.message import Request, Response
    from ottla.raft.election_state import ElectionState
    from ottla.raft.snapshot_id import SnapshotId

T = TypeVar("T")

LISTENER = "CONTROLLER"
CLUSTER_ID = "test"
WALL_MS = 1_700_000_000_000


def key(node_id: int) -> ReplicaKey:
    return ReplicaKey(node_id, bytes([node_id + 100]) * 16)


def node(node_id: int) -> VoterNode:
    return VoterNode(key(node_id), {LISTENER: (f"host{node_id}", 9093)})


def voter_set(*node_ids: int) -> VoterSet:
    return VoterSet(tuple(node(node_id) for node_id in node_ids))


@dataclass
class FakeLog:
    data: bytes = b""
    start_offset: int = 0
    end_offset: int = 0
    epochs: Sequence[tuple[int, int]] = ()

    def read(self, offset: int, max_bytes: int) -> bytes:
        position = 0
        for batch in read_batches(self.data):
            if batch.last_offset >= offset:
                break
            position += batch.size
        return self.data[position : position + max_bytes]

    @classmethod
    def of(cls, *batches: tuple[int, int]) -> FakeLog:
        """(epoch, number of records) each."""
        log = cls()
        epochs: list[tuple[int, int]] = []
        for epoch, count in batches:
            values = [b"%d" % (log.end_offset + index) for index in range(count)]
            log.data += data_batch(log.end_offset, epoch, values, WALL_MS)
            if not epochs or epochs[-1][0] != epoch:
                epochs.append((epoch, log.end_offset))
            log.end_offset += count
        log.epochs = epochs
        return log


@dataclass
class FakeSnapshots:
    contents: dict[SnapshotId, bytes] = field(default_factory=dict)

    def snapshots(self) -> Sequence[SnapshotId]:
        return sorted(self.contents)

    def size(self, snapshot_id: SnapshotId) -> int:
        return len(self.contents[snapshot_id])

    def read_at(self, snapshot_id: SnapshotId, position: int, max_bytes: int) -> bytes:
        return self.contents[snapshot_id][position : position + max_bytes]


class Replica:
    """Drives one `RaftQuorum`: every event's effects are returned, and those of the log are done."""

    def __init__(
        self,
        node_id: int = 1,
        voters: VoterSet | None = None,
        *,
        log: FakeLog | None = None,
        snapshots: FakeSnapshots | None = None,
        election: ElectionState | None = None,
        kraft_version: int = 1,
        voters_offset: int = 0,
    ) -> None:
        self.log = log or FakeLog()
        self.snapshots = snapshots or FakeSnapshots()
        self.time_ms = 0.0
        self._token = 0
        self.quorum = RaftQuorum(
            key(node_id),
            QuorumHistory(kraft_version, voters or voter_set(1, 2, 3), voters_offset, voters_offset),
            settings=RaftSettings(
                cluster_id=CLUSTER_ID, listener_name=LISTENER, local_endpoints=node(node_id).endpoints
            ),
            log=self.log,
            snapshots=self.snapshots,
            random=Random(7),
            stored_election=election,
        )
        self.started = self._done(self.quorum.start(self.now))

    @property
    def now(self) -> Now:
        return Now(self.time_ms, WALL_MS + int(self.time_ms))

    def is_a(self, role: type) -> bool:
        return isinstance(self.quorum.role, role)

    def after(self, ms: float) -> list[Effect]:
        self.time_ms += ms
        return self._done(self.quorum.poll(self.now))

    def until_due(self) -> list[Effect]:
        return self.after(self.quorum.next_poll_ms - self.time_ms)

    def ask(self, request: Request, version: int | None = None) -> list[Effect]:
        self._token += 1
        api_version = type(request).versions.latest if version is None else version
        inbound = Inbound(self._token, request, api_version, LISTENER)
        return self._done(self.quorum.handle_request(inbound, self.now))

    def answer(self, sent: SendRequest, response: Response) -> list[Effect]:
        return self._done(self.quorum.handle_response(sent.correlation_id, response, self.now))

    def fail(self, sent: SendRequest) -> list[Effect]:
        return self._done(self.quorum.request_failed(sent.correlation_id, self.now))

    def append(self, *values: bytes) -> list[Effect]:
        return self._done(self.quorum.append(values, self.now))

    def sync(self) -> list[Effect]:
        return self._done(self.quorum.log_synced(self.quorum.log_end_offset, self.now))

    def _done(self, effects: list[Effect]) -> list[Effect]:
        for effect in effects:
            if isinstance(effect, AppendBatch):
                self.log.data += effect.batch
                self.log.end_offset = effect.last_offset + 1
            elif isinstance(effect, TruncateLog):
                kept = [batch.size for batch in read_batches(self.log.data) if batch.last_offset < effect.offset]
                self.log.data = self.log.data[: sum(kept)]
                self.log.end_offset = effect.offset
        return effects


def sent(effects: Sequence[Effect], kind: type[T]) -> list[tuple[SendRequest, T]]:
    """The requests of one kind among the effects."""
    return [
        (effect, effect.request)
        for effect in effects
        if isinstance(effect, SendRequest) and isinstance(effect.request, kind)
    ]


def replied(effects: Sequence[Effect], kind: type[T]) -> T:
    """The one answer of that kind."""
    [found] = [effect.response for effect in effects if isinstance(effect, Reply) and isinstance(effect.response, kind)]
    return found
