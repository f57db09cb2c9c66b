"""ShareFetch (78): a member of a share group acquires records, and says what became of earlier ones.

| version | what changed                                                          | KIP  |
|---------|-----------------------------------------------------------------------|------|
| 1       |                                                                       | 932  |
| 2       | exactly so many records (acquire mode 1); renewing acquisition locks   | 1206, 1222 |

Acknowledgements first, then records of the session's partitions, each in its turn, up to `max_records` (a few more
where a whole batch has more, unless the acquire mode is strict) and `max_bytes`; none at all wait up to `max_wait_ms`.
Kafka's `KafkaApis.handleShareFetchRequest`, `SharePartitionManager`.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.broker.share.acknowledgements import Acknowledged, acknowledge
from ottla.broker.share.delayed_share_fetch import DelayedShareFetch
from ottla.broker.share.in_flight import Acquired
from ottla.broker.share.share_partition import Life, SharePartition
from ottla.broker.share.share_partitions import SharePartitions
from ottla.broker.share.share_read import Readable, look, take
from ottla.broker.share.share_session import FINAL_EPOCH, INITIAL_EPOCH, ShareSession, TopicPartition
from ottla.protocol.api.share_fetch import (
    AcquiredRecords,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
    ShareFetchableTopicResponse,
    ShareFetchRequest,
    ShareFetchResponse,
)
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Timers

STRICT: Final = 1  # acquire mode: not one record more than `max_records`
SHARE_VERSION: Final = "share.version"
ERRORS_WITH_LEADER: Final = frozenset((ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH))
NO_LEADER: Final = LeaderIdAndEpoch(leader_id=0, leader_epoch=0)


class ShareFetchHandler:
    def __init__(self, shares: SharePartitions, replicas: ReplicaManager, timers: Timers, fetch_max_bytes: int) -> None:
        self._shares = shares
        self._replicas = replicas
        self._timers = timers
        self._fetch_max_bytes = fetch_max_bytes

    def __call__(self, context: RequestContext, request: ShareFetchRequest) -> Eventually[ShareFetchResponse]:
        refusal = self._refusal(request)
        if refusal is not None:
            return _refused(refusal)
        group_id, member_id = request.group_id or "", request.member_id or ""
        wanted = [
            (TopicPartition(topic.topic_id, each.partition_index), each.acknowledgement_batches)
            for topic in request.topics
            for each in topic.partitions
        ]
        batches = {where: each for where, each in wanted if each}
        session = self._session(context, request, group_id, member_id, has_acknowledgements=bool(batches))
        if isinstance(session, ErrorCode):
            return _refused(session)
        if request.share_session_epoch != FINAL_EPOCH:
            forgotten = [
                TopicPartition(topic.topic_id, index)
                for topic in request.forgotten_topics_data
                for index in topic.partitions
            ]
            session.want((where for where, _ in wanted), forgotten)
        outcome = acknowledge(self._shares, group_id, member_id, batches, is_renew=request.is_renew_ack)
        fetch = _ShareFetch(context, request, session)
        if isinstance(outcome, dict):
            return self._acknowledged(fetch, outcome)
        return self._when_acknowledged(fetch, outcome)

    async def _when_acknowledged(self, fetch: "_ShareFetch", outcome: Awaitable[Acknowledged]) -> ShareFetchResponse:
        answer = self._acknowledged(fetch, await outcome)
        return answer if isinstance(answer, ShareFetchResponse) else await answer

    def _refusal(self, request: ShareFetchRequest) -> ErrorCode | None:
        if not self._replicas.image.features.level(SHARE_VERSION):
            return ErrorCode.UNSUPPORTED_VERSION
        if not request.group_id or not request.member_id:
            return ErrorCode.INVALID_REQUEST
        if request.is_renew_ack and (
            request.max_bytes or request.min_bytes or request.max_records or request.max_wait_ms
        ):
            return ErrorCode.INVALID_REQUEST
        return None

    def _session(
        self,
        context: RequestContext,
        request: ShareFetchRequest,
        group_id: str,
        member_id: str,
        *,
        has_acknowledgements: bool,
    ) -> ShareSession | ErrorCode:
        epoch = request.share_session_epoch
        if epoch != INITIAL_EPOCH:
            return self._shares.next_session(group_id, member_id, epoch, context.connection)
        if has_acknowledgements:  # of what: a new session has acquired nothing
            return ErrorCode.INVALID_REQUEST
        return self._shares.open_session(group_id, member_id, context.connection)

    def _acknowledged(self, fetch: "_ShareFetch", outcomes: Acknowledged) -> Eventually[ShareFetchResponse]:
        fetch.outcomes = outcomes
        session = fetch.session
        if fetch.is_final:
            self._shares.close_session(session)
            return self._answer(fetch, {})
        if fetch.fetches_nothing or not session.partitions:
            return self._answer(fetch, {})
        answer = self.attempt(fetch, at_once=fetch.max_wait_ms <= 0 or bool(outcomes and _has_errors(outcomes)))
        if answer is not None:
            return answer
        return DelayedShareFetch(
            lambda expired: self.attempt(fetch, at_once=expired),
            lambda: self._watched(session),
            fetch.max_wait_ms,
            self._timers,
        ).future

    # -- reading

    def _watched(self, session: ShareSession) -> list[SharePartition]:
        found = (self._shares.find(session.group_id, where) for where in session.partitions)
        return [share for share in found if isinstance(share, SharePartition)]

    def attempt(self, fetch: "_ShareFetch", *, at_once: bool) -> ShareFetchResponse | None:
        """The answer, or `None` if it should wait."""
        if not self._shares.sessions.is_open(fetch.session):
            return _refused(ErrorCode.SHARE_SESSION_NOT_FOUND)
        found: dict[TopicPartition, ErrorCode | tuple[SharePartition, Readable]] = {}
        bytes_left = min(fetch.max_bytes, self._fetch_max_bytes)
        records_left = fetch.max_records
        size = 0
        has_errors = False
        for where in fetch.session.in_turn():
            share = self._shares.find(fetch.session.group_id, where)
            if isinstance(share, ErrorCode):
                found[where] = share
                has_errors = True
                continue
            if share.life is not Life.ACTIVE or records_left <= 0 or (size and bytes_left <= 0):
                continue
            readable = self._look(share, bytes_left, records_left)
            if isinstance(readable, Readable):
                found[where] = share, readable
                size += len(readable.data)
                bytes_left -= len(readable.data)
                records_left -= readable.count
            elif readable is not None:
                found[where] = readable
                has_errors = True
        if not at_once and not has_errors and (not size or size < fetch.min_bytes):
            return None
        return self._answer(fetch, found)

    def _look(self, share: SharePartition, max_bytes: int, max_records: int) -> Readable | ErrorCode | None:
        try:
            return look(share, max_bytes, max_records)
        except OSError as error:
            self._replicas.disk_failed(share.partition, error)
            return ErrorCode.KAFKA_STORAGE_ERROR

    # -- answering

    def _answer(
        self, fetch: "_ShareFetch", found: Mapping[TopicPartition, ErrorCode | tuple[SharePartition, Readable]]
    ) -> ShareFetchResponse:
        topics: dict[bytes, list[PartitionData]] = {}
        endpoints: dict[int, NodeEndpoint] = {}
        records_left = fetch.max_records
        told = dict.fromkeys(found)
        told |= dict.fromkeys(fetch.outcomes)
        if fetch.is_first:
            told |= fetch.session.partitions
        for where in told:
            data = PartitionData(
                partition_index=where.partition,
                error_code=ErrorCode.NONE,
                acknowledge_error_code=ErrorCode.NONE,
                current_leader=NO_LEADER,
                records=b"",
                acquired_records=[],
            )
            refused = fetch.outcomes.get(where)
            if refused is not None:
                data.acknowledge_error_code = refused.error
                data.acknowledge_error_message = refused.message
            what = found.get(where)
            if isinstance(what, tuple):
                share, readable = what
                limit = records_left if fetch.is_strict else readable.count
                acquired = take(share, fetch.session.member_id, readable, limit)
                records_left -= readable.count
                data.records = readable.data if acquired else b""
                data.acquired_records = _in_batches(acquired, readable.batch_ends, fetch.batch_size)
            elif what is not None:
                data.error_code = what
            if ERRORS_WITH_LEADER & {data.error_code, data.acknowledge_error_code}:
                self._add_leader(fetch, where, data, endpoints)
            topics.setdefault(where.topic_id, []).append(data)
        return ShareFetchResponse(
            error_code=ErrorCode.NONE,
            acquisition_lock_timeout_ms=self._shares.config_of(fetch.session.group_id).record_lock_duration_ms,
            responses=[
                ShareFetchableTopicResponse(topic_id=topic_id, partitions=partitions)
                for topic_id, partitions in topics.items()
            ],
            node_endpoints=list(endpoints.values()),
        )

    def _add_leader(
        self, fetch: "_ShareFetch", where: TopicPartition, data: PartitionData, endpoints: dict[int, NodeEndpoint]
    ) -> None:
        topic = self._replicas.image.topics.by_id.get(where.topic_id)
        leader_id, leader_epoch = self._replicas.current_leader(topic, where.partition)
        data.current_leader = LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=leader_epoch)
        at = self._replicas.endpoint(leader_id, fetch.listener)
        if at is not None:
            endpoints[leader_id] = NodeEndpoint(node_id=leader_id, host=at.host, port=at.port, rack=at.rack)


@dataclass(slots=True, init=False)
class _ShareFetch:
    """One request on its way to an answer; the request itself, a view of the connection's buffer, is let go."""

    session: ShareSession
    outcomes: Acknowledged
    listener: str
    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    max_records: int
    batch_size: int
    is_strict: bool
    is_final: bool
    is_first: bool
    fetches_nothing: bool

    def __init__(self, context: RequestContext, request: ShareFetchRequest, session: ShareSession) -> None:
        self.session = session
        self.outcomes = {}
        self.listener = context.connection.listener
        self.max_wait_ms = request.max_wait_ms
        self.min_bytes = request.min_bytes
        self.max_bytes = request.max_bytes
        self.max_records = request.max_records
        self.batch_size = request.batch_size
        self.is_strict = request.share_acquire_mode == STRICT
        self.is_final = request.share_session_epoch == FINAL_EPOCH
        self.is_first = request.share_session_epoch == INITIAL_EPOCH
        self.fetches_nothing = request.is_renew_ack or request.max_records <= 0


def _has_errors(outcomes: Acknowledged) -> bool:
    return any(refused is not None for refused in outcomes.values())


def _in_batches(acquired: Sequence[Acquired], batch_ends: Sequence[int], batch_size: int) -> list[AcquiredRecords]:
    """As the member is told: ranges that end with the record batch in which they have come to `batch_size` records."""
    told: list[AcquiredRecords] = []
    for each in acquired:
        first = each.first_offset
        for end in batch_ends:
            if end - first + 1 >= batch_size > 0 and first <= end < each.last_offset:
                told.append(AcquiredRecords(first_offset=first, last_offset=end, delivery_count=each.delivery_count))
                first = end + 1
        told.append(
            AcquiredRecords(first_offset=first, last_offset=each.last_offset, delivery_count=each.delivery_count)
        )
    return told


def _refused(error: ErrorCode) -> ShareFetchResponse:
    return ShareFetchResponse(error_code=error, acquisition_lock_timeout_ms=0, responses=[], node_endpoints=[])
