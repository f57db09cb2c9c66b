"""What a replica fetches from one leader: which partitions, what to ask next, and what an answer means. Without I/O.

    follow ─► fetched ──────────── appended, cut ───────────► fetched
                 │ OFFSET_OUT_OF_RANGE                            ▲
                 ├──► out of range ── the leader's start and end ─┤
                 │ any other error, no connection                 │
                 ├──► backing off ── time ────────────────────────┘
                 │ FENCED_LEADER_EPOCH, a disk that fails
                 └──► stopped: until the metadata tells of another leader or epoch

A partition that fails does not stop the others. Only logs are touched, and those are handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ottla.broker.replica.fetcher.fetch_session_request import FetchSessionRequest, PartitionKey
from ottla.broker.replica.fetcher.followed_partition import FollowedPartition
from ottla.log.fetched_batches import UnexpectedOffsetError
from ottla.protocol.api.fetch import FetchRequest, ReplicaState
from ottla.protocol.api.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import InvalidBatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replication_quota import ReplicationQuota
    from ottla.protocol.api.fetch import FetchPartition, FetchResponse, PartitionData
    from ottla.protocol.api.list_offsets import ListOffsetsResponse

NONE: Final = ErrorCode.NONE
LATEST: Final = -1
EARLIEST: Final = -2
REPLICA_STATE_SINCE: Final = 15
NO_DIVERGENCE: Final = -1
HELD_UP_MS: Final = 100.0
"""After that the quota is looked at again."""


class FetcherSettings(NamedTuple):
    """`replica.fetch.*`: what a request asks for, and how long a partition rests after an error."""

    node_id: int
    min_bytes: int = 1
    max_wait_ms: int = 500
    max_bytes: int = 10_485_760
    partition_max_bytes: int = 1_048_576
    backoff_ms: float = 1000.0
    socket_timeout_ms: float = 30_000.0


class Follower(Protocol):
    """Whom a fetcher tells what became of partitions (`ReplicaManager`)."""

    def disk_failed(self, partition: Partition, error: OSError) -> None: ...

    def truncated(self, partitions: Sequence[Partition]) -> None:
        """These were cut: to be noted before anything is appended to them."""
        ...


class FetcherState:
    """See the module. Times that only measure are monotonic; `now_ms` of a log is the time of the clock."""

    def __init__(
        self,
        settings: FetcherSettings,
        *,
        follower: Follower,
        report: Callable[[str], None],
        quota: ReplicationQuota | None = None,
    ) -> None:
        self._quota = quota
        self._settings = settings
        self._follower = follower
        self._report = report
        self._cut: list[Partition] = []
        self._session = FetchSessionRequest()
        self._followed: dict[PartitionKey, FollowedPartition] = {}
        self._fetched: dict[PartitionKey, FollowedPartition] = {}
        self._backing_off: dict[PartitionKey, FollowedPartition] = {}
        self._out_of_range: dict[PartitionKey, FollowedPartition] = {}

    def __len__(self) -> int:
        """How many partitions are followed, whatever state they are in."""
        return len(self._followed)

    # --- which partitions

    def follow(self, partition: Partition, now_ms: int) -> None:
        """From its leader, under the leader epoch that it has now. Nothing changes if it is followed so already."""
        known = self._followed.get((partition.topic_id, partition.index))
        if known is not None and known.partition is partition and known.leader_epoch == partition.leader_epoch:
            return
        followed = FollowedPartition(partition)
        self.unfollow(followed.key)
        self._followed[followed.key] = followed
        try:
            if followed.cut_what_no_epoch_tells(now_ms):
                self._cut.append(partition)
        except OSError as error:
            self._fail(followed, error)
            return
        self._fetch(followed)
        self._note_cuts()

    def unfollow(self, key: PartitionKey) -> None:
        if self._followed.pop(key, None) is not None:
            self._stop(key)

    def _fetch(self, followed: FollowedPartition) -> None:
        self._fetched[followed.key] = followed
        self._session.say(followed)

    def _stop(self, key: PartitionKey) -> None:
        self._fetched.pop(key, None)
        self._backing_off.pop(key, None)
        self._out_of_range.pop(key, None)
        self._session.forget(key)

    def _back_off(self, followed: FollowedPartition, now_ms: float) -> None:
        self._stop(followed.key)
        followed.back_off(now_ms, self._settings.backoff_ms)
        self._backing_off[followed.key] = followed

    def _fail(self, followed: FollowedPartition, error: OSError) -> None:
        self._stop(followed.key)
        self._follower.disk_failed(followed.partition, error)

    def _note_cuts(self) -> None:
        cut, self._cut = self._cut, []
        if cut:
            self._follower.truncated(cut)

    # --- asking

    def next_ready_ms(self) -> float | None:
        """When the first of those that back off is to be fetched again."""
        return min((followed.ready_ms for followed in self._backing_off.values()), default=None)

    def wants_to_ask(self, now_ms: float) -> bool:
        ready_ms = self.next_ready_ms()
        return bool(self._fetched or self._out_of_range) or (ready_ms is not None and ready_ms <= now_ms)

    def next_request(self, version: int, broker_epoch: int, now_ms: float) -> FetchRequest | None:
        """What to send now; `None`: there is nothing to fetch at present."""
        if self._backing_off:
            for followed in [one for one in self._backing_off.values() if one.ready_ms <= now_ms]:
                del self._backing_off[followed.key]
                self._fetch(followed)
        if self._quota is not None and self._quota.names_any and self._quota.is_exceeded:
            self._hold_up(self._quota, now_ms)
        if not self._fetched:
            return None
        settings = self._settings
        session_id, epoch = self._session.id, self._session.epoch
        topics, forgotten = self._session.topics(self._fetched.values(), self._ask)
        request = FetchRequest(
            max_wait_ms=settings.max_wait_ms,
            min_bytes=settings.min_bytes,
            max_bytes=settings.max_bytes,
            session_id=session_id,
            session_epoch=epoch,
            topics=topics,
            forgotten_topics_data=forgotten,
        )
        if version >= REPLICA_STATE_SINCE:
            request.replica_state = ReplicaState(replica_id=settings.node_id, replica_epoch=broker_epoch)
        else:
            request.replica_id = settings.node_id
        return request

    def _hold_up(self, quota: ReplicationQuota, now_ms: float) -> None:
        """Who catches up has had enough for now (KIP-73)."""
        for followed in list(self._fetched.values()):
            partition = followed.partition
            if not followed.is_in_sync and quota.names(partition.topic, partition.index):
                self._stop(followed.key)
                followed.ready_ms = now_ms + HELD_UP_MS
                self._backing_off[followed.key] = followed

    def _ask(self, followed: FollowedPartition) -> FetchPartition:
        return followed.ask(self._settings.partition_max_bytes)

    # --- what an answer means

    def answered(self, response: FetchResponse, monotonic_ms: float, now_ms: int) -> None:
        was_full = self._session.epoch == 0
        if not self._session.answered(response):
            if was_full:  # not the session, but the leader
                self.lost(monotonic_ms)
            return
        for topic in response.responses:
            for data in topic.partitions:
                followed = self._fetched.get((topic.topic_id, data.partition_index))
                if followed is not None and followed.is_answered_by(data):
                    self._take(followed, data, monotonic_ms, now_ms)
        self._note_cuts()

    def _take(self, followed: FollowedPartition, data: PartitionData, monotonic_ms: float, now_ms: int) -> None:
        error = data.error_code
        if error == NONE:
            self._take_records(followed, data, monotonic_ms, now_ms)
        elif error == ErrorCode.OFFSET_OUT_OF_RANGE:
            self._stop(followed.key)
            self._out_of_range[followed.key] = followed
        elif error == ErrorCode.FENCED_LEADER_EPOCH:
            self._stop(followed.key)  # the metadata that is on its way tells whom to follow
        else:
            self._back_off(followed, monotonic_ms)

    def _take_records(self, followed: FollowedPartition, data: PartitionData, monotonic_ms: float, now_ms: int) -> None:
        partition = followed.partition
        diverging = data.diverging_epoch
        try:
            if diverging.end_offset != NO_DIVERGENCE or diverging.epoch != NO_DIVERGENCE:
                committed = partition.log.high_watermark
                offset = followed.truncate(diverging.epoch, diverging.end_offset, now_ms)
                self._cut.append(partition)
                if offset < committed:
                    self._report(
                        f"{partition.topic}-{partition.index} is cut at offset {offset}, below the high watermark "
                        f"{committed}: its leader has not what was committed"
                    )
                self._session.say(followed)
            elif followed.append(data, now_ms):
                self._session.say(followed)
                if self._quota is not None and self._quota.names(partition.topic, partition.index):
                    self._quota.record(len(data.records) if isinstance(data.records, bytes | memoryview) else 0)
            followed.went_well()
        except OSError as error:
            self._fail(followed, error)
        except (InvalidBatchError, UnexpectedOffsetError) as error:
            self._report(f"{partition.topic}-{partition.index}: what the leader sends cannot be appended: {error}")
            self._back_off(followed, monotonic_ms)

    def lost(self, monotonic_ms: float) -> None:
        """There was no answer, or nobody to ask: everything rests for a while, also what had rested long enough."""
        self._session.lost()
        rested = [followed for followed in self._backing_off.values() if followed.ready_ms <= monotonic_ms]
        for followed in [*self._fetched.values(), *self._out_of_range.values(), *rested]:
            self._back_off(followed, monotonic_ms)

    # --- out of range

    def lookups(self) -> tuple[ListOffsetsRequest, ListOffsetsRequest] | None:
        """To ask where the logs begin and end at the leader, of those that it has nothing to fetch of."""
        if not self._out_of_range:
            return None
        wanted = list(self._out_of_range.values())
        return self._lookup(wanted, EARLIEST), self._lookup(wanted, LATEST)

    def _lookup(self, wanted: Iterable[FollowedPartition], timestamp: int) -> ListOffsetsRequest:
        topics: dict[str, ListOffsetsTopic] = {}
        for followed in wanted:
            name = followed.partition.topic
            topics.setdefault(name, ListOffsetsTopic(name=name, partitions=[])).partitions.append(
                ListOffsetsPartition(
                    partition_index=followed.partition.index,
                    current_leader_epoch=followed.leader_epoch,
                    timestamp=timestamp,
                )
            )
        return ListOffsetsRequest(replica_id=self._settings.node_id, isolation_level=0, topics=list(topics.values()))

    def looked_up(
        self, earliest: ListOffsetsResponse, latest: ListOffsetsResponse, monotonic_ms: float, now_ms: int
    ) -> None:
        starts, ends = _offsets(earliest), _offsets(latest)
        for followed in list(self._out_of_range.values()):
            name = (followed.partition.topic, followed.partition.index)
            start, end = starts.get(name), ends.get(name)
            if start is None or end is None or min(start, end) < 0:
                self._back_off(followed, monotonic_ms)
                continue
            del self._out_of_range[followed.key]
            try:
                followed.begin_within(start, end, now_ms)
            except OSError as error:
                self._fail(followed, error)
            else:
                self._cut.append(followed.partition)
                self._fetch(followed)
        self._note_cuts()


def _offsets(response: ListOffsetsResponse) -> dict[tuple[str, int], int]:
    return {
        (topic.name, partition.partition_index): partition.offset
        for topic in response.topics
        for partition in topic.partitions
        if partition.error_code == NONE
    }
