"""What a replica of the quorum knows and is. Small; the transitions are its only writers. KIP-595, 853, 996.

                      ┌────────────── a leader is known ──────────────┐
                      │                                               ▼
    Unattached ── election timeout ──► Prospective ── majority ──► Candidate ── majority ──► Leader
        ▲   ▲                           │   ▲   ▲                     │                        │
        │   └──── lost, no leader ──────┘   │   └── election timeout ─┘                        │
        │                lost, leader known │                                                  │
        │         Follower ◄────────────────┤ ── fetch timeout ──► Prospective                 │
        │                                                                                      │
        └────────────── Resigned ◄── nobody fetches, shutting down, removed ──────────────────-┘

A higher epoch makes anyone Unattached, or Follower when its leader is known. A replica that is no voter is an
observer: it is Unattached or Follower, and never asks for votes.

Plain classes: a dataclass takes most of a millisecond to make, and a node makes these whenever it starts.
"""

from random import Random
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ottla.protocol.message import Response
from ottla.raft.connections import NEVER, Connections
from ottla.raft.effects import AdvanceHighWatermark, Effect, StoreElection
from ottla.raft.election_state import ElectionState
from ottla.raft.epoch_history import EpochHistory, OffsetAndEpoch
from ottla.raft.inbound import Inbound
from ottla.raft.quorum_history import QuorumHistory
from ottla.raft.replicated_log import ReplicatedLog, SnapshotReader
from ottla.raft.settings import Endpoints, RaftSettings
from ottla.raft.voter_set import ReplicaKey, VoterSet

if TYPE_CHECKING:
    from ottla.raft.under_way import ParkedFetch, SnapshotFetch, VoterChange


class Now(NamedTuple):
    monotonic_ms: float
    """For deadlines."""
    wall_ms: int
    """Since 1970: what is written into records."""


class Votes:
    """Of one election, or of the question whether there should be one."""

    def __init__(self, voters: frozenset[int], granted: set[int]) -> None:
        self.voters = voters
        self.granted = granted
        self.rejected: set[int] = set()

    @property
    def is_granted(self) -> bool:
        return len(self.granted & self.voters) > len(self.voters) // 2

    @property
    def is_rejected(self) -> bool:
        return len(self.voters) - len(self.rejected) <= len(self.voters) // 2

    @property
    def missing(self) -> list[int]:
        return sorted(self.voters - self.granted - self.rejected)


class Unattached:
    """In an epoch whose leader is not known, or cannot be reached; or, having voted, waiting for one."""

    def __init__(self, election_deadline_ms: float) -> None:
        self.election_deadline_ms = election_deadline_ms
        self.leaderless: set[int] = set()
        """The voters that said that they know no leader."""


class Follower:
    has_fetched: bool = False
    """A leader that answers is not deposed by a pre-vote."""
    has_updated_leader: bool = False
    is_gone: bool = False
    """Nobody listens where the leader did (`peer_loss`)."""
    snapshot: "SnapshotFetch | None" = None

    def __init__(
        self, leader_id: int, endpoints: Endpoints, fetch_deadline_ms: float, update_voter_at_ms: float
    ) -> None:
        """`update_voter_at_ms`: when to look whether the leader knows our endpoints and versions (KIP-853)."""
        self.leader_id = leader_id
        self.endpoints = endpoints
        self.fetch_deadline_ms = fetch_deadline_ms
        self.update_voter_at_ms = update_voter_at_ms


class Prospective:
    """Asks whether an election could be won, without an epoch of its own (KIP-996)."""

    def __init__(self, election_deadline_ms: float, votes: Votes, leader_endpoints: Endpoints) -> None:
        self.election_deadline_ms = election_deadline_ms
        self.votes = votes
        self.leader_endpoints = leader_endpoints


class Candidate:
    def __init__(self, election_deadline_ms: float, votes: Votes) -> None:
        self.election_deadline_ms = election_deadline_ms
        self.votes = votes


class Progress:
    """How far another replica is, as its fetches say."""

    end_offset: int | None = None
    has_acknowledged: bool = False
    last_fetch_ms: float | None = None
    last_fetch_wall_ms: int = -1
    last_caught_up_wall_ms: int = -1
    leader_end_at_last_fetch: int = -1


class Leader:
    high_watermark: int | None = None
    """Not known before a record of this epoch is committed."""
    change: "VoterChange | None" = None
    volatile_voters: VoterSet | None = None
    """What static voters said about themselves: at kraft.version 0 it is not in the log."""
    wants_to_resign: bool = False

    def __init__(
        self,
        epoch_start_offset: int,
        voters: dict[int, Progress],
        check_quorum_deadline_ms: float,
        begin_epoch_at_ms: float,
    ) -> None:
        """`epoch_start_offset`: of the epoch's LeaderChange record; what comes before is committed once that is."""
        self.epoch_start_offset = epoch_start_offset
        self.voters = voters
        self.check_quorum_deadline_ms = check_quorum_deadline_ms
        self.begin_epoch_at_ms = begin_epoch_at_ms
        self.observers: dict[ReplicaKey, Progress] = {}
        self.fetched: set[int] = set()
        """The voters that have fetched since the majority last had."""
        self.parked: dict[int, ParkedFetch] = {}


class Resigned:
    """Led this epoch once. Says so to the others, and never leads it again."""

    def __init__(
        self, election_deadline_ms: float, unacknowledged: set[int], preferred_successors: list[ReplicaKey]
    ) -> None:
        self.election_deadline_ms = election_deadline_ms
        self.unacknowledged = unacknowledged
        self.preferred_successors = preferred_successors


Role: TypeAlias = Unattached | Follower | Prospective | Candidate | Leader | Resigned


class RaftError(Exception):
    """What was asked for cannot be done by this replica now."""


class CommittedDataLostError(RaftError):
    """A leader denies what was committed: this replica must stop, and somebody has to look."""


class QuorumState:
    is_shutting_down: bool = False

    def __init__(
        self,
        local: ReplicaKey,
        history: QuorumHistory,
        *,
        settings: RaftSettings,
        log: ReplicatedLog,
        snapshots: SnapshotReader,
        random: Random,
        election: ElectionState,
        epochs: EpochHistory,
    ) -> None:
        """All that is in the log is on disk."""
        self.local = local
        self.history = history
        self.settings = settings
        self.log = log
        self.snapshots = snapshots
        self.random = random
        self.election = election
        self.epochs = epochs
        self.connections = Connections(settings)
        self.role: Role = Unattached(NEVER)
        self.log_end_offset = log.end_offset
        """After every append that was asked for."""
        self.synced_offset = log.end_offset
        """The end of what has reached our own disk."""
        self.high_watermark = log.start_offset
        self.effects: list[Effect] = []

    @property
    def epoch(self) -> int:
        return self.election.epoch

    @property
    def is_voter(self) -> bool:
        return self.local in self.history.voters

    @property
    def may_campaign(self) -> bool:
        """Of a voter; and of one whose removal is not known to be committed. Ongaro's thesis, section 4.2.2.

        Otherwise a leader that removes itself from two voters, and fails before the other has heard of it, leaves a
        voter whose log is too short to be voted for and a log that nobody may campaign with. (Apache Kafka 4.3 has
        that gap.)
        """
        if self.is_voter:
            return True
        offset = self.history.voters_offset
        return offset >= self.high_watermark and self.local in self.history.before(offset)[1]

    @property
    def end(self) -> OffsetAndEpoch:
        return OffsetAndEpoch(self.log_end_offset, self.epochs.last_epoch)

    @property
    def leader_endpoints(self) -> Endpoints:
        """Empty when nobody leads, or where it listens is not known."""
        role = self.role
        if isinstance(role, Follower):
            return role.endpoints
        if isinstance(role, Prospective):
            return role.leader_endpoints
        if isinstance(role, Leader | Resigned):
            return self.settings.local_endpoints
        return {}

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def reply(self, inbound: Inbound, response: Response) -> None:
        from ottla.raft.peer_effects import Reply

        self.effects.append(Reply(inbound.token, response))

    def set_election(self, election: ElectionState) -> None:
        """Stored before anything that follows from it is said."""
        before = self.election
        if election == before:
            return
        self.election = election
        self.emit(StoreElection(election))
        is_new_leader = (election.leader_id, election.epoch) != (before.leader_id, before.epoch)
        if is_new_leader and election.leader_id != self.local.node_id:
            from ottla.raft.peer_effects import LeaderChanged

            self.emit(LeaderChanged(election.leader_id, election.epoch))

    def advance_high_watermark(self, offset: int) -> None:
        if offset > self.high_watermark:
            self.high_watermark = offset
            self.emit(AdvanceHighWatermark(offset))
