"""Reads records of given partitions from given offsets: one fetch under way a leader, batches opened here.

Without a group. `clients.group` adds membership; both hand the same `ConsumedRecord`s out.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Generic, NamedTuple, TypeVar

from ottla.clients.aborted_producers import AbortedProducers
from ottla.clients.client import RETRY_BACKOFF_MS, KafkaClient
from ottla.clients.errors import RetriableError
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData
from ottla.protocol.api.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.record import Headers, Record, iterate_records
from ottla.protocol.record_batch import BatchHeader, crc_matches, iterate_batches

EARLIEST_TIMESTAMP = -2
LATEST_TIMESTAMP = -1
MAX_WAIT_MS = 500
FETCH_BYTES_MAX = 16 * 1024 * 1024
PARTITION_BYTES_MAX = 1024 * 1024

Item = TypeVar("Item")

READ_UNCOMMITTED = 0
READ_COMMITTED = 1

MOVED = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.UNKNOWN_LEADER_EPOCH,
    ErrorCode.REPLICA_NOT_AVAILABLE,
    ErrorCode.OFFSET_NOT_AVAILABLE,
)
"""A partition's errors that fresh metadata and another try will mend."""


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class ConsumedRecord(NamedTuple):
    """A record as a reader sees it; `timestamp` in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class FoundOffset(NamedTuple):
    offset: int
    timestamp: int
    leader_epoch: int


async def list_offsets(
    client: KafkaClient, wanted: dict[TopicPartition, int], *, isolation_level: int = READ_UNCOMMITTED
) -> dict[TopicPartition, FoundOffset]:
    """The offset of each partition's timestamp (milliseconds, or `EARLIEST_…`/`LATEST_TIMESTAMP`).

    Offset -1: no record is that young. `KafkaError` names the partition.
    """

    async def ask() -> dict[TopicPartition, FoundOffset]:
        found: dict[TopicPartition, FoundOffset] = {}
        for leader, partitions in (await by_leader(client, wanted)).items():
            topics: dict[str, list[ListOffsetsPartition]] = {}
            for topic, partition in partitions:
                asked = ListOffsetsPartition(
                    partition_index=partition, timestamp=wanted[TopicPartition(topic, partition)]
                )
                topics.setdefault(topic, []).append(asked)
            request = ListOffsetsRequest(
                replica_id=-1,
                isolation_level=isolation_level,
                topics=[ListOffsetsTopic(name=name, partitions=each) for name, each in topics.items()],
                timeout_ms=int(client.request_timeout_ms),
            )
            response = await client.send_to(leader, request, ListOffsetsResponse)
            for answered in response.topics:
                for answer in answered.partitions:
                    where = TopicPartition(answered.name, answer.partition_index)
                    if answer.error_code != ErrorCode.NONE:
                        client.metadata.topics.pop(answered.name, None)
                        raise KafkaError(error_code(answer.error_code), f"{where.topic}-{where.partition}")
                    found[where] = FoundOffset(answer.offset, answer.timestamp, answer.leader_epoch)
        return found

    return await client.retry(ask)


async def earliest_offsets(client: KafkaClient, wheres: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """Where each partition begins. `KafkaError`."""
    found = await list_offsets(client, dict.fromkeys(wheres, EARLIEST_TIMESTAMP))
    return {where: each.offset for where, each in found.items()}


async def latest_offsets(
    client: KafkaClient, wheres: Iterable[TopicPartition], *, isolation_level: int = READ_UNCOMMITTED
) -> dict[TopicPartition, int]:
    """Where each partition ends, for who reads with this isolation. `KafkaError`."""
    found = await list_offsets(client, dict.fromkeys(wheres, LATEST_TIMESTAMP), isolation_level=isolation_level)
    return {where: each.offset for where, each in found.items()}


async def by_leader(client: KafkaClient, partitions: Iterable[TopicPartition]) -> dict[int, list[TopicPartition]]:
    """Who leads which of them, asking for the metadata of topics that the client knows nothing of."""
    leaders: dict[int, list[TopicPartition]] = {}
    for where in partitions:
        metadata = client.metadata.topics.get(where.topic) or await client.topic(where.topic)
        partition = metadata.partitions.get(where.partition)
        if partition is None:
            raise KafkaError(
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                f"topic '{where.topic}' has partitions 0 to {len(metadata.partitions) - 1}, not {where.partition}",
            )
        leaders.setdefault(partition.leader, []).append(where)
    return leaders


class FetchedData(NamedTuple):
    """A partition's part of an answer; its error code is still to be looked at."""

    where: TopicPartition
    position: int
    data: PartitionData


async def fetch(
    client: KafkaClient,
    leader: int,
    positions: Mapping[TopicPartition, int],
    turn: int,
    *,
    wait_ms: int,
    isolation_level: int = READ_UNCOMMITTED,
) -> list[FetchedData]:
    """One round to one leader, of topics that the client has metadata of; others are left out. `turn` says which
    partition comes first: a full answer must not starve the last ones. What was not asked for is left out."""
    topics: dict[str, FetchTopic] = {}
    names: dict[bytes, str] = {}
    order = sorted(positions)
    first = turn % len(order) if order else 0
    for where in order[first:] + order[:first]:
        topic = topics.get(where.topic)
        if topic is None:
            known = client.metadata.topics.get(where.topic)
            if known is None:  # forgotten meanwhile: its leaders are looked for again first
                continue
            topic_id = known.topic_id
            names[topic_id] = where.topic
            topic = topics[where.topic] = FetchTopic(topic=where.topic, topic_id=topic_id, partitions=[])
        partition = FetchPartition(
            partition=where.partition, fetch_offset=positions[where], partition_max_bytes=PARTITION_BYTES_MAX
        )
        topic.partitions.append(partition)
    if not topics:
        return []
    request = FetchRequest(
        max_wait_ms=wait_ms,
        min_bytes=1,
        max_bytes=FETCH_BYTES_MAX,
        isolation_level=isolation_level,
        topics=list(topics.values()),
    )
    response = await client.send_to(leader, request, FetchResponse, timeout_ms=client.request_timeout_ms + wait_ms)
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), "fetch")
    fetched: list[FetchedData] = []
    for answered in response.responses:
        name = answered.topic or names.get(answered.topic_id, "")
        for data in answered.partitions:
            where = TopicPartition(name, data.partition_index)
            position = positions.get(where)
            if position is not None:
                fetched.append(FetchedData(where, position, data))
    return fetched


class BatchReader(ABC, Generic[Item]):
    """`positions` says what is read next; assign, seek and pause by changing it between polls.

    What is read are items: what `_open` makes of a batch. `ends` says of a partition where nobody looks any further: a
    fetch brings more than is wanted there, of which nothing is made.
    """

    def __init__(
        self,
        client: KafkaClient,
        positions: dict[TopicPartition, int],
        *,
        isolation_level: int = READ_UNCOMMITTED,
        max_wait_ms: int = MAX_WAIT_MS,
        check_crcs: bool = True,
        ends: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self.positions = positions
        self._ends = ends or {}
        self.high_watermarks: dict[TopicPartition, int] = {}
        self._client = client
        self._isolation_level = isolation_level
        self._max_wait_ms = max_wait_ms
        self._check_crcs = check_crcs
        self._turn = 0

    @abstractmethod
    def _open(
        self, where: TopicPartition, batches: memoryview, offset: int, header: BatchHeader, first: int, end: int | None
    ) -> Iterable[Item]:
        """Of the batch that stands at `offset` in `batches`: from offset `first` on, and before `end`."""

    async def poll(self) -> list[Item]:
        """What one round of fetches brings, in offset order within a partition; empty after `max_wait_ms` of nothing.

        `KafkaError(OFFSET_OUT_OF_RANGE)` names the partition and offset; first come the records that others brought.
        """
        leaders = await self._client.retry(lambda: by_leader(self._client, self.positions))
        if not leaders:
            await asyncio.sleep(self._max_wait_ms / 1000)
            return []
        self._turn += 1
        # With several leaders none may hold the others up, so only a single one is asked to wait for long.
        wait_ms = self._max_wait_ms if len(leaders) == 1 else min(self._max_wait_ms, 50)
        before = dict(self.positions)
        rounds = [self._round(leader, partitions, wait_ms) for leader, partitions in leaders.items()]
        try:
            outcomes = await asyncio.gather(*rounds, return_exceptions=True)
        except asyncio.CancelledError:  # nobody gets what some of them brought
            self.positions.update({where: at for where, at in before.items() if where in self.positions})
            raise
        items = [item for outcome in outcomes if isinstance(outcome, list) for item in outcome]
        failure = next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None)
        if failure is not None and not items:
            raise failure
        return items

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            for item in await self.poll():
                yield item

    async def _round(self, leader: int, partitions: list[TopicPartition], wait_ms: int) -> list[Item]:
        """Nothing, a moment later, from a leader that does not answer: the next poll looks for another."""
        try:
            return await self._fetch(leader, partitions, wait_ms)
        except KafkaError as error:
            if not error.code.retriable:
                raise
        except RetriableError:
            pass
        await asyncio.sleep(RETRY_BACKOFF_MS / 1000)
        return []

    async def _fetch(self, leader: int, partitions: list[TopicPartition], wait_ms: int) -> list[Item]:
        positions = {where: self.positions[where] for where in partitions if where in self.positions}
        items: list[Item] = []
        failure: KafkaError | None = None
        fetched = await fetch(
            self._client, leader, positions, self._turn, wait_ms=wait_ms, isolation_level=self._isolation_level
        )
        for where, position, data in fetched:
            if self.positions.get(where) == position:
                try:
                    self._take(where, position, data, items)
                except KafkaError as error:
                    failure = failure or error
        if failure is not None and not items:  # what is taken counts as read: it must not be lost by an error elsewhere
            raise failure
        return items

    def _take(self, where: TopicPartition, position: int, data: PartitionData, out: list[Item]) -> None:
        code = error_code(data.error_code)
        if code in MOVED:
            self._client.metadata.topics.pop(where.topic, None)
            return
        if code != ErrorCode.NONE:
            raise KafkaError(code, f"{where.topic}-{where.partition} at offset {position}")
        self.high_watermarks[where] = data.high_watermark
        batches = data.records
        if not isinstance(batches, memoryview) or not batches:
            return
        aborted = AbortedProducers(data) if self._isolation_level == READ_COMMITTED else None
        end = self._ends.get(where)
        for offset, header in iterate_batches(batches, cut_is_end=True):
            if end is not None and header.base_offset >= end:
                self.positions[where] = max(position, end)
                return
            if self._check_crcs and not crc_matches(batches, offset, header):
                raise KafkaError(
                    ErrorCode.CORRUPT_MESSAGE,
                    f"{where.topic}-{where.partition}: the batch at offset {header.base_offset} has a wrong checksum",
                )
            skip = header.is_control
            if aborted is not None:
                skip = (
                    aborted.hides(header.producer_id, header.base_offset, header.is_transactional, header.is_control)
                    or skip
                )
            if not skip:
                last = end if end is not None and header.next_offset > end else None
                out.extend(self._open(where, batches, offset, header, position, last))
            self.positions[where] = header.next_offset


class PartitionReader(BatchReader[ConsumedRecord]):
    def _open(
        self, where: TopicPartition, batches: memoryview, offset: int, header: BatchHeader, first: int, end: int | None
    ) -> Iterator[ConsumedRecord]:
        topic, partition = where
        found = iterate_records(batches, offset, header)
        return (
            ConsumedRecord(topic, partition, at, timestamp, key, value, headers)
            for at, timestamp, key, value, headers in (found if end is None else _before(found, end))
            if at >= first
        )


def _before(records: Iterator[Record], end: int) -> Iterator[Record]:
    return takewhile(lambda record: record.offset < end, records)
