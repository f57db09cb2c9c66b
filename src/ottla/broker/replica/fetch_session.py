"""Fetch sessions (KIP-227): what a consumer fetches is remembered; requests and answers carry only what changed.

A `FetchSession` is a set of `FetchPartition`s in the order in which they are to be read. What may have something new
stands in `ready`, and a fetch looks at nothing else: its cost follows what changed, not the session's size. What is not
ready listens to its partition; what is ready need not, unless its fetch is parked. So a session whose fetcher is busy,
or gone, costs the appends to its partitions nothing.

    client                                   broker
    epoch 0: all partitions          ──►     all answered; session id, next epoch 1
    epoch 1: changed, forgotten      ──►     only those with records, an error, a new high watermark or log start
    epoch -1                         ──►     all answered; the session named, if any, is closed

A fetch without a session (epoch -1, or a version before 7) uses a session that nobody remembers.

The session of a follower is told of appends; that of a consumer, of what is committed. A follower's fetch says of every
partition of its session where it stands; of those at rest that is what it said before (`rested`).
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from ottla.protocol.api.fetch import FetchPartition as RequestedPartition
from ottla.protocol.api.fetch import FetchTopic, ForgottenTopic, PartitionData
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.replica.follower_state import FollowerState
    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replica_manager import ReplicaManager

NO_SESSION: Final = 0
INITIAL_EPOCH: Final = 0
FINAL_EPOCH: Final = -1
MAX_EPOCH: Final = 2**31 - 1
MIN_EVICTION_AGE_MS: Final = 120_000
"""How long a session must be idle before any new one takes its slot, and how old before a larger one does."""

NEVER_SENT: Final = -1

TopicKey: TypeAlias = str | bytes
"""A name (before version 13) or an id."""


class ParkedFetch(Protocol):
    """`DelayedFetch`: the fetch of a session that waits for more."""

    def appended(self, size: int) -> None: ...

    def wake(self) -> None: ...

    def answer(self) -> None: ...


class FetchPartition:
    """One partition of a session: where its fetcher stands, what it was told last. Listens to its `Partition`."""

    __slots__ = (
        "current_leader_epoch",
        "exhausted",
        "fetch_offset",
        "follower",
        "index",
        "last_fetched_epoch",
        "log_start_offset",
        "max_bytes",
        "partition",
        "quiet",
        "sent_high_watermark",
        "sent_log_start_offset",
        "session",
        "topic_key",
        "unheard",
    )

    def __init__(self, session: "FetchSession", topic_key: TopicKey, wanted: RequestedPartition) -> None:
        self.session = session
        self.topic_key = topic_key
        self.index = wanted.partition
        self.partition: Partition | None = None
        self.follower: FollowerState | None = None
        """What the leader knows of the one who fetches, if that is a follower, and was well received."""
        self.sent_high_watermark = NEVER_SENT
        self.sent_log_start_offset = NEVER_SENT
        self.exhausted = False
        self.unheard = False
        """The next request must be asked where the follower is, though it may not say it again."""
        self.quiet: PartitionData | None = None
        """What a passing session's parked fetch has found here, nothing, as long as nobody tells of anything new."""
        self.current_leader_epoch = wanted.current_leader_epoch
        self.want(wanted)

    def want(self, wanted: RequestedPartition) -> None:
        self.fetch_offset = wanted.fetch_offset
        self.max_bytes = wanted.partition_max_bytes
        if wanted.current_leader_epoch != self.current_leader_epoch:
            self.sent_high_watermark = NEVER_SENT  # who follows anew may have let an answer pass
        self.current_leader_epoch = wanted.current_leader_epoch
        self.last_fetched_epoch = wanted.last_fetched_epoch
        self.log_start_offset = wanted.log_start_offset

    def rested(self) -> None:
        """Up to the last fetch of the session there was nothing new to say of this partition."""
        if self.follower is not None and self not in self.session.ready:
            self.follower.fetched_again(self.session.last_used_ms)

    def contradicted(self) -> None:
        """Another session of the same follower spoke of this partition: perhaps one that was lost, and came too late.

        The next fetch of this one says again where the follower is.
        """
        if self.session.partitions.get((self.topic_key, self.index)) is self:
            self.session.ready[self] = None
            self.unheard = True

    def appended(self, size: int) -> bool:
        self.quiet = None
        self.rested()
        session = self.session
        session.ready[self] = None
        if session.parked is None:
            return False
        session.parked.appended(size)
        return True

    def altered(self) -> None:
        self.quiet = None
        session = self.session
        session.ready[self] = None
        if session.parked is not None:
            session.parked.wake()

    def committed(self) -> None:
        """What a follower is to be told, but need not be told at once."""
        self.rested()
        self.session.ready[self] = None

    def listen(self) -> None:
        partition = self.partition
        if partition is None:
            return
        if self.session.privileged:
            partition.replica_listeners[self] = None
        else:
            partition.listeners[self] = None

    def stop_listening(self) -> None:
        partition = self.partition
        if partition is not None:
            partition.listeners.pop(self, None)
            partition.replica_listeners.pop(self, None)


class FetchSession:
    """The partitions of one fetcher. `epoch`: what its next request must carry; `parked`: its waiting fetch.

    `privileged`: it is a follower's.
    """

    __slots__ = (
        "by_topic_id",
        "created_ms",
        "epoch",
        "id",
        "last_used_ms",
        "listening",
        "may_read",
        "parked",
        "partitions",
        "privileged",
        "ready",
    )

    def __init__(self, *, by_topic_id: bool, privileged: bool = False) -> None:
        self.id = NO_SESSION
        self.epoch = INITIAL_EPOCH
        self.by_topic_id = by_topic_id
        self.privileged = privileged
        self.partitions: dict[tuple[TopicKey, int], FetchPartition] = {}
        self.ready: dict[FetchPartition, None] = {}
        self.parked: ParkedFetch | None = None
        self.listening = False
        self.may_read: Callable[[TopicKey], bool] | None = None
        """Whether the one who fetches may read a topic; `None`: every topic. Anew with every request."""
        self.created_ms = self.last_used_ms = 0.0

    def want(self, topics: Iterable[FetchTopic]) -> None:
        """Add the partitions, or move those that are there to their new offsets."""
        partitions, ready, by_topic_id = self.partitions, self.ready, self.by_topic_id
        for topic in topics:
            topic_key: TopicKey = topic.topic_id if by_topic_id else topic.topic
            for wanted in topic.partitions:
                key = (topic_key, wanted.partition)
                known = partitions.get(key)
                if known is None:
                    known = partitions[key] = FetchPartition(self, topic_key, wanted)
                else:
                    known.want(wanted)
                ready[known] = None

    def forget(self, topics: Iterable[ForgottenTopic]) -> None:
        for topic in topics:
            topic_key: TopicKey = topic.topic_id if self.by_topic_id else topic.topic
            for index in topic.partitions:
                gone = self.partitions.pop((topic_key, index), None)
                if gone is not None:
                    gone.stop_listening()
                    self.ready.pop(gone, None)

    def find(self, manager: "ReplicaManager", wanted: FetchPartition) -> "Partition | ErrorCode":
        """The partition that is meant, or why there is none."""
        topic_key = wanted.topic_key
        if isinstance(topic_key, bytes):
            found = manager.find_by_id(topic_key, wanted.index)
        else:
            found = manager.find(topic_key, wanted.index)
        wanted.partition = None if isinstance(found, ErrorCode) else found
        return found

    def knows_any(self) -> bool:
        """Whether any of the partitions was found."""
        return any(wanted.partition is not None for wanted in self.partitions.values())

    def listen(self) -> None:
        """From now on be told of changes: of all partitions, or, if it was so before, of the ready ones too."""
        for wanted in self.ready if self.listening else self.partitions.values():
            wanted.listen()
        self.listening = True

    def stop_listening(self) -> None:
        if self.listening:
            self.listening = False
            for wanted in self.partitions.values():
                wanted.stop_listening()

    def end(self) -> None:
        """Nobody fetches with it again: let its partitions go, which hold it, so that no cycle is left behind."""
        self.stop_listening()
        self.partitions.clear()
        self.ready.clear()


class FetchSessionCache:
    """The sessions that are remembered: at most `slots` (`max.incremental.fetch.session.cache.slots`).

    When all are taken, a new session gets the slot of the one that was idle longest, if that was two minutes or more;
    or else of the smallest that is both older than two minutes (a follower's may push out any consumer's) and smaller
    than itself; or else none, and its fetcher goes on without.
    """

    def __init__(self, slots: int, new_id: Callable[[], int]) -> None:
        self._slots = slots
        self._new_id = new_id
        self._sessions: dict[int, FetchSession] = {}
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def partition_count(self) -> int:
        """Of all sessions together."""
        return sum(len(session.partitions) for session in self._sessions.values())

    def find(self, session_id: int) -> FetchSession | None:
        return self._sessions.get(session_id)

    def next_fetch(self, session_id: int, epoch: int, *, by_topic_id: bool) -> FetchSession | ErrorCode:
        """The session that an incremental request names, advanced by one epoch; or why it cannot go on."""
        session = self._sessions.get(session_id)
        if session is None:
            return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
        if session.by_topic_id != by_topic_id:
            return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
        if session.epoch != epoch:
            return ErrorCode.INVALID_FETCH_SESSION_EPOCH
        session.epoch = next_epoch(epoch)
        return session

    def touch(self, session: FetchSession, now_ms: float) -> None:
        if self._sessions.pop(session.id, None) is not None:
            self._sessions[session.id] = session
            session.last_used_ms = now_ms

    def add(self, session: FetchSession, now_ms: float) -> bool:
        """Remember a new session, give it an id and let it listen; false: there is no slot for it."""
        if len(self._sessions) >= self._slots and not self._evict_for(session, now_ms):
            return False
        session_id = self._new_id()
        while session_id == NO_SESSION or session_id in self._sessions:
            session_id = self._new_id()
        session.id = session_id
        session.epoch = next_epoch(INITIAL_EPOCH)
        session.created_ms = session.last_used_ms = now_ms
        self._sessions[session_id] = session
        session.listen()
        return True

    def remove(self, session_id: int) -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            session.stop_listening()
            if session.parked is not None:
                session.parked.wake()

    def answer_followers(self) -> None:
        """Let followers ask anew: there may be partitions that their parked fetches do not ask for."""
        for session in list(self._sessions.values()):
            if session.privileged and session.parked is not None:
                session.parked.answer()

    def _evict_for(self, session: FetchSession, now_ms: float) -> bool:
        idle_longest = next(iter(self._sessions.values()), None)
        if idle_longest is None:
            return False
        victim = idle_longest
        if now_ms - idle_longest.last_used_ms <= MIN_EVICTION_AGE_MS:
            old_enough = [old for old in self._sessions.values() if self._may_push_out(session, old, now_ms)]
            if not old_enough:
                return False
            victim = min(old_enough, key=_rank)
            if _rank(victim) >= (session.privileged, len(session.partitions), 0):
                return False
        self.remove(victim.id)
        self.evictions += 1
        return True

    @staticmethod
    def _may_push_out(new: FetchSession, old: FetchSession, now_ms: float) -> bool:
        return now_ms - old.created_ms > MIN_EVICTION_AGE_MS or (new.privileged and not old.privileged)


def next_epoch(epoch: int) -> int:
    return 1 if epoch == MAX_EPOCH else epoch + 1


def _rank(session: FetchSession) -> tuple[bool, int, int]:
    return session.privileged, len(session.partitions), session.id
