"""What producers do with transactions, request by request, and every answer written down.

As in `group_scenarios`, whose `Transcript` this is: producer ids are numbered in order of appearance, times are left
out. A transaction that is being completed is waited for, since how long that takes is nobody's promise.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.interop.barrier import until_applied
from tests.interop.connection import ANSWER_TIMEOUT_S, Connection
from tests.interop.coordinators import until_groups_have_coordinators, until_transactions_have_coordinators
from tests.interop.group_scenarios import Transcript

from ottla.coordinator.group.records import decode_record as decode_group_record
from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.transaction.records import decode_record
from ottla.protocol.api import list_offsets, txn_offset_commit, write_txn_markers
from ottla.protocol.api.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.describe_producers import DescribeProducersRequest, DescribeProducersResponse, TopicRequest
from ottla.protocol.api.describe_transactions import DescribeTransactionsRequest, DescribeTransactionsResponse
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api.update_features import FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

TRANSACTION_TOPIC = "__transaction_state"
OFFSETS_TOPIC = "__consumer_offsets"
PARTITIONS = 4
SETTINGS = {
    "transaction.state.log.num.partitions": str(PARTITIONS),
    "offsets.topic.num.partitions": str(PARTITIONS),
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
    "group.initial.rebalance.delay.ms": "0",
    "group.coordinator.append.linger.ms": "0",
    "offset.metadata.max.bytes": "8",
    "log.retention.ms": "-1",  # the records are of 2023
}
TIMEOUT_MS = 60_000
_TIMES = {"transaction_start_time_ms", "transaction_last_update_timestamp_ms", "transaction_start_timestamp_ms"}
_MORE_CHANGING = _TIMES | {"last_timestamp", "log_append_time_ms", "error_message", "record_errors", "current_leader"}
_IN_ANY_ORDER = {"partitions", "partition_ids", "transaction_partitions", "topics", "active_producers"}


class TransactionTranscript(Transcript):
    """A conversation about one transactional id, `self.id`, and one topic of two partitions, `self.topic`."""

    def __init__(self, address: str, name: str) -> None:
        super().__init__(address, name)
        self.id = name
        self.topic = f"transactions-{name}"
        self._producers: dict[int, str] = {}

    async def start(self) -> None:
        self._main = await self._connect()
        topic = CreatableTopic(name=self.topic, num_partitions=2, replication_factor=1, assignments=[], configs=[])
        await self._main.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), 7, CreateTopicsResponse)
        await until_applied(self._main)
        wanted = MetadataRequest(topics=[MetadataRequestTopic(name=self.topic)])
        found = (await self._main.ask(wanted, 12, MetadataResponse)).topics[0]
        assert (found.error_code, len(found.partitions)) == (ErrorCode.NONE, 2)
        self.topic_id = found.topic_id
        await until_groups_have_coordinators(self._main, PARTITIONS)
        await until_transactions_have_coordinators(self._main, PARTITIONS)
        await self._until_there_are_producer_ids()

    async def _until_there_are_producer_ids(self) -> None:
        """A broker fetches them in blocks, and says meanwhile that it is loading."""
        assert self._main is not None
        fresh = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while (await self._main.ask(fresh, 4, InitProducerIdResponse)).error_code:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def _told(self, name: str, value: object) -> object:
        if name in _MORE_CHANGING:
            return None
        if name.endswith("producer_id") and isinstance(value, int) and value >= 0:
            return self._producers.setdefault(value, f"producer {len(self._producers) + 1}")
        if isinstance(value, list) and name in _IN_ANY_ORDER:
            return sorted((self.plain(each) for each in value), key=str)
        if name.endswith("error_code") and isinstance(value, int):
            return ErrorCode(value).name
        return super()._told(name, value)

    # -- a producer's requests

    async def init(
        self,
        producer: tuple[int, int] = (-1, -1),
        *,
        version: int = 5,
        timeout_ms: int = TIMEOUT_MS,
        name: str | None = "",
    ) -> tuple[int, int]:
        request = InitProducerIdRequest(
            transactional_id=self.id if name == "" else name, transaction_timeout_ms=timeout_ms
        )
        if version >= 3:
            request.producer_id, request.producer_epoch = producer
        answer = await self.ask(request, version, InitProducerIdResponse)
        return answer.producer_id, answer.producer_epoch

    async def add(
        self, producer: tuple[int, int], *partitions: int, version: int = 3, name: str = "", topic: str = ""
    ) -> None:
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=name or self.id,
            v3_and_below_producer_id=producer[0],
            v3_and_below_producer_epoch=producer[1],
            v3_and_below_topics=[AddPartitionsToTxnTopic(name=topic or self.topic, partitions=list(partitions))],
        )
        await self.ask(request, version, AddPartitionsToTxnResponse)

    async def add_by_broker(self, producer: tuple[int, int], *partitions: int, verify: bool, version: int = 5) -> None:
        transaction = AddPartitionsToTxnTransaction(
            transactional_id=self.id,
            producer_id=producer[0],
            producer_epoch=producer[1],
            verify_only=verify,
            topics=[AddPartitionsToTxnTopic(name=self.topic, partitions=list(partitions))],
        )
        await self.ask(AddPartitionsToTxnRequest(transactions=[transaction]), version, AddPartitionsToTxnResponse)

    async def produce(
        self,
        producer: tuple[int, int],
        sequence: int,
        *values: bytes,
        partition: int = 0,
        version: int = 12,
        transactional: bool = True,
        name: str | None = "",
    ) -> None:
        builder = RecordBatchBuilder(
            producer_id=producer[0], producer_epoch=producer[1], base_sequence=sequence, transactional=transactional
        )
        for value in values or (b"v",):
            builder.append(b"k", value, timestamp_ms=1_700_000_000_000)
        data = TopicProduceData(partition_data=[PartitionProduceData(index=partition, records=bytes(builder.build()))])
        if version >= 13:
            data.topic_id = self.topic_id
        else:
            data.name = self.topic
        request = ProduceRequest(
            transactional_id=(self.id if name == "" else name), acks=-1, timeout_ms=10_000, topic_data=[data]
        )
        await self.ask(request, version, ProduceResponse)

    async def add_offsets(self, producer: tuple[int, int], *, version: int = 3, name: str = "") -> None:
        request = AddOffsetsToTxnRequest(
            transactional_id=name or self.id,
            producer_id=producer[0],
            producer_epoch=producer[1],
            group_id=self.group_id,
        )
        await self.ask(request, version, AddOffsetsToTxnResponse)

    async def commit_offsets(
        self,
        producer: tuple[int, int],
        offset: int,
        *,
        version: int = 5,
        partitions: Sequence[int] = (0,),
        metadata: str | None = "",
        generation_id: int = -1,
        member_id: str = "",
        group_id: str | None = None,
        topic: str = "",
    ) -> None:
        request = txn_offset_commit.TxnOffsetCommitRequest(
            transactional_id=self.id,
            group_id=self.group_id if group_id is None else group_id,
            producer_id=producer[0],
            producer_epoch=producer[1],
            topics=[
                txn_offset_commit.TxnOffsetCommitRequestTopic(
                    name=topic or self.topic,
                    partitions=[
                        txn_offset_commit.TxnOffsetCommitRequestPartition(
                            partition_index=index, committed_offset=offset, committed_metadata=metadata
                        )
                        for index in partitions
                    ],
                )
            ],
        )
        if version >= 3:
            request.generation_id, request.member_id = generation_id, member_id
        await self.ask(request, version, txn_offset_commit.TxnOffsetCommitResponse)

    async def end(
        self, producer: tuple[int, int], *, commit: bool, version: int = 5, name: str = "", settle: bool = True
    ) -> tuple[int, int]:
        request = EndTxnRequest(
            transactional_id=name or self.id, producer_id=producer[0], producer_epoch=producer[1], committed=commit
        )
        answer = await self.ask(request, version, EndTxnResponse)
        if settle:
            await self.settle()
        return (answer.producer_id, answer.producer_epoch) if answer.producer_id >= 0 else producer

    async def settle(self) -> None:
        """Until what was decided is completed."""
        await self.until_state(lambda state: not state.startswith("Prepare"))

    async def until_state(self, is_reached: Callable[[str], bool]) -> None:
        assert self._main is not None
        request = DescribeTransactionsRequest(transactional_ids=[self.id])
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                described = await self._main.ask(request, 0, DescribeTransactionsResponse)
                if is_reached(described.transaction_states[0].transaction_state):
                    return
                await asyncio.sleep(0.02)

    # -- what can be seen

    async def read(self, partition: int = 0, *, committed: bool = True) -> None:
        """High watermark, last stable offset, aborted transactions, and every batch."""
        wanted = FetchPartition(partition=partition, fetch_offset=0, partition_max_bytes=1_000_000)
        request = FetchRequest(
            max_wait_ms=0,
            min_bytes=0,
            isolation_level=int(committed),
            topics=[FetchTopic(topic=self.topic, partitions=[wanted])],
            forgotten_topics_data=[],
        )
        assert self._main is not None
        answer: PartitionData = (await self._main.ask(request, 12, FetchResponse)).responses[0].partitions[0]
        batches = []
        data = answer.records
        assert isinstance(data, memoryview)
        for position, header in iterate_batches(data, cut_is_end=True):
            if header.has_producer_id:
                producer = self._told("producer_id", header.producer_id)
                flags = (header.is_transactional, header.is_control, header.base_sequence)
                records = [(record.key, record.value) for record in iterate_records(data, position, header)]
                batches.append((header.base_offset, producer, header.producer_epoch, flags, records))
        ends = (answer.high_watermark, answer.last_stable_offset)
        self.note("fetched", [ends, self.plain(answer.aborted_transactions or []), batches])

    async def bounds(self, partition: int = 0) -> None:
        for isolation in (0, 1):
            wanted = list_offsets.ListOffsetsPartition(partition_index=partition, timestamp=-1)
            request = list_offsets.ListOffsetsRequest(
                replica_id=-1,
                isolation_level=isolation,
                topics=[list_offsets.ListOffsetsTopic(name=self.topic, partitions=[wanted])],
            )
            await self.ask(request, 7, list_offsets.ListOffsetsResponse)

    async def committed(self, *, require_stable: bool = False) -> None:
        group = OffsetFetchRequestGroup(group_id=self.group_id, topics=None)
        await self.ask(OffsetFetchRequest(groups=[group], require_stable=require_stable), 9, OffsetFetchResponse)

    async def describe_ids(self, *ids: str) -> None:
        request = DescribeTransactionsRequest(transactional_ids=list(ids or (self.id,)))
        await self.ask(request, 0, DescribeTransactionsResponse)

    async def producers(self, *partitions: int, topic: str = "") -> None:
        wanted = TopicRequest(name=topic or self.topic, partition_indexes=list(partitions or (0, 1)))
        await self.ask(DescribeProducersRequest(topics=[wanted]), 0, DescribeProducersResponse)

    async def list_transactions(self, request: ListTransactionsRequest, version: int) -> None:
        """Only this scenario's id, whatever others do."""
        assert self._main is not None
        answer = await self._main.ask(request, version, ListTransactionsResponse)
        answer.transaction_states = [each for each in answer.transaction_states if each.transactional_id == self.id]
        self.note(f"ListTransactionsResponse v{version}", answer)

    async def markers(
        self,
        producer: tuple[int, int],
        *partitions: int,
        commit: bool,
        coordinator_epoch: int = 0,
        version: int = 2,
        topic: str = "",
        transaction_version: int = 0,
    ) -> None:
        marker = write_txn_markers.WritableTxnMarker(
            producer_id=producer[0],
            producer_epoch=producer[1],
            transaction_result=commit,
            topics=[
                write_txn_markers.WritableTxnMarkerTopic(name=topic or self.topic, partition_indexes=list(partitions))
            ],
            coordinator_epoch=coordinator_epoch,
        )
        if version >= 2:
            marker.transaction_version = transaction_version
        request = write_txn_markers.WriteTxnMarkersRequest(markers=[marker])
        await self.ask(request, version, write_txn_markers.WriteTxnMarkersResponse)

    async def state_records(self) -> None:
        """What stands in the log about the transactional id, and in that of the group."""
        for topic, decode in ((TRANSACTION_TOPIC, decode_record), (OFFSETS_TOPIC, decode_group_record)):
            wanted = FetchPartition(
                partition=partition_for(self.id, PARTITIONS), fetch_offset=0, partition_max_bytes=10_000_000
            )
            request = FetchRequest(
                max_wait_ms=0,
                min_bytes=0,
                topics=[FetchTopic(topic=topic, partitions=[wanted])],
                forgotten_topics_data=[],
            )
            assert self._main is not None
            answer = (await self._main.ask(request, 12, FetchResponse)).responses[0].partitions[0]
            data = answer.records
            assert isinstance(data, memoryview)
            for position, header in iterate_batches(data, cut_is_end=True):
                if header.is_control and topic == OFFSETS_TOPIC:
                    (marker,) = iterate_records(data, position, header)
                    if header.producer_id in self._producers:
                        producer = self._producers[header.producer_id]
                        self.note("marker", (producer, header.producer_epoch, marker.key, marker.value))
                    continue
                for record in iterate_records(data, position, header):
                    decoded = decode(record.key or b"", record.value)
                    assert decoded is not None
                    if self.id in (getattr(decoded.key, "transactional_id", ""), getattr(decoded.key, "group", "")):
                        transactional = self._producers.get(header.producer_id), header.is_transactional
                        version = decoded.value_version
                        self.note("record", (transactional, version, self.plain(decoded.value)))


# ── the scenarios ──────────────────────────────────────────────────────────────────────────────────────────────────


async def first_version(t: TransactionTranscript) -> None:
    """Transactions as clients before Kafka 4 do them."""
    p = await t.init(version=4)
    await t.describe_ids()
    await t.end(p, commit=True, version=3)
    await t.end(p, commit=False, version=3)
    await t.add(p, 0, 1)
    await t.describe_ids()
    await t.produce(p, 0, b"a", version=9)
    await t.produce(p, 0, b"b", partition=1, version=11)
    await t.produce(p, 1, b"c", version=11)
    await t.bounds()
    await t.read()
    await t.read(committed=False)
    await t.producers()
    await t.end(p, commit=True, version=3)
    await t.describe_ids()
    await t.read()
    await t.bounds()
    await t.end(p, commit=True, version=3)
    await t.end(p, commit=False, version=3)
    await t.add(p, 0)
    await t.produce(p, 2, b"d", version=11)
    await t.end(p, commit=False, version=3)
    await t.end(p, commit=False, version=3)
    await t.end(p, commit=True, version=3)
    await t.read()
    await t.read(committed=False)
    await t.producers()
    await t.state_records()


async def second_version(t: TransactionTranscript) -> None:
    """Transactions of KIP-890: batches enroll their partitions, each end takes a new epoch."""
    p = await t.init()
    await t.end(p, commit=True)
    p2 = await t.end(p, commit=False)
    await t.describe_ids()
    await t.end(p, commit=False)
    await t.end(p, commit=True)
    await t.produce(p2, 0, b"a")
    await t.produce(p2, 0, b"b", partition=1, version=13)
    await t.describe_ids()
    await t.producers()
    await t.produce(p, 0, b"old", version=12)
    await t.produce(p2, 1, b"a2")
    p3 = await t.end(p2, commit=True)
    await t.end(p2, commit=True)
    await t.end(p2, commit=False)
    await t.end(p3, commit=True)
    await t.produce(p2, 2, b"late")
    await t.produce(p3, 0, b"c")
    await t.produce(p3, 0, b"c")
    await t.produce(p3, 5, b"gap")
    await t.commit_offsets(p3, 7)
    await t.committed()
    await t.committed(require_stable=True)
    p4 = await t.end(p3, commit=False)
    await t.committed(require_stable=True)
    await t.end(p3, commit=False)
    await t.end(p3, commit=True)
    p5 = await t.end(p4, commit=False)
    await t.commit_offsets(p5, 9)
    await t.end(p5, commit=True)
    await t.committed(require_stable=True)
    await t.read()
    await t.read(1)
    await t.producers()
    await t.state_records()


async def offsets(t: TransactionTranscript) -> None:
    """Offsets in transactions, and what is refused about them."""
    p = await t.init(version=4)
    for version in range(6):
        await t.commit_offsets((p[0], p[1] + 5), 1, version=version)
        await t.commit_offsets((p[0] + 1000, p[1]), 1, version=version)
    for version in range(5):
        await t.commit_offsets(p, 1, version=version)
    await t.add_offsets(p)
    await t.add_offsets(p)
    await t.describe_ids()
    for version in range(5):
        await t.commit_offsets(p, 10 + version, version=version, partitions=(0, 7))
        await t.commit_offsets(p, 10 + version, version=version, topic="missing")
    await t.commit_offsets(p, 20, version=4, metadata="123456789", partitions=(1,))
    await t.commit_offsets(p, 20, version=4, metadata=None, partitions=(1,))
    await t.commit_offsets(p, 20, version=4, generation_id=3)
    await t.commit_offsets(p, 20, version=4, member_id="nobody")
    await t.commit_offsets(p, 20, version=4, group_id="")
    await t.commit_offsets(p, 20, version=4, group_id="another-group", generation_id=2)
    await t.committed(require_stable=True)
    await t.end(p, commit=True, version=3)
    await t.committed(require_stable=True)
    await t.add_offsets(p)
    await t.commit_offsets(p, 99, version=3)
    await t.end(p, commit=False, version=3)
    await t.committed(require_stable=True)
    await t.state_records()


async def fencing(t: TransactionTranscript) -> None:
    """Older producers, strangers, and producers that go on after an error (KIP-360)."""
    p = await t.init(version=4)
    newer = await t.init(version=4)
    for version in range(4):
        await t.add(p, 0, version=version)
        await t.add_offsets(p, version=version)
        await t.end(p, commit=True, version=version)
    await t.end(p, commit=True, version=5)
    for version in range(3, 6):
        await t.init((p[0], p[1] - 1 if p[1] > 0 else 5), version=version)
        await t.init((p[0] + 1000, p[1]), version=version)
    again = await t.init(newer)
    await t.init(newer)
    await t.init(newer)
    await t.init(p)
    await t.add((again[0], again[1] + 1), 0)
    await t.add((again[0] + 1000, again[1]), 0)
    await t.add(again, 0, 7)
    await t.add(again, 0, topic="missing")
    await t.add(again, 0, name="nobody")
    await t.add_offsets(again, name="nobody")
    await t.end(again, commit=True, version=3, name="nobody")
    await t.end(again, commit=True, version=5, name="nobody")
    await t.end((again[0] + 1000, again[1]), commit=True, version=5)
    await t.add(again, 0)
    await t.produce(again, 0, b"a", version=11)
    await t.init(settle_first := (-1, -1))
    await t.settle()
    final = await t.init(settle_first)
    await t.describe_ids()
    await t.produce(again, 1, b"b", version=11)
    await t.produce(again, 1, b"b", version=12)
    await t.end(again, commit=True, version=3)
    await t.end(again, commit=True, version=5)
    await t.produce(final, 0, b"c")
    await t.init(final)
    await t.settle()
    await t.init(final)
    await t.init((final[0], final[1] + 1))
    await t.read()
    await t.state_records()


async def refusals(t: TransactionTranscript) -> None:
    """What makes no sense."""
    await t.init(timeout_ms=0)
    await t.init(timeout_ms=-1)
    await t.init(timeout_ms=900_001)
    await t.init((5, -1))
    await t.init((-1, 5))
    await t.describe_ids(t.id, "nobody-else", "")
    p = await t.init(timeout_ms=900_000)
    for version in range(9, 14):
        await t.produce(p, 0, b"a", version=version, name=None)
    for version in range(9, 12):
        await t.produce(p, 0, b"a", version=version)
    for version in range(9, 14):
        await t.produce((p[0], p[1] + 1), 0, b"a", version=version)
        await t.produce((p[0] + 1000, p[1]), 0, b"a", version=version)
        await t.produce(p, 0, b"a", version=version, name="nobody")
    await t.produce(p, 0, b"a")
    await t.produce(p, 1, b"b", transactional=False, name=None)
    await t.produce(p, 1, b"b", transactional=False)
    for verify in (True, False):
        for version in (4, 5):
            await t.add_by_broker(p, 0, verify=verify, version=version)
            await t.add_by_broker(p, 0, 1, verify=verify, version=version)
            await t.add_by_broker(p, 0, 7, verify=verify, version=version)
            await t.add_by_broker((p[0], p[1] + 1), 0, verify=verify, version=version)
            await t.add_by_broker((p[0] + 1, p[1]), 0, verify=verify, version=version)
    await t.describe_ids()
    await t.end(p, commit=False)
    await t.state_records()


async def administration(t: TransactionTranscript) -> None:
    """Listing, describing, and markers by hand (KIP-664)."""
    await t.init()
    p = await t.init()
    await t.produce(p, 0, b"a")
    for version in range(3):
        await t.list_transactions(ListTransactionsRequest(state_filters=[], producer_id_filters=[]), version)
        await t.list_transactions(
            ListTransactionsRequest(state_filters=["Ongoing", "Strange"], producer_id_filters=[]), version
        )
        await t.list_transactions(
            ListTransactionsRequest(state_filters=["Empty", "Dead"], producer_id_filters=[]), version
        )
        await t.list_transactions(ListTransactionsRequest(state_filters=["Strange"], producer_id_filters=[]), version)
        await t.list_transactions(ListTransactionsRequest(state_filters=[], producer_id_filters=[p[0]]), version)
        await t.list_transactions(ListTransactionsRequest(state_filters=[], producer_id_filters=[p[0] + 999]), version)
    for duration in (-1, 0, 3_600_000):
        await asyncio.sleep(0.01)
        await t.list_transactions(
            ListTransactionsRequest(state_filters=[], producer_id_filters=[], duration_filter=duration), 1
        )
    for pattern in ("admin.*", "admin", ".*ration", "", None, "(", "[a-z]+", "x.*"):
        await t.list_transactions(
            ListTransactionsRequest(state_filters=[], producer_id_filters=[], transactional_id_pattern=pattern), 2
        )
    await t.producers()
    await t.producers(0, 9)
    await t.producers(0, topic="missing")
    await t.producers(0, topic="in valid")
    await t.markers(p, 7, commit=False)
    await t.markers(p, 0, commit=False, topic="missing")
    await t.markers((p[0], p[1] - 1), 0, commit=False, version=1)
    await t.markers((p[0], -1), 0, commit=False, version=1)
    await t.markers((-1, 0), 0, commit=False, version=1)
    await t.markers(p, 0, commit=False, transaction_version=2)
    await t.read()
    await t.markers(p, 0, 1, commit=False, coordinator_epoch=5, version=1)
    await t.read()
    await t.producers()
    await t.markers(p, 0, commit=False, coordinator_epoch=4)
    await t.markers((p[0] + 1000, 3), 0, commit=True)
    await t.markers(p, 3, commit=True, topic=OFFSETS_TOPIC)
    await t.markers(p, 99, commit=True, topic=OFFSETS_TOPIC)
    await t.producers()


async def timeouts(t: TransactionTranscript) -> None:
    """A transaction that takes too long is aborted, and its producer fenced."""
    p = await t.init(timeout_ms=1_000)
    await t.produce(p, 0, b"a")
    await t.until_state(lambda state: state == "CompleteAbort")
    await t.describe_ids()
    await t.produce(p, 1, b"b")
    await t.end(p, commit=True)
    await t.end(p, commit=False)
    again = await t.init(p)
    await t.produce(again, 0, b"c")
    await t.end(again, commit=True)
    await t.read()
    await t.state_records()


SCENARIOS: tuple[Callable[[TransactionTranscript], Awaitable[None]], ...] = (
    first_version,
    second_version,
    offsets,
    fencing,
    refusals,
    administration,
    timeouts,
)


OF_OLDER_CLUSTERS = ((1, first_version), (1, fencing), (1, timeouts), (0, first_version))
"""With the finalized `transaction.version`. At 0 no client uses what came with 2."""
LATEST_VERSION = 2


async def finalize(address: str, transaction_version: int) -> None:
    """Take the cluster to what older ones have, or all the way back to the latest."""
    connection = await Connection.open(address)
    update = FeatureUpdateKey(feature="transaction.version", max_version_level=transaction_version, upgrade_type=2)
    if transaction_version == LATEST_VERSION:
        update.upgrade_type = 1
    answer = await connection.ask(UpdateFeaturesRequest(feature_updates=[update]), 1, UpdateFeaturesResponse)
    await until_applied(connection)
    connection.close()
    assert answer.error_code == ErrorCode.NONE
    assert not any(result.error_code for result in answer.results)
