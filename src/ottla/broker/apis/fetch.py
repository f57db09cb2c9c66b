"""Fetch (1): record batches from given offsets, now or when there are enough (long polling).

| version | what changed                                            | KIP            |
|---------|---------------------------------------------------------|----------------|
| 4       | isolation level, aborted transactions                   | 98             |
| 5       | log start offset                                        | 107            |
| 7       | fetch sessions                                          | 227            |
| 9       | current leader epoch                                    | 320            |
| 11      | rack, preferred read replica; followers answer, too     | 392            |
| 12      | last fetched epoch, diverging epoch                     | 595            |
| 13      | topic ids                                               | 516            |
| 15      | replica state                                           | 903            |
| 16      | current leader and its endpoint beside its error        | 951            |
| 17, 18  | directory id, high watermark (of controllers only)      | 853, 1166      |

The request's partitions become those of a session (a passing one where the client has none); `FetchRead` reads what is
ready; too little of it parks as a `DelayedFetch`. Kafka's `KafkaApis.handleFetchRequest`, `FetchManager`.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from ottla.broker.authorizer.authorizer import Authorizer
from ottla.broker.replica.delayed_fetch import DelayedFetch
from ottla.broker.replica.fetch_read import CONSUMER, FetchRead
from ottla.broker.replica.fetch_session import (
    INITIAL_EPOCH,
    NO_SESSION,
    FetchSession,
    FetchSessionCache,
    TopicKey,
)
from ottla.broker.replica.partition import Partition
from ottla.broker.replica.read_replica import preferred_read_replica
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.metadata.acls import AclOperation
from ottla.protocol.api.fetch import (
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
)
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock, Timers
from ottla.runtime.turn import Turn

TOPIC_IDS_SINCE: Final = 13
FOLLOWERS_ANSWER_SINCE: Final = 11
REPLICA_STATE_SINCE: Final = 15
LEADER_HINTS_SINCE: Final = 16
NO_BROKER_EPOCH: Final = -1
CONSUMER_KIND: Final = "FetchConsumer"
FOLLOWER_KIND: Final = "FetchFollower"
ERRORS_WITH_LEADER: Final = frozenset((ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH))


class FetchHandler:
    def __init__(
        self,
        manager: ReplicaManager,
        sessions: FetchSessionCache,
        clock: Clock,
        timers: Timers,
        fetch_max_bytes: int,
        authorizer: Authorizer | None = None,
        turn: Turn | None = None,
        *,
        sends_to_racks: bool = False,
    ) -> None:
        """`sends_to_racks`: consumers that name their rack are sent to replicas there."""
        self._sends_to_racks = sends_to_racks
        self._turn = turn or Turn()
        self._manager = manager
        self._sessions = sessions
        self._clock = clock
        self._timers = timers
        self._fetch_max_bytes = fetch_max_bytes
        self._authorizer = authorizer

    def __call__(self, context: RequestContext, request: FetchRequest) -> FetchResponse | Awaitable[FetchResponse]:
        replica_id, replica_epoch = request.replica_id, NO_BROKER_EPOCH
        if context.api_version >= REPLICA_STATE_SINCE:
            replica_id, replica_epoch = request.replica_state.replica_id, request.replica_state.replica_epoch
        if replica_id >= 0:
            self._manager.follower_fetches[context.api_version] += 1
        if context.timing is not None:
            context.timing.also(FOLLOWER_KIND if replica_id >= 0 else CONSUMER_KIND)
        session = self._open_session(context, request, privileged=replica_id >= 0)
        if isinstance(session, ErrorCode):
            return FetchResponse(error_code=session, responses=[])
        if self._authorizer is not None:
            _limit(session, self._authorizer, context, replica_id)
        fetch = _Fetch(self, context, request, session, replica_id, replica_epoch)
        answer = fetch.attempt(request.max_wait_ms <= 0 or not session.partitions)
        if isinstance(answer, FetchResponse):
            if session.id == NO_SESSION:
                session.end()
            return answer
        return DelayedFetch(session, fetch.attempt, answer, request.max_wait_ms, self._timers, self._turn)

    def _open_session(
        self, context: RequestContext, request: FetchRequest, *, privileged: bool
    ) -> FetchSession | ErrorCode:
        by_topic_id = context.api_version >= TOPIC_IDS_SINCE
        session_id, epoch = request.session_id, request.session_epoch
        if epoch > INITIAL_EPOCH:
            known = self._sessions.next_fetch(session_id, epoch, by_topic_id=by_topic_id)
            if isinstance(known, ErrorCode):
                return known
            known.want(request.topics)
            known.forget(request.forgotten_topics_data)
            if known.partitions:
                self._sessions.touch(known, self._clock.monotonic_ms())
                return known
            self._sessions.remove(session_id)  # nothing left to fetch: it ends
            return FetchSession(by_topic_id=by_topic_id)
        if session_id != NO_SESSION:
            self._sessions.remove(session_id)
        session = FetchSession(by_topic_id=by_topic_id, privileged=privileged)
        session.last_used_ms = self._clock.monotonic_ms()
        session.want(request.topics)
        return session

    def answer(self, fetch: "_Fetch", read: FetchRead) -> FetchResponse:
        """What was read, as a response; the session takes note."""
        session = fetch.session
        if session.id != NO_SESSION:
            if session.epoch != fetch.expected_epoch:
                return FetchResponse(
                    error_code=ErrorCode.INVALID_FETCH_SESSION_EPOCH, session_id=session.id, responses=[]
                )
        elif fetch.wants_session:
            self._sessions.add(session, self._clock.monotonic_ms())
        read.settle()
        endpoints: dict[int, NodeEndpoint] = {}
        topics: list[FetchableTopicResponse] = []
        partitions: list[PartitionData] = []
        last_topic: TopicKey | None = None
        for wanted, data in read.found:
            topic_key = wanted.topic_key
            if topic_key != last_topic:
                last_topic = topic_key
                partitions = []
                if isinstance(topic_key, bytes):
                    topics.append(FetchableTopicResponse(topic_id=topic_key, partitions=partitions))
                else:
                    topics.append(FetchableTopicResponse(topic=topic_key, partitions=partitions))
            if data.error_code and fetch.version >= LEADER_HINTS_SINCE and data.error_code in ERRORS_WITH_LEADER:
                self._add_leader(fetch, topic_key, data, endpoints)
            partitions.append(data)
        return FetchResponse(
            error_code=0, session_id=session.id, responses=topics, node_endpoints=list(endpoints.values())
        )

    def _add_leader(
        self, fetch: "_Fetch", topic_key: TopicKey, data: PartitionData, endpoints: dict[int, NodeEndpoint]
    ) -> None:
        topics = self._manager.image.topics
        topic = topics.by_id.get(topic_key) if isinstance(topic_key, bytes) else topics.by_name.get(topic_key)
        leader_id, leader_epoch = self._manager.current_leader(topic, data.partition_index)
        data.current_leader = LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=leader_epoch)
        at = self._manager.endpoint(leader_id, fetch.listener)
        if at is not None:
            endpoints[leader_id] = NodeEndpoint(node_id=leader_id, host=at.host, port=at.port, rack=at.rack)

    def _nearer(self, fetch: "_Fetch") -> Callable[[Partition, int], int]:
        manager = self._manager
        cluster = manager.image.cluster

        def prefer(partition: Partition, offset: int) -> int:
            return preferred_read_replica(partition, offset, fetch.rack, fetch.listener, cluster, manager.node_id)

        return prefer

    def read(self, fetch: "_Fetch") -> FetchRead:
        read = FetchRead(
            self._manager,
            fetch.session,
            replica_id=fetch.replica_id,
            isolation_level=fetch.isolation_level,
            max_bytes=min(fetch.max_bytes, self._fetch_max_bytes),
            replica_epoch=fetch.replica_epoch,
            takes_progress=fetch.is_new,
            prefer=self._nearer(fetch) if self._sends_to_racks and fetch.rack and fetch.replica_id < 0 else None,
            leader_only=fetch.replica_id == CONSUMER and fetch.version < FOLLOWERS_ANSWER_SINCE,
        )
        fetch.is_new = False
        read.run()
        return read


def _limit(session: FetchSession, authorizer: Authorizer, context: RequestContext, replica_id: int) -> None:
    """Let the session read what this request's principal may. What it may not read is told with every answer."""

    def may_read(topic_key: TopicKey) -> bool:
        if replica_id >= 0:
            return authorizer.allows_cluster(context, AclOperation.CLUSTER_ACTION)
        name = authorizer.image().topics.name_of(topic_key) if isinstance(topic_key, bytes) else topic_key
        return name is None or authorizer.allows_topic(context, AclOperation.READ, name)

    session.may_read = may_read
    for wanted in session.partitions.values():
        if not may_read(wanted.topic_key):
            session.ready[wanted] = None


class _Fetch:
    """One request on its way to an answer; the request itself, a view of the connection's buffer, is let go."""

    __slots__ = (
        "_handler",
        "_min_bytes",
        "expected_epoch",
        "is_new",
        "isolation_level",
        "listener",
        "max_bytes",
        "rack",
        "replica_epoch",
        "replica_id",
        "session",
        "version",
        "wants_session",
    )

    def __init__(
        self,
        handler: FetchHandler,
        context: RequestContext,
        request: FetchRequest,
        session: FetchSession,
        replica_id: int,
        replica_epoch: int,
    ) -> None:
        self._handler = handler
        self._min_bytes = min(request.min_bytes, request.max_bytes, handler._fetch_max_bytes)
        self.session = session
        self.expected_epoch = session.epoch
        self.wants_session = request.session_epoch == INITIAL_EPOCH
        self.isolation_level = request.isolation_level
        self.listener = context.connection.listener
        self.max_bytes = request.max_bytes
        self.replica_id = replica_id
        self.replica_epoch = replica_epoch
        self.rack = request.rack_id
        self.is_new = True
        self.version = context.api_version

    def attempt(self, at_once: bool) -> FetchResponse | int:
        """The answer, or how many bytes it still needs."""
        read = self._handler.read(self)
        if at_once or read.answer_now or read.size >= self._min_bytes:
            return self._handler.answer(self, read)
        read.keep_quiet()
        return self._min_bytes - read.size
