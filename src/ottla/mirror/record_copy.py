"""Copies the records of a flow: fetches batches of the source, sends them on, notes what the target acknowledged.

    source ──fetch──► copy_batches ──► BatchSender ──► target
                                           │ acknowledged
                        SourceOffsets ◄────┴────► offset syncs

At least once (`exactly_once.py` makes it exactly once): the position that a restart goes on from is behind what was
acknowledged, never before. Each partition has its own place in the source (`CopiedPartition`), so that one that fails
holds up no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Final

from ottla.clients.aborted_producers import AbortedProducers
from ottla.clients.batch_sender import NO_OFFSET, BatchSender
from ottla.clients.consumer import MOVED, READ_COMMITTED, FetchedData, TopicPartition, earliest_offsets, fetch
from ottla.clients.errors import ClientError
from ottla.mirror.batch_copy import CopiedBatch, copy_batches, split
from ottla.mirror.copied_partition import CopiedPartition
from ottla.mirror.keep_running import FAILURES, describe
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.record_batch import InvalidBatchError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ottla.clients.client import KafkaClient
    from ottla.mirror.flow_config import FlowConfig
    from ottla.mirror.offset_sync import OffsetSync
    from ottla.mirror.offset_sync_writer import OffsetSyncWriter
    from ottla.mirror.progress import FlowProgress
    from ottla.mirror.source_offsets import SourceOffsets

BUFFERED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Read and not acknowledged of a whole flow; with more nothing is read."""
WAIT_MS: Final = 500
SEVERAL_LEADERS_WAIT_MS: Final = 50
"""None of several leaders may hold the others up."""
FULL_WAIT_MS: Final = 10
"""While a partition without room is left out: it is to be read again as soon as it has some."""
RETRY_S: Final = 1.0
REFUSED_RETRY_S: Final = 5.0
"""After what the target will hardly take the next time either."""

_OF_THE_TRANSACTION = (
    ErrorCode.INVALID_TXN_STATE,
    ErrorCode.INVALID_PRODUCER_EPOCH,
    ErrorCode.PRODUCER_FENCED,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
)
_TOO_LARGE = (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE)


class RecordCopy:
    def __init__(
        self,
        flow: FlowConfig,
        source: KafkaClient,
        sender: BatchSender,
        offsets: SourceOffsets,
        syncs: OffsetSyncWriter | None,
        progress: FlowProgress,
    ) -> None:
        self._flow = flow
        self._source = source
        self._sender = sender
        self._offsets = offsets
        self._syncs = syncs
        self._progress = progress
        self._wanted: set[TopicPartition] = set()
        self._partitions: dict[TopicPartition, CopiedPartition] = {}
        self._buffered_bytes = 0
        self._changed = asyncio.Event()
        self._turn = 0
        self._leader_retry_at: dict[int, float] = {}
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._held_syncs: list[OffsetSync] = []
        self.failure: Exception | None = None
        """With transactions: why the open one cannot be committed."""

    def set_partitions(self, wanted: set[TopicPartition]) -> None:
        """Of topics that are on both sides. One that is gone keeps its place: it may be back with batches under way."""
        for where in self._wanted - wanted:
            self._progress.lags.pop(where, None)
            self._progress.troubles.pop(_subject(where), None)
        self._wanted = wanted
        self._changed.set()

    async def drain(self) -> None:
        """Wait until all that was read is acknowledged, or refused."""
        while self._buffered_bytes:
            self._changed.clear()
            await self._changed.wait()

    def queue_delayed_syncs(self) -> None:
        """Syncs of what was copied since the last one of a partition."""
        for partition in self._partitions.values():
            sync, partition.pace.delayed = partition.pace.delayed, None
            if sync is not None and self._syncs is not None:
                self._syncs.queue(sync)

    # With transactions

    def pause(self) -> None:
        """Send nothing more; `drain` then waits for what was sent."""
        self._may_send.clear()

    def resume(self) -> None:
        self._may_send.set()

    def committed(self) -> None:
        """What was acknowledged stays: now others may be told where it is."""
        held, self._held_syncs = self._held_syncs, []
        if self._syncs is not None:
            for sync in held:
                self._syncs.queue(sync)
        self.queue_delayed_syncs()

    def roll_back(self) -> None:
        """To what the source offsets say, which were loaded anew."""
        self.failure = None
        self._held_syncs.clear()
        for partition in self._partitions.values():
            partition.pace.delayed = None
            partition.roll_back(self._offsets.next_offset(partition.where))
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled. Raises what keeps it from reading anything at all, and goes on when run again."""
        loop = asyncio.get_running_loop()
        while True:
            if new := self._wanted - self._partitions.keys():
                await self._begin(new)
            leaders = await self._leaders(self._readable(loop.time()))
            if not leaders:
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S / 2):
                        await self._changed.wait()
                continue
            await self._read_round(leaders)

    async def _begin(self, wheres: Iterable[TopicPartition]) -> None:
        """Where the last run stopped, or at the beginning of what is there."""
        positions = {where: self._offsets.next_offset(where) for where in wheres}
        there = await self._leaders([where for where, position in positions.items() if position is None])
        found = await earliest_offsets(self._source, [where for part in there.values() for where in part])
        for where, position in positions.items():
            if position is None:
                if where not in found:
                    continue
                position = found[where]
            target = TopicPartition(self._flow.remote_topic(where.topic), where.partition)
            self._partitions[where] = CopiedPartition(where, target, position, self._flow.offset_lag_max)

    def _readable(self, now: float) -> list[TopicPartition]:
        if self._buffered_bytes >= BUFFERED_BYTES_MAX:
            return []
        return [each.where for each in self._present() if each.has_room and each.retry_at <= now]

    def _present(self) -> Iterator[CopiedPartition]:
        return (self._partitions[where] for where in self._wanted if where in self._partitions)

    async def _leaders(self, wheres: Collection[TopicPartition]) -> dict[int, list[TopicPartition]]:
        """Who leads what, without those that nobody leads now, and those whose leader has just failed."""
        topics = self._source.metadata.topics
        if missing := {where.topic for where in wheres if where.topic not in topics}:
            await self._source.refresh_metadata(missing)
        now = asyncio.get_running_loop().time()
        leaders: dict[int, list[TopicPartition]] = {}
        for where in wheres:
            topic = topics.get(where.topic)
            partition = topic.partitions.get(where.partition) if topic is not None else None
            if partition is None or partition.leader < 0:
                topics.pop(where.topic, None)
                if (copied := self._partitions.get(where)) is not None:
                    copied.retry_at = now + RETRY_S
            elif self._leader_retry_at.get(partition.leader, 0.0) <= now:
                leaders.setdefault(partition.leader, []).append(where)
        return leaders

    async def _read_round(self, leaders: dict[int, list[TopicPartition]]) -> None:
        self._turn += 1
        wait_ms = min(WAIT_MS, self._flow.poll_timeout_ms)
        if any(not each.has_room for each in self._present()):
            wait_ms = FULL_WAIT_MS
        elif len(leaders) > 1:
            wait_ms = min(wait_ms, SEVERAL_LEADERS_WAIT_MS)
        rounds = [self._fetch(leader, wheres, wait_ms) for leader, wheres in leaders.items()]
        failures = []
        for leader, result in zip(leaders, await asyncio.gather(*rounds, return_exceptions=True), strict=True):
            if not isinstance(result, BaseException):
                self._progress.troubles.pop("reading", None)
                continue
            if not isinstance(result, FAILURES):
                raise result
            failures.append(result)
            self._leader_retry_at[leader] = asyncio.get_running_loop().time() + RETRY_S
            for where in leaders[leader]:
                self._source.metadata.topics.pop(where.topic, None)
        if len(failures) == len(leaders):
            raise failures[0]

    async def _fetch(self, leader: int, wheres: list[TopicPartition], wait_ms: int) -> None:
        positions = {where: self._partitions[where].position for where in wheres if where in self._partitions}
        isolation_level = self._flow.isolation_level
        fetched = await fetch(
            self._source, leader, positions, self._turn, wait_ms=wait_ms, isolation_level=isolation_level
        )
        await self._may_send.wait()
        for each in fetched:
            partition = self._partitions.get(each.where)
            if partition is None or partition.position != each.position:
                continue
            try:
                await self._take(partition, each)
            except FAILURES as error:
                self._put_off(partition, error)

    async def _take(self, partition: CopiedPartition, fetched: FetchedData) -> None:
        data = fetched.data
        code = error_code(data.error_code)
        if code in MOVED:
            self._source.metadata.topics.pop(partition.where.topic, None)
            partition.retry_at = asyncio.get_running_loop().time() + RETRY_S / 10
            return
        if code is ErrorCode.OFFSET_OUT_OF_RANGE:
            found = await earliest_offsets(self._source, [partition.where])
            partition.position = found[partition.where]
            if partition.buffered_bytes == 0:
                partition.acknowledged = partition.position
            return
        if code is not ErrorCode.NONE:
            raise KafkaError(code)
        committed = self._flow.isolation_level == READ_COMMITTED
        partition.end = data.last_stable_offset if committed else data.high_watermark
        if isinstance(data.records, memoryview) and data.records:
            aborted = AbortedProducers(data) if committed else None
            copied, position = copy_batches(data.records, partition.position, aborted)
            for each in copied:
                for part in _split(each, partition.batch_bytes_max):
                    self._send(partition, part)
            partition.position = position
            if not copied and partition.buffered_bytes == 0:
                self._acknowledge(partition, position)  # nothing but markers, or what was aborted
        self._show_lag(partition)

    def _send(self, partition: CopiedPartition, copied: CopiedBatch) -> None:
        size = len(copied.batch)
        partition.buffered_bytes += size
        self._buffered_bytes += size
        sent = self._sender.send(partition.target, copied.batch, copied.count)
        sent.add_done_callback(functools.partial(self._sent, partition, partition.generation, copied))

    def _sent(
        self, partition: CopiedPartition, generation: int, copied: CopiedBatch, sent: asyncio.Future[int]
    ) -> None:
        size = len(copied.batch)
        partition.buffered_bytes -= size
        self._buffered_bytes -= size
        self._changed.set()
        if sent.cancelled():
            return
        error = sent.exception()
        if partition.generation != generation:
            return
        if error is not None and self._flow.exactly_once:
            assert isinstance(error, Exception)
            self.failure = self.failure or error
            self.pause()  # nothing more for a transaction that will be aborted
        if error is None:
            self._progress.records += copied.count
            self._progress.bytes += size
            self._progress.troubles.pop(_subject(partition.where), None)
            self._queue_syncs(partition, copied, sent.result())
            done = partition.position if partition.buffered_bytes == 0 else copied.next_offset
            self._acknowledge(partition, done)
            return
        if isinstance(error, KafkaError) and error.code in _TOO_LARGE and copied.count > 1:
            partition.batch_bytes_max = size // 2
            partition.go_back(0.0)
            return
        assert isinstance(error, Exception)
        partition.go_back(0.0)
        self._put_off(partition, error)

    def _acknowledge(self, partition: CopiedPartition, next_offset: int) -> None:
        partition.acknowledged = next_offset
        self._offsets.acknowledged(partition.where, next_offset)
        self._show_lag(partition)

    def _show_lag(self, partition: CopiedPartition) -> None:
        if partition.where in self._wanted:
            self._progress.lags[partition.where] = partition.lag

    def _queue_syncs(self, partition: CopiedPartition, copied: CopiedBatch, base_offset: int) -> None:
        if self._syncs is None or base_offset == NO_OFFSET:
            return
        due: list[OffsetSync] = []
        for run in copied.runs:
            due += partition.pace.copied(run.first, base_offset, run.records)
            base_offset += run.records
        if self._flow.exactly_once:
            self._held_syncs += due
            return
        for sync in due:
            self._syncs.queue(sync)

    def _put_off(self, partition: CopiedPartition, error: Exception) -> None:
        """This partition fails; the others go on."""
        for_now = isinstance(error, ClientError) or (
            isinstance(error, KafkaError) and (error.code.retriable or error.code in _OF_THE_TRANSACTION)
        )
        wait_s = RETRY_S if for_now else REFUSED_RETRY_S
        partition.retry_at = asyncio.get_running_loop().time() + wait_s
        if isinstance(error, InvalidBatchError):
            error = InvalidBatchError(error.code, f"{error} (at offset {partition.position} of the source)")
        self._progress.troubles[_subject(partition.where)] = describe(error)


def _split(copied: CopiedBatch, bytes_max: int) -> list[CopiedBatch]:
    if len(copied.batch) <= bytes_max or copied.count < 2:
        return [copied]
    return [part for half in split(copied) for part in _split(half, bytes_max)]


def _subject(where: TopicPartition) -> str:
    return f"partition {where.topic}-{where.partition}"
