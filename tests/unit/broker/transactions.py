"""The transaction coordinator of a node, over real logs, and the producers and readers that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.broker.groups import GroupNode
from tests.unit.broker.replicas import at, batch, fetch_request, fetch_topic

from ottla.broker.apis.add_offsets_to_txn import AddOffsetsToTxnHandler
from ottla.broker.apis.add_partitions_to_txn import AddPartitionsToTxnHandler
from ottla.broker.apis.describe_producers import DescribeProducersHandler
from ottla.broker.apis.describe_transactions import DescribeTransactionsHandler
from ottla.broker.apis.end_txn import EndTxnHandler
from ottla.broker.apis.init_producer_id import InitProducerIdHandler
from ottla.broker.apis.list_transactions import ListTransactionsHandler
from ottla.broker.apis.produce import ProduceHandler
from ottla.broker.apis.txn_offset_commit import TxnOffsetCommitHandler
from ottla.broker.apis.write_txn_markers import WriteTxnMarkersHandler
from ottla.broker.coordinator.produce_enrolment import ProduceEnrolment
from ottla.protocol.api.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.api.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
)
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import iterate_batches

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ottla.broker.coordinator.group_coordinator import GroupCoordinator
    from ottla.broker.coordinator.transaction_coordinator import TransactionCoordinator
    from ottla.broker.coordinator.transaction_markers import TransactionMarkers
    from ottla.protocol.api.fetch import PartitionData
    from ottla.protocol.message import MetadataRecord

Producer = tuple[int, int]
TIMEOUT_MS = 60_000
FIRST_VERSIONS = {"produce": 11, "end": 4, "commit": 4}
SECOND_VERSIONS = {"produce": 12, "end": 5, "commit": 5}


class TransactionNode(GroupNode):
    """`transaction_version` is finalized in the metadata. `history`: the metadata of a node that was here before."""

    def __init__(self, directory: Path, transaction_version: int = 2, history: Sequence[MetadataRecord] = ()) -> None:
        super().__init__(directory)
        if history:
            self.replay(*history)
        else:
            self.replay(FeatureLevelRecord(name="transaction.version", feature_level=transaction_version))
            self.make_offsets_topic()
            self.make_transaction_topic()
        self.load()

    @property
    def history(self) -> list[MetadataRecord]:
        """Without the broker's registration, which a new node has by itself."""
        return self._records[1:]

    def made(self, groups: GroupCoordinator, transactions: TransactionCoordinator, markers: TransactionMarkers) -> None:
        image = self._image_now
        self.handlers |= {
            ApiKey.INIT_PRODUCER_ID: InitProducerIdHandler(self.producer_ids, transactions),
            ApiKey.ADD_PARTITIONS_TO_TXN: AddPartitionsToTxnHandler(transactions, image),
            ApiKey.ADD_OFFSETS_TO_TXN: AddOffsetsToTxnHandler(transactions, groups),
            ApiKey.END_TXN: EndTxnHandler(transactions),
            ApiKey.TXN_OFFSET_COMMIT: TxnOffsetCommitHandler(groups, transactions, image),
            ApiKey.WRITE_TXN_MARKERS: WriteTxnMarkersHandler(markers),
            ApiKey.DESCRIBE_TRANSACTIONS: DescribeTransactionsHandler(transactions),
            ApiKey.LIST_TRANSACTIONS: ListTransactionsHandler(transactions),
            ApiKey.DESCRIBE_PRODUCERS: DescribeProducersHandler(self.manager),
            ApiKey.PRODUCE: ProduceHandler(
                self.manager, self.clock, self.timers, ProduceEnrolment(self.manager, transactions)
            ),
        }

    # -- a producer

    def init(
        self, name: str, expected: Producer = (-1, -1), *, timeout_ms: int = TIMEOUT_MS, version: int = 5
    ) -> tuple[ErrorCode, Producer]:
        request = InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=timeout_ms)
        if version >= 3:
            request.producer_id, request.producer_epoch = expected
        answer = self.ask_now(request, version, InitProducerIdResponse)
        return ErrorCode(answer.error_code), (answer.producer_id, answer.producer_epoch)

    def start_producer(self, name: str) -> Producer:
        error, producer = self.init(name)
        assert error is ErrorCode.NONE, error
        return producer

    def add(self, name: str, producer: Producer, topic: str, *partitions: int, version: int = 3) -> ErrorCode:
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=name,
            v3_and_below_producer_id=producer[0],
            v3_and_below_producer_epoch=producer[1],
            v3_and_below_topics=[AddPartitionsToTxnTopic(name=topic, partitions=list(partitions))],
        )
        [answer] = self.ask_now(request, version, AddPartitionsToTxnResponse).results_by_topic_v3_and_below
        [error] = {ErrorCode(result.partition_error_code) for result in answer.results_by_partition}
        return error

    def write(
        self,
        name: str | None,
        producer: Producer,
        sequence: int,
        *values: bytes,
        topic: str = "t",
        partition: int = 0,
        version: int = 12,
    ) -> ErrorCode:
        records = batch(
            *values,
            timestamp_ms=self.clock.ms,
            transactional=True,
            producer_id=producer[0],
            producer_epoch=producer[1],
            base_sequence=sequence,
        )
        data = TopicProduceData(name=topic, partition_data=[PartitionProduceData(index=partition, records=records)])
        request = ProduceRequest(transactional_id=name, acks=-1, timeout_ms=1_000, topic_data=[data])
        answer = self.ask_now(request, version, ProduceResponse)
        return ErrorCode(answer.responses[0].partition_responses[0].error_code)

    def add_offsets(self, name: str, producer: Producer, group_id: str) -> ErrorCode:
        request = AddOffsetsToTxnRequest(
            transactional_id=name, producer_id=producer[0], producer_epoch=producer[1], group_id=group_id
        )
        return ErrorCode(self.ask_now(request, 3, AddOffsetsToTxnResponse).error_code)

    def commit_offset(
        self, name: str, producer: Producer, group_id: str, offset: int, *, topic: str = "t", version: int = 5
    ) -> ErrorCode:
        partition = TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=offset, committed_metadata="")
        request = TxnOffsetCommitRequest(
            transactional_id=name,
            group_id=group_id,
            producer_id=producer[0],
            producer_epoch=producer[1],
            topics=[TxnOffsetCommitRequestTopic(name=topic, partitions=[partition])],
        )
        answer = self.ask_now(request, version, TxnOffsetCommitResponse)
        return ErrorCode(answer.topics[0].partitions[0].error_code)

    def end(self, name: str, producer: Producer, *, commit: bool, version: int = 5) -> tuple[ErrorCode, Producer]:
        """The error, and who the producer is from now on."""
        request = EndTxnRequest(
            transactional_id=name, producer_id=producer[0], producer_epoch=producer[1], committed=commit
        )
        answer = self.ask_now(request, version, EndTxnResponse)
        error = ErrorCode(answer.error_code)
        if version >= 5 and error is ErrorCode.NONE:
            return error, (answer.producer_id, answer.producer_epoch)
        return error, producer

    # -- a reader

    def read_partition(
        self, topic: str, partition: int = 0, *, committed: bool = True, offset: int = 0
    ) -> PartitionData:
        request = fetch_request(fetch_topic(topic, at(offset, partition)), isolation_level=int(committed))
        return self.fetch_now(request).responses[0].partitions[0]

    def committed_values(self, topic: str, partition: int = 0) -> list[bytes]:
        """What a read_committed consumer gives its application: as clients filter it."""
        found: list[bytes] = []
        offset = 0
        while True:
            data = self.read_partition(topic, partition, offset=offset)
            assert data.error_code == 0
            records = data.records
            assert isinstance(records, memoryview)
            if not records:
                return found
            starts = sorted((each.first_offset, each.producer_id) for each in data.aborted_transactions or ())
            aborted: set[int] = set()
            for position, header in iterate_batches(records, cut_is_end=True):
                while starts and starts[0][0] <= header.last_offset:
                    aborted.add(starts.pop(0)[1])
                offset = header.next_offset
                if header.is_control:
                    [marker] = iterate_records(records, position, header)
                    if marker.key == b"\0\0\0\0":
                        aborted.discard(header.producer_id)
                elif not (header.is_transactional and header.producer_id in aborted):
                    found += [record.value or b"" for record in iterate_records(records, position, header)]

    def committed_offset(self, group_id: str, topic: str = "t", *, stable: bool = True) -> int | ErrorCode:
        wanted = OffsetFetchRequestTopics(name=topic, partition_indexes=[0])
        group = OffsetFetchRequestGroup(group_id=group_id, topics=[wanted])
        answer = self.ask_now(OffsetFetchRequest(groups=[group], require_stable=stable), 9, OffsetFetchResponse)
        assert answer.groups[0].error_code == 0
        [partition] = answer.groups[0].topics[0].partitions
        error = ErrorCode(partition.error_code)
        return error if error is not ErrorCode.NONE else partition.committed_offset
