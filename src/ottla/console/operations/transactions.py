"""Transactions (KIP-664): list, describe, find those that hang, and end them.

A transaction *hangs* when a partition has it open and no coordinator knows it: nothing will ever end it, and
`read_committed` consumers stop before it. Aborting writes the marker that is missing into the partition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition
from ottla.console.operations.near_names import did_you_mean
from ottla.console.operations.producers import ActiveProducer, describe_producers, partitions_of
from ottla.protocol.api.describe_transactions import DescribeTransactionsRequest, DescribeTransactionsResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.api.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

STATES = ("Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "PrepareEpochFence")
TRANSACTION_TIMEOUT_MAX_MS = 900_000
"""The default of transaction.max.timeout.ms: what is open for longer than that hangs, or will soon be ended."""
_TRANSACTION_KEY = 1
_ONGOING = ("Ongoing", "PrepareCommit", "PrepareAbort")
_TERMINATE_TIMEOUT_MS = 1


@dataclass(frozen=True, slots=True)
class TransactionSummary:
    transactional_id: str
    coordinator: int
    producer_id: int
    state: str


@dataclass(frozen=True, slots=True)
class TransactionDescription:
    transactional_id: str
    coordinator: int
    producer_id: int
    producer_epoch: int
    state: str
    timeout_ms: int
    start_time_ms: int | None
    partitions: list[TopicPartition]


@dataclass(frozen=True, slots=True)
class Hanging:
    """A producer with a transaction that is open in a partition; the state in which it is nowhere else."""

    producer: ActiveProducer
    transactional_id: str | None


async def list_transactions(
    client: KafkaClient,
    *,
    states: Sequence[str] = (),
    producer_ids: Sequence[int] = (),
    longer_than_ms: int = -1,
    pattern: str | None = None,
) -> list[TransactionSummary]:
    """Of every coordinator, in order of their ids; `KafkaError` when one cannot say, or does not know a filter."""

    async def ask() -> list[TransactionSummary]:
        await client.refresh_metadata([])
        found: dict[str, TransactionSummary] = {}
        for node_id in client.metadata.brokers:
            request = ListTransactionsRequest(
                state_filters=list(states), producer_id_filters=list(producer_ids), duration_filter=longer_than_ms
            )
            if pattern is not None:
                request.transactional_id_pattern = pattern
            response = await client.send_to(node_id, request, ListTransactionsResponse)
            if response.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION:
                raise KafkaError(ErrorCode.INVALID_REGULAR_EXPRESSION, f"'{pattern}' is no pattern that a broker takes")
            if response.error_code != ErrorCode.NONE:
                raise KafkaError(error_code(response.error_code), f"broker {node_id} cannot list its transactions")
            for each in response.transaction_states:
                found[each.transactional_id] = TransactionSummary(
                    each.transactional_id, node_id, each.producer_id, each.transaction_state
                )
        return [found[each] for each in sorted(found)]

    return await client.retry(ask)


async def describe_transaction(client: KafkaClient, transactional_id: str) -> TransactionDescription:
    """`KafkaError(TRANSACTIONAL_ID_NOT_FOUND)` names the near ones."""

    async def ask() -> TransactionDescription:
        coordinator = await client.coordinator(transactional_id, key_type=_TRANSACTION_KEY)
        request = DescribeTransactionsRequest(transactional_ids=[transactional_id])
        state = (await client.send_to(coordinator, request, DescribeTransactionsResponse)).transaction_states[0]
        if state.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(state.error_code), f"transactional id '{transactional_id}'")
        return TransactionDescription(
            transactional_id,
            coordinator,
            state.producer_id,
            state.producer_epoch,
            state.transaction_state,
            state.transaction_timeout_ms,
            state.transaction_start_time_ms if state.transaction_start_time_ms >= 0 else None,
            sorted(TopicPartition(topic.topic, index) for topic in state.topics for index in topic.partitions),
        )

    try:
        return await client.retry(ask)
    except KafkaError as error:
        if error.code is not ErrorCode.TRANSACTIONAL_ID_NOT_FOUND:
            raise
    names = [each.transactional_id for each in await list_transactions(client)]
    text = f"there is no transactional id '{transactional_id}'.{did_you_mean(transactional_id, names)}"
    raise KafkaError(ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, text)


async def find_hanging(
    client: KafkaClient, wheres: Sequence[TopicPartition], *, now_ms: int, longer_than_ms: int
) -> list[Hanging]:
    """Of these partitions: transactions that have been open for longer, and that no coordinator has open there."""
    suspects = [
        each
        for each in await describe_producers(client, wheres)
        if each.transaction_start_offset is not None
        and (each.last_timestamp_ms is None or now_ms - each.last_timestamp_ms >= longer_than_ms)
    ]
    if not suspects:
        return []
    known = {
        each.producer_id: each.transactional_id
        for each in await list_transactions(client, producer_ids=sorted({each.producer_id for each in suspects}))
    }
    hanging = []
    for suspect in suspects:
        transactional_id = known.get(suspect.producer_id)
        if transactional_id is None or not await _has_open(client, transactional_id, suspect):
            hanging.append(Hanging(suspect, transactional_id))
    return hanging


async def abort(client: KafkaClient, producer: ActiveProducer) -> None:
    """Write the marker that ends this producer's transaction in its partition."""
    where = TopicPartition(producer.topic, producer.partition)

    async def ask() -> None:
        leader = (await client.topic(where.topic)).partitions[where.partition].leader
        marker = WritableTxnMarker(
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            transaction_result=False,
            topics=[WritableTxnMarkerTopic(name=where.topic, partition_indexes=[where.partition])],
            coordinator_epoch=max(0, producer.coordinator_epoch or 0),
        )
        response = await client.send_to(leader, WriteTxnMarkersRequest(markers=[marker]), WriteTxnMarkersResponse)
        code = response.markers[0].topics[0].partitions[0].error_code
        if code != ErrorCode.NONE:
            client.metadata.topics.pop(where.topic, None)
            text = f"the transaction of producer {producer.producer_id} in {where.topic}-{where.partition} stays open"
            raise KafkaError(error_code(code), text)

    await client.retry(ask)


async def open_at(client: KafkaClient, where: TopicPartition, start_offset: int) -> ActiveProducer:
    """The producer whose transaction began there. `KafkaError` says which are open instead."""
    await partitions_of(client, where.topic, where.partition)
    opened = [each for each in await describe_producers(client, [where]) if each.transaction_start_offset is not None]
    for each in opened:
        if each.transaction_start_offset == start_offset:
            return each
    there = ", ".join(str(each.transaction_start_offset) for each in opened)
    text = f"no transaction that is open in {where.topic}-{where.partition} began at {start_offset}"
    raise KafkaError(
        ErrorCode.INVALID_TXN_STATE, f"{text}; {f'there are some at {there}' if there else 'none is open'}"
    )


async def terminate(client: KafkaClient, transactional_id: str) -> None:
    """Fence the producer of this id as one that starts anew does: what it has open is aborted."""
    await describe_transaction(client, transactional_id)

    async def ask() -> None:
        coordinator = await client.coordinator(transactional_id, key_type=_TRANSACTION_KEY)
        request = InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=_TERMINATE_TIMEOUT_MS)
        response = await client.send_to(coordinator, request, InitProducerIdResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), f"transactional id '{transactional_id}'")

    await client.retry(ask)


async def _has_open(client: KafkaClient, transactional_id: str, suspect: ActiveProducer) -> bool:
    try:
        described = await describe_transaction(client, transactional_id)
    except KafkaError as error:
        if error.code is not ErrorCode.TRANSACTIONAL_ID_NOT_FOUND:
            raise
        return False
    where = TopicPartition(suspect.topic, suspect.partition)
    return (
        described.producer_id == suspect.producer_id and described.state in _ONGOING and where in described.partitions
    )
