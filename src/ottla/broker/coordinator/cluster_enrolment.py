"""Before transactional batches are appended here: the transaction's coordinator is asked, wherever it is. KIP-890.

    enroll ─► this node coordinates the transactional id ─► TransactionCoordinator.enroll
          └─► another one does ─► AddPartitionsToTxn (verify only, or add) ─► its answer

Kafka's `AddPartitionsToTxnManager`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, NamedTuple

from ottla.broker.coordinator.broker_batches import BrokerBatches, PeersById, ask
from ottla.broker.coordinator.transaction_coordinator import (
    TRANSACTION_STATE_TOPIC,
    Eventually,
    PartitionErrors,
    TransactionCoordinator,
    told_as,
)
from ottla.broker.peer.connection import PeerError
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import NO_LEADER
from ottla.protocol.api.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from ottla.protocol.errors import ErrorCode, error_code

ADDS_SINCE: Final = 5


class _Wanted(NamedTuple):
    transactional_id: str
    producer_id: int
    producer_epoch: int
    partitions: Collection[TopicPartition]
    adds: bool
    done: "asyncio.Future[PartitionErrors]"

    def answer(self, errors: PartitionErrors) -> None:
        if not self.done.done():
            self.done.set_result(errors)

    def give_up(self) -> None:
        self.answer(dict.fromkeys(self.partitions, ErrorCode.COORDINATOR_NOT_AVAILABLE))


class ClusterEnrolment:
    """Has `enroll` as `TransactionCoordinator` has it."""

    def __init__(
        self,
        local: TransactionCoordinator,
        peers: PeersById,
        image: Callable[[], MetadataImage],
        *,
        node_id: int,
        timeout_ms: float,
    ) -> None:
        self._local = local
        self._peers = peers
        self._image = image
        self._node_id = node_id
        self._timeout_ms = timeout_ms
        self._batches: BrokerBatches[_Wanted] = BrokerBatches(self._send, _Wanted.give_up)

    def close(self) -> None:
        self._batches.close()

    def enroll(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Collection[TopicPartition],
        *,
        adds: bool,
        knows_abortable: bool,
    ) -> Eventually[PartitionErrors]:
        node_id = self._coordinator(transactional_id)
        if node_id == self._node_id:
            return self._local.enroll(
                transactional_id, producer_id, producer_epoch, partitions, adds=adds, knows_abortable=knows_abortable
            )
        if not adds and not self._local.verifies:
            return {}
        done: asyncio.Future[PartitionErrors] = asyncio.get_running_loop().create_future()
        wanted = _Wanted(transactional_id, producer_id, producer_epoch, partitions, adds, done)
        if node_id == NO_LEADER or not self._batches.add(node_id, wanted):
            return dict.fromkeys(partitions, ErrorCode.COORDINATOR_NOT_AVAILABLE)
        return _told(done, knows_abortable or adds)

    def _coordinator(self, transactional_id: str) -> int:
        return self._image().topics.leader_of(TRANSACTION_STATE_TOPIC, self._local.partition_for(transactional_id))

    async def _send(self, node_id: int, batch: list[_Wanted]) -> None:
        """One transaction of an id a request, for the answer names the id alone; the others are asked for behind it."""
        while batch:
            ids: set[str] = set()
            now: list[_Wanted] = []
            rest: list[_Wanted] = []
            for wanted in batch:
                (rest if wanted.transactional_id in ids else now).append(wanted)
                ids.add(wanted.transactional_id)
            await self._ask(node_id, now)
            batch = rest

    async def _ask(self, node_id: int, batch: list[_Wanted]) -> None:
        request = AddPartitionsToTxnRequest(transactions=[_transaction(wanted) for wanted in batch])
        try:
            answer = await ask(self._peers, node_id, request, AddPartitionsToTxnResponse, self._timeout_ms)
        except PeerError:
            for wanted in batch:
                wanted.give_up()
            return
        whole = error_code(answer.error_code)
        if whole is ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
            whole = ErrorCode.INVALID_TXN_STATE  # as in Kafka: no producer can make sense of it
        told = {
            (result.transactional_id, topic.name, one.partition_index): error_code(one.partition_error_code)
            for result in answer.results_by_transaction
            for topic in result.topic_results
            for one in topic.results_by_partition
        }
        for wanted in batch:
            if whole is not ErrorCode.NONE:
                wanted.answer(dict.fromkeys(wanted.partitions, whole))
                continue
            missing = ErrorCode.COORDINATOR_NOT_AVAILABLE
            wanted.answer({one: told.get((wanted.transactional_id, *one), missing) for one in wanted.partitions})


def _transaction(wanted: _Wanted) -> AddPartitionsToTxnTransaction:
    by_topic: dict[str, list[int]] = {}
    for topic, index in wanted.partitions:
        by_topic.setdefault(topic, []).append(index)
    return AddPartitionsToTxnTransaction(
        transactional_id=wanted.transactional_id,
        producer_id=wanted.producer_id,
        producer_epoch=wanted.producer_epoch,
        verify_only=not wanted.adds,
        topics=[AddPartitionsToTxnTopic(name=name, partitions=indexes) for name, indexes in by_topic.items()],
    )


async def _told(errors: Awaitable[PartitionErrors], knows_abortable: bool) -> PartitionErrors:
    return {partition: told_as(error, knows_abortable) for partition, error in (await errors).items()}
