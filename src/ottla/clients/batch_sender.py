"""Sends ready-made batches: each partition's in order, several under way, each exactly once in the log.

Idempotent (KIP-98): a batch gets its producer id and sequence numbers here. When one of those under way fails, all are
waited for, and those that were not acknowledged go again from the first on with the same numbers, which the broker
tells from new ones. When the broker has lost the producer (its records were deleted, its epoch is over), the partition
goes on under a new producer id; what was under way then may come twice.

With a `Transaction` all goes into it: a partition joins with its first batch, nothing is numbered anew, and after a
failure everything fails until the transaction has begun again and the sender was told to `forget`.

`clients.producer` gathers records into batches; this is for whoever has batches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Final

from ottla.clients.client import RETRY_BACKOFF_MAX_MS, RETRY_BACKOFF_MS, KafkaClient
from ottla.clients.errors import ClientError, RetriableError
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.record_batch import TRANSACTIONAL_FLAG, increment_sequence, renew_crc

if TYPE_CHECKING:
    from ottla.clients.connection import Connection
    from ottla.clients.consumer import TopicPartition
    from ottla.clients.transaction import Transaction

IN_FLIGHT_MAX: Final = 5
"""Batches of a partition under way; the broker remembers the last five of a producer."""
DELIVERY_TIMEOUT_MS: Final = 120_000
PRODUCE_TIMEOUT_MS: Final = 30_000
NO_OFFSET: Final = -1
"""The broker knows the batch, and no longer where it went."""

_PRODUCER = Struct(">qhi")
_PRODUCER_AT = 43
_ATTRIBUTES_AT = 22  # their lower byte
_ADDING_BY_ITSELF = 12
"""The first version of Produce that adds partitions to the transaction, in which a client may not do so itself."""
_LOST_PRODUCER = (
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode.UNKNOWN_PRODUCER_ID,
    ErrorCode.INVALID_PRODUCER_EPOCH,
    ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ErrorCode.PRODUCER_FENCED,
)


class _Outgoing:
    __slots__ = ("acknowledged", "batch", "count", "sequence")

    def __init__(self, batch: bytearray, count: int) -> None:
        self.batch = batch
        self.count = count
        self.sequence = -1
        self.acknowledged: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class BatchSender:
    """`base_offset = await sender.send(where, batch, count)`; calls for one partition are sent in their order.

    A batch that is refused for good fails with `KafkaError`, and so does every later one of its partition that was
    queued by then: none may overtake it. Bounding what is queued is the caller's business.
    """

    def __init__(
        self,
        client: KafkaClient,
        *,
        delivery_timeout_ms: int = DELIVERY_TIMEOUT_MS,
        transaction: Transaction | None = None,
    ) -> None:
        self.client = client
        self.transaction = transaction
        self.delivery_timeout_ms = delivery_timeout_ms
        self._partitions: dict[TopicPartition, _PartitionSender] = {}
        self._producer: asyncio.Task[tuple[int, int]] | None = None

    def send(self, where: TopicPartition, batch: bytearray, count: int) -> asyncio.Future[int]:
        """Queues at once; the future is the batch's offset, or `NO_OFFSET`."""
        partition = self._partitions.get(where)
        if partition is None:
            partition = self._partitions[where] = _PartitionSender(self, where)
        return partition.queue(_Outgoing(batch, count))

    def forget(self) -> None:
        """Drop what is queued, and every number that was given out; who waits is cancelled."""
        for partition in self._partitions.values():
            partition.close()
        self._partitions.clear()

    def close(self) -> None:
        if self._producer is not None:
            self._producer.cancel()
        self.forget()

    async def producer(self) -> tuple[int, int]:
        """The id and epoch that partitions begin with; one for all."""
        if self._producer is None or (self._producer.done() and self._producer.exception() is not None):
            self._producer = asyncio.ensure_future(self.new_producer())
        return await asyncio.shield(self._producer)

    async def new_producer(self) -> tuple[int, int]:
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)
        response = await self.client.send_any(request, InitProducerIdResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), "the broker gave no producer id")
        return response.producer_id, response.producer_epoch


class _PartitionSender:
    def __init__(self, sender: BatchSender, where: TopicPartition) -> None:
        self._sender = sender
        self._where = where
        self._queue: deque[_Outgoing] = deque()
        self._producer: tuple[int, int] | None = None
        self._sequence = 0
        self._has_failed = False
        self._is_known = False
        self._task: asyncio.Task[None] | None = None

    def queue(self, outgoing: _Outgoing) -> asyncio.Future[int]:
        self._queue.append(outgoing)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._send_all())
        return outgoing.acknowledged

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        for outgoing in self._queue:
            outgoing.acknowledged.cancel()
        self._queue.clear()

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_known = False  # after a long rest the broker may have forgotten the producer
        backoff_ms = RETRY_BACKOFF_MS
        deadline = loop.time() + self._sender.delivery_timeout_ms / 1000
        while self._queue:
            error = await self._send_round()
            if error is None:
                backoff_ms = RETRY_BACKOFF_MS
                deadline = loop.time() + self._sender.delivery_timeout_ms / 1000
                continue
            if not _may_go_again(error) or loop.time() >= deadline:
                self._fail(error)
                return
            await asyncio.sleep(backoff_ms / 1000)
            backoff_ms = min(backoff_ms * 2, RETRY_BACKOFF_MAX_MS)

    async def _send_round(self) -> Exception | None:
        """The first few batches at once; what is acknowledged leaves the queue. The error of the first that is not."""
        client, topic, transaction = self._sender.client, self._where.topic, self._sender.transaction
        try:
            if transaction is not None:
                if self._has_failed:
                    raise KafkaError(ErrorCode.INVALID_TXN_STATE, f"the transaction of {topic} has to begin again")
                self._producer = transaction.producer
                await transaction.add(self._where)
            elif self._producer is None:
                again = self._has_failed
                self._producer = await (self._sender.new_producer() if again else self._sender.producer())
            # Connected beforehand, so that the requests are written in the order of their batches.
            connection, topic_id = await self._leader()
        except (KafkaError, ClientError) as error:
            client.metadata.topics.pop(topic, None)
            return error
        # From a producer that it does not know a broker takes any sequence number: until it knows this one, a second
        # batch under way could be taken though the first is refused.
        most = IN_FLIGHT_MAX if self._is_known else 1
        window = [self._queue[number] for number in range(min(most, len(self._queue)))]
        for outgoing in window:
            self._number(outgoing)
        requests = (self._produce(connection, topic_id, outgoing) for outgoing in window)
        results = await asyncio.gather(*requests, return_exceptions=True)
        for outgoing, result in zip(window, results, strict=True):
            if isinstance(result, BaseException):
                client.metadata.topics.pop(topic, None)
                if isinstance(result, KafkaError) and result.code in _LOST_PRODUCER and transaction is None:
                    return await self._begin_again(result)
                if not isinstance(result, Exception):
                    raise result
                return result
            self._queue.popleft()
            self._is_known = True
            if not outgoing.acknowledged.done():
                outgoing.acknowledged.set_result(result)
        return None

    async def _leader(self) -> tuple[Connection, bytes]:
        client, (topic, index) = self._sender.client, self._where
        metadata = client.metadata.topics.get(topic) or await client.topic(topic)
        partition = metadata.partitions.get(index)
        if partition is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"topic '{topic}' has no partition {index}")
        return await client.connection_to(partition.leader), metadata.topic_id

    def _number(self, outgoing: _Outgoing) -> None:
        assert self._producer is not None
        if outgoing.sequence < 0:
            outgoing.sequence = self._sequence
            self._sequence = increment_sequence(self._sequence, outgoing.count)
            _PRODUCER.pack_into(outgoing.batch, _PRODUCER_AT, *self._producer, outgoing.sequence)
            if self._sender.transaction is not None:
                outgoing.batch[_ATTRIBUTES_AT] |= TRANSACTIONAL_FLAG
            renew_crc(outgoing.batch, 0)

    async def _begin_again(self, error: KafkaError) -> Exception:
        """The broker does not know this producer (any more): everything that is queued goes under a new one."""
        try:
            self._producer = await self._sender.new_producer()
        except (KafkaError, ClientError) as failed:
            return failed
        self._sequence = 0
        self._is_known = False
        for outgoing in self._queue:
            outgoing.sequence = -1
        return RetriableError(f"{self._where.topic}-{self._where.partition}: {error.message}")

    async def _produce(self, connection: Connection, topic_id: bytes, outgoing: _Outgoing) -> int:
        topic, index = self._where
        data = TopicProduceData(
            name=topic,
            topic_id=topic_id,
            partition_data=[PartitionProduceData(index=index, records=memoryview(outgoing.batch))],
        )
        request = ProduceRequest(acks=-1, timeout_ms=PRODUCE_TIMEOUT_MS, topic_data=[data])
        version = connection.version_of(ProduceRequest)
        if self._sender.transaction is not None:
            request.transactional_id = self._sender.transaction.transactional_id
            version = min(version, _ADDING_BY_ITSELF - 1)
        timeout_ms = self._sender.client.request_timeout_ms
        response = await connection.send(request, ProduceResponse, timeout_ms=timeout_ms, version=version)
        answer = response.responses[0].partition_responses[0]
        code = error_code(answer.error_code)
        if code is ErrorCode.NONE:
            return answer.base_offset
        if code is ErrorCode.DUPLICATE_SEQUENCE_NUMBER:
            return NO_OFFSET
        raise KafkaError(code, answer.error_message or f"topic '{topic}', partition {index}")

    def _fail(self, error: Exception) -> None:
        # The numbers that were given out are not those that the broker has seen: under the same id, other records with
        # the same numbers could be taken for those that it has.
        self._producer = None
        self._has_failed = True
        self._sequence = 0
        while self._queue:
            outgoing = self._queue.popleft()
            if not outgoing.acknowledged.done():
                outgoing.acknowledged.set_exception(error)


def _may_go_again(error: Exception) -> bool:
    return isinstance(error, RetriableError) or (isinstance(error, KafkaError) and error.code.retriable)
