"""A transactional producer, as small as the protocol lets it be: by transactions of the first or the second version.

init ─► produce … commit_offsets … ─► end ─► produce …        any other error than one that may pass: init again
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ottla.clients.client import BrokerAddress
from ottla.protocol.api.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.message import Response
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.clients.client import KafkaClient
    from ottla.clients.consumer import TopicPartition
    from ottla.protocol.message import Request

ResponseT = TypeVar("ResponseT", bound=Response)

GROUP, TRANSACTION = 0, 1
_REFRESH_ON = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.FENCED_LEADER_EPOCH,
)


class TransactionalProducer:
    def __init__(self, client: KafkaClient, name: str, *, second_version: bool, timeout_ms: int) -> None:
        self.client = client
        self.name = name
        self._second_version = second_version
        self._timeout_ms = timeout_ms
        self._producer = (-1, -1)
        self._sequences: dict[TopicPartition, int] = {}
        self._added: set[object] = set()
        self._coordinators: dict[tuple[int, str], int] = {}
        self._is_ongoing = False

    async def init(self) -> None:
        """Whatever an earlier producer of this name left open is ended before this returns."""
        request = InitProducerIdRequest(transactional_id=self.name, transaction_timeout_ms=self._timeout_ms)

        async def ask() -> None:
            answer = await self._ask(TRANSACTION, self.name, request, InitProducerIdResponse, 5)
            _check(answer.error_code)
            self._began((answer.producer_id, answer.producer_epoch))

        await self.client.retry(ask)

    def _began(self, producer: tuple[int, int]) -> None:
        if producer != self._producer:
            self._producer = producer
            self._sequences.clear()
        self._added.clear()
        self._is_ongoing = False

    async def produce(self, where: TopicPartition, values: Sequence[bytes], now_ms: int) -> int:
        """The offset of the first."""
        if not self._second_version and where not in self._added:
            await self._add(where)
        sequence = self._sequences.get(where, 0)
        builder = RecordBatchBuilder(
            producer_id=self._producer[0],
            producer_epoch=self._producer[1],
            base_sequence=sequence,
            transactional=True,
        )
        for value in values:
            builder.append(None, value, timestamp_ms=now_ms)
        batch = builder.build()
        self._is_ongoing = True
        offset = await self.client.retry(lambda: self._produce(where, batch))
        self._sequences[where] = sequence + len(values)
        return offset

    async def _add(self, where: TopicPartition) -> None:
        async def ask() -> None:
            request = AddPartitionsToTxnRequest(
                v3_and_below_transactional_id=self.name,
                v3_and_below_producer_id=self._producer[0],
                v3_and_below_producer_epoch=self._producer[1],
                v3_and_below_topics=[AddPartitionsToTxnTopic(name=where.topic, partitions=[where.partition])],
            )
            answer = await self._ask(TRANSACTION, self.name, request, AddPartitionsToTxnResponse, 3)
            for topic in answer.results_by_topic_v3_and_below:
                for result in topic.results_by_partition:
                    _check(result.partition_error_code)

        self._is_ongoing = True
        await self.client.retry(ask)
        self._added.add(where)

    async def _produce(self, where: TopicPartition, batch: bytearray) -> int:
        client = self.client
        topic = client.metadata.topics.get(where.topic) or await client.topic(where.topic)
        data = TopicProduceData(
            name=where.topic,
            topic_id=topic.topic_id,
            partition_data=[PartitionProduceData(index=where.partition, records=memoryview(batch))],
        )
        request = ProduceRequest(transactional_id=self.name, acks=-1, timeout_ms=5_000, topic_data=[data])
        connection = await client.connection_to(topic.partitions[where.partition].leader)
        response = await connection.send(
            request,
            ProduceResponse,
            timeout_ms=client.request_timeout_ms,
            version=None if self._second_version else 11,
        )
        answer = response.responses[0].partition_responses[0]
        if answer.error_code in _REFRESH_ON:
            client.metadata.topics.pop(where.topic, None)
        _check(answer.error_code)
        return answer.base_offset

    async def commit_offsets(self, group: str, where: TopicPartition, offset: int) -> None:
        if not self._second_version and group not in self._added:
            await self._add_group(group)

        async def ask() -> None:
            partition = TxnOffsetCommitRequestPartition(
                partition_index=where.partition, committed_offset=offset, committed_metadata=""
            )
            request = TxnOffsetCommitRequest(
                transactional_id=self.name,
                group_id=group,
                producer_id=self._producer[0],
                producer_epoch=self._producer[1],
                topics=[TxnOffsetCommitRequestTopic(name=where.topic, partitions=[partition])],
            )
            version = 5 if self._second_version else 4
            answer = await self._ask(GROUP, group, request, TxnOffsetCommitResponse, version)
            _check(answer.topics[0].partitions[0].error_code)

        self._is_ongoing = True
        await self.client.retry(ask)

    async def _add_group(self, group: str) -> None:
        async def ask() -> None:
            request = AddOffsetsToTxnRequest(
                transactional_id=self.name,
                producer_id=self._producer[0],
                producer_epoch=self._producer[1],
                group_id=group,
            )
            _check((await self._ask(TRANSACTION, self.name, request, AddOffsetsToTxnResponse, 3)).error_code)

        self._is_ongoing = True
        await self.client.retry(ask)
        self._added.add(group)

    async def end(self, *, commit: bool) -> None:
        async def ask() -> None:
            request = EndTxnRequest(
                transactional_id=self.name,
                producer_id=self._producer[0],
                producer_epoch=self._producer[1],
                committed=commit,
            )
            version = 5 if self._second_version else 4
            answer = await self._ask(TRANSACTION, self.name, request, EndTxnResponse, version)
            _check(answer.error_code)
            bumped = (answer.producer_id, answer.producer_epoch)
            self._began(bumped if self._second_version else self._producer)

        if self._is_ongoing:
            await self.client.retry(ask)

    async def _ask(
        self, key_type: int, key: str, request: Request, response_class: type[ResponseT], version: int
    ) -> ResponseT:
        """The coordinator of that key; where it is is asked again after any error."""
        client = self.client
        node_id = self._coordinators.pop((key_type, key), None)
        if node_id is None:
            finding = FindCoordinatorRequest(key_type=key_type, coordinator_keys=[key])
            found = (await client.send_any(finding, FindCoordinatorResponse)).coordinators[0]
            _check(found.error_code)
            node_id = found.node_id
            client.metadata.brokers[node_id] = BrokerAddress(node_id, found.host, found.port)
        connection = await client.connection_to(node_id)
        answer = await connection.send(request, response_class, timeout_ms=client.request_timeout_ms, version=version)
        if not getattr(answer, "error_code", 0):
            self._coordinators[key_type, key] = node_id
        return answer


def _check(code: int) -> None:
    if code != ErrorCode.NONE:
        raise KafkaError(error_code(code), "transaction")
