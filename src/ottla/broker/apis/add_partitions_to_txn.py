"""AddPartitionsToTxn (24): partitions join a transaction, or are verified to be part of it.

| version | what changed                                                                        | KIP |
|---------|-------------------------------------------------------------------------------------|-----|
| 0       | by the producer, for one transaction                                                | 98  |
| 1       | throttled after the answer                                                          | 219 |
| 2       | PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH                                   | 588 |
| 3       | flexible                                                                            | 482 |
| 4       | by brokers, for several transactions; verify only                                   | 890 |
| 5       | brokers add partitions, too (transactions of version 2)                             | 890 |

If one partition does not exist, none is added: the others are `OPERATION_NOT_ATTEMPTED`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ottla.broker.coordinator.transaction_coordinator import Eventually, TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.transaction.metadata import TRANSACTION_V0, TRANSACTION_V2, TopicPartition
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
)
from ottla.protocol.errors import ErrorCode

PRODUCER_FENCED_SINCE = 2
BY_BROKERS_SINCE = 4


class AddPartitionsToTxnHandler:
    def __init__(self, transactions: TransactionCoordinator, image: Callable[[], MetadataImage]) -> None:
        self._transactions = transactions
        self._image = image

    def __call__(
        self, context: RequestContext, request: AddPartitionsToTxnRequest
    ) -> Eventually[AddPartitionsToTxnResponse]:
        version = context.api_version
        wanted = request.transactions
        if version < BY_BROKERS_SINCE:
            wanted = [
                AddPartitionsToTxnTransaction(
                    transactional_id=request.v3_and_below_transactional_id,
                    producer_id=request.v3_and_below_producer_id,
                    producer_epoch=request.v3_and_below_producer_epoch,
                    topics=request.v3_and_below_topics,
                )
            ]
        results = [self._handle(version, transaction) for transaction in wanted]
        done = [result for result in results if isinstance(result, AddPartitionsToTxnResult)]
        if len(done) == len(results):
            return _response(version, done)
        return _when_done(version, results)

    def _handle(self, version: int, wanted: AddPartitionsToTxnTransaction) -> Eventually[AddPartitionsToTxnResult]:
        partitions = [TopicPartition(topic.name, index) for topic in wanted.topics for index in topic.partitions]
        unknown = {partition for partition in partitions if not self._exists(partition)}
        if unknown:
            return _result(
                wanted,
                {
                    partition: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                    if partition in unknown
                    else ErrorCode.OPERATION_NOT_ATTEMPTED
                    for partition in partitions
                },
            )
        transactional_id, producer_id, epoch = wanted.transactional_id, wanted.producer_id, wanted.producer_epoch
        if wanted.verify_only:
            return _result(
                wanted, self._transactions.verify_partitions(transactional_id, producer_id, epoch, partitions)
            )
        client_version = TRANSACTION_V2 if version >= BY_BROKERS_SINCE else TRANSACTION_V0
        added = self._transactions.add_partitions(transactional_id, producer_id, epoch, partitions, client_version)
        if isinstance(added, ErrorCode):
            return _result(wanted, dict.fromkeys(partitions, _told_as(version, added)))
        return _when_added(version, wanted, added, partitions)

    def _exists(self, partition: TopicPartition) -> bool:
        topic = self._image().topics.by_name.get(partition.topic)
        return topic is not None and partition.partition in topic.partitions


def _told_as(version: int, error: ErrorCode) -> ErrorCode:
    fenced = error is ErrorCode.PRODUCER_FENCED and version < PRODUCER_FENCED_SINCE
    return ErrorCode.INVALID_PRODUCER_EPOCH if fenced else error


def _result(
    wanted: AddPartitionsToTxnTransaction, errors: Mapping[TopicPartition, ErrorCode]
) -> AddPartitionsToTxnResult:
    topics = [
        AddPartitionsToTxnTopicResult(
            name=topic.name,
            results_by_partition=[
                AddPartitionsToTxnPartitionResult(
                    partition_index=index, partition_error_code=errors[TopicPartition(topic.name, index)]
                )
                for index in topic.partitions
            ],
        )
        for topic in wanted.topics
    ]
    return AddPartitionsToTxnResult(transactional_id=wanted.transactional_id, topic_results=topics)


def _response(version: int, results: list[AddPartitionsToTxnResult]) -> AddPartitionsToTxnResponse:
    if version < BY_BROKERS_SINCE:
        return AddPartitionsToTxnResponse(results_by_topic_v3_and_below=results[0].topic_results)
    return AddPartitionsToTxnResponse(error_code=ErrorCode.NONE, results_by_transaction=results)


async def _when_added(
    version: int, wanted: AddPartitionsToTxnTransaction, added: Awaitable[ErrorCode], partitions: list[TopicPartition]
) -> AddPartitionsToTxnResult:
    return _result(wanted, dict.fromkeys(partitions, _told_as(version, await added)))


async def _when_done(version: int, results: list[Eventually[AddPartitionsToTxnResult]]) -> AddPartitionsToTxnResponse:
    waiting = [result for result in results if not isinstance(result, AddPartitionsToTxnResult)]
    done = iter(await asyncio.gather(*waiting))
    return _response(
        version, [result if isinstance(result, AddPartitionsToTxnResult) else next(done) for result in results]
    )
