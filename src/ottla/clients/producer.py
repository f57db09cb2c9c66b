"""Sends records: gathers them into batches by partition, one batch in flight a partition, each exactly once.

Idempotent (KIP-98): a batch that is sent again after a lost answer keeps its sequence numbers, and the broker answers
where the first one went. For the command line and for the siblings' control topics; bulk data in Connect and Streams
goes through librdkafka.
"""

import asyncio
import time
from collections.abc import Sequence

from ottla.clients.client import KafkaClient, TopicMetadata
from ottla.clients.partitioner import partition_for_key
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import CompressionType, increment_sequence

BATCH_BYTES = 512 * 1024
"""The size of a batch before compression; one larger record makes a batch of its own."""
BUFFERED_BATCHES_MAX = 16
"""Batches of all partitions that wait or are in flight; `send` waits when there are as many."""
LINGER_MS = 5.0
DELIVERY_TIMEOUT_MS = 120_000

_REFRESH_ON = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.FENCED_LEADER_EPOCH,
)


class _PartitionQueue:
    """The open batch of a partition, the order of those before it, and the next sequence number."""

    def __init__(self) -> None:
        self.builder: RecordBatchBuilder | None = None
        self.sequence = 0
        self.sending = asyncio.Lock()
        self.linger: asyncio.TimerHandle | None = None


class Producer:
    """`async with Producer(client) as producer: await producer.send(…)`; leaving waits for every delivery.

    The first failed delivery is raised by the next `send`, by `flush` or on leaving.
    """

    def __init__(
        self, client: KafkaClient, *, acks: int = -1, compression: CompressionType = CompressionType.NONE
    ) -> None:
        self._client = client
        self._acks = acks
        self._compression = compression
        self._producer_id = -1
        self._producer_epoch = -1
        self._queues: dict[tuple[str, int], _PartitionQueue] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._slots = asyncio.Semaphore(BUFFERED_BATCHES_MAX)
        self._error: Exception | None = None
        self._sticky: dict[str, int] = {}
        self.delivered: dict[tuple[str, int], int] = {}
        """How many records of each topic and partition were acknowledged."""

    async def __aenter__(self) -> "Producer":
        if self._acks == -1:
            await self._client.retry(self._init_producer_id)
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is None:
            await self.flush()
        for task in self._tasks:
            task.cancel()

    async def _init_producer_id(self) -> None:
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)
        response = await self._client.send_any(request, InitProducerIdResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), "the broker gave no producer id")
        self._producer_id, self._producer_epoch = response.producer_id, response.producer_epoch

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: Sequence[tuple[str, bytes | None]] = (),
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queue one record; waits only while `BUFFERED_BATCHES_MAX` batches are under way."""
        if self._error is not None:
            raise self._error
        metadata = self._client.metadata.topics.get(topic) or await self._client.topic(topic, create=True)
        index = self._choose(metadata, key, partition)
        queue = self._queues.get((topic, index))
        if queue is None:
            queue = self._queues[topic, index] = _PartitionQueue()
        timestamp = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
        while not (builder := await self._builder(topic, index, queue)).append(
            key, value, headers, timestamp_ms=timestamp
        ):
            self._close_batch(topic, index, queue)
        if builder.size >= BATCH_BYTES:
            self._close_batch(topic, index, queue)

    async def flush(self) -> None:
        """Send what is gathered and wait until all is acknowledged."""
        for (topic, index), queue in self._queues.items():
            self._close_batch(topic, index, queue)
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        if self._error is not None:
            raise self._error

    def _choose(self, topic: TopicMetadata, key: bytes | None, partition: int | None) -> int:
        if partition is not None:
            if partition not in topic.partitions:
                raise KafkaError(
                    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                    f"topic '{topic.name}' has partitions 0 to {len(topic.partitions) - 1}, not {partition}",
                )
            return partition
        if key is not None:
            return partition_for_key(key, len(topic.partitions))
        return self._sticky.get(topic.name, 0) % len(topic.partitions)

    async def _builder(self, topic: str, index: int, queue: _PartitionQueue) -> RecordBatchBuilder:
        """The open batch of a partition, opened once there is a slot for one more."""
        if queue.builder is not None:
            return queue.builder
        await self._slots.acquire()
        opened: RecordBatchBuilder | None = queue.builder
        if opened is not None:  # another sender was first
            self._slots.release()
            return opened
        builder = queue.builder = RecordBatchBuilder(
            compression=self._compression,
            producer_id=self._producer_id,
            producer_epoch=self._producer_epoch,
            base_sequence=queue.sequence if self._producer_id >= 0 else -1,
            max_bytes=BATCH_BYTES,
        )
        loop = asyncio.get_running_loop()
        queue.linger = loop.call_later(LINGER_MS / 1000, self._close_batch, topic, index, queue)
        return builder

    def _close_batch(self, topic: str, index: int, queue: _PartitionQueue) -> None:
        builder, queue.builder = queue.builder, None
        if builder is None:
            return
        if queue.linger is not None:
            queue.linger.cancel()
        queue.sequence = increment_sequence(queue.sequence, builder.count)
        self._sticky[topic] = index + 1  # keyless records move on with each batch
        task = asyncio.get_running_loop().create_task(self._deliver(topic, index, queue, builder))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _deliver(self, topic: str, index: int, queue: _PartitionQueue, builder: RecordBatchBuilder) -> None:
        try:
            async with queue.sending:
                if self._error is not None:
                    return  # a later batch must not overtake one that failed
                batch = builder.build()
                await self._client.retry(lambda: self._produce(topic, index, batch), timeout_ms=DELIVERY_TIMEOUT_MS)
            self.delivered[topic, index] = self.delivered.get((topic, index), 0) + builder.count
        except Exception as error:
            self._error = self._error or error
        finally:
            self._slots.release()

    async def _produce(self, topic: str, index: int, batch: bytearray) -> None:
        metadata = await self._client.topic(topic) if self._stale(topic) else self._client.metadata.topics[topic]
        leader = metadata.partitions[index].leader
        connection = await self._client.connection_to(leader)
        data = TopicProduceData(
            name=topic,
            topic_id=metadata.topic_id,
            partition_data=[PartitionProduceData(index=index, records=memoryview(batch))],
        )
        request = ProduceRequest(acks=self._acks, timeout_ms=30_000, topic_data=[data])
        response = await connection.send(request, ProduceResponse, timeout_ms=self._client.request_timeout_ms)
        answer = response.responses[0].partition_responses[0]
        code = error_code(answer.error_code)
        if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
            return
        if code in _REFRESH_ON:
            self._client.metadata.topics.pop(topic, None)
        raise KafkaError(code, answer.error_message or f"topic '{topic}', partition {index}")

    def _stale(self, topic: str) -> bool:
        return topic not in self._client.metadata.topics
