"""The transaction coordinator of a node: finds the shard of a transactional id, and has markers written.

What handlers call. An answer is given at once where nothing has to be waited for, else as an awaitable. Answers are
those of the newest version; the handlers know what older ones looked like.

    EndTxn ─► shard decides ─► record committed ─► answer
                                    └─► `send` ─► markers ─► shard.markers_written ─► record of the end

Kafka's TransactionCoordinator, TransactionStateManager, TransactionMarkerChannelManager.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final, Protocol, TypeAlias, TypeVar

from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.runtime import CoordinatorRuntime
from ottla.broker.coordinator.transaction_markers import MarkerResults
from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.result import CoordinatorTimers
from ottla.coordinator.transaction.config import TransactionCoordinatorConfig
from ottla.coordinator.transaction.describe import described_error
from ottla.coordinator.transaction.end_transaction import refusal as end_refusal
from ottla.coordinator.transaction.init_producer_id import refusal as init_refusal
from ottla.coordinator.transaction.metadata import TRANSACTION_V2, TopicPartition
from ottla.coordinator.transaction.shard import TransactionShard
from ottla.coordinator.transaction.state import STATE_BY_NAME
from ottla.coordinator.transaction.transactions import EndedTransaction
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.features import TRANSACTION_VERSION
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.api.describe_transactions import TransactionState
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.runtime.time import Clock

T = TypeVar("T")
Eventually: TypeAlias = T | Awaitable[T]
PartitionErrors: TypeAlias = Mapping[TopicPartition, ErrorCode]

TRANSACTION_STATE_TOPIC: Final = "__transaction_state"


class ProducerIdBlocks(Protocol):
    """`broker.coordinator.producer_ids.ProducerIds`."""

    @property
    def available(self) -> bool: ...

    def take(self) -> int | None: ...

    async def fill(self) -> None: ...

    async def next(self) -> int: ...


class Markers(Protocol):
    """`TransactionMarkers`, or `ClusterMarkers` where partitions are led elsewhere, too."""

    def write(self, marker: Marker, partitions: Iterable[TopicPartition]) -> Eventually[MarkerResults]: ...


class Enrolment(Protocol):
    """`TransactionCoordinator`, or `ClusterEnrolment` where transactions are coordinated elsewhere, too."""

    def enroll(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Collection[TopicPartition],
        *,
        adds: bool,
        knows_abortable: bool,
    ) -> Eventually[PartitionErrors]: ...


class TransactionCoordinator:
    """`partition_count` is what `__transaction_state` has, or will have when it is made. `verifies`: see `enroll`."""

    def __init__(
        self,
        make_runtime: Callable[[Callable[[CoordinatorTimers], TransactionShard]], CoordinatorRuntime[TransactionShard]],
        config: TransactionCoordinatorConfig,
        clock: Clock,
        *,
        producer_ids: ProducerIdBlocks,
        markers: Markers,
        node_id: int,
        partition_count: int,
        verifies: Callable[[MetadataImage], bool],
    ) -> None:
        self._config = config
        self._clock = clock
        self._producer_ids = producer_ids
        self._markers = markers
        self._node_id = node_id
        self._partition_count = partition_count
        self._verifies = verifies
        self._image = EMPTY_IMAGE
        self._sending: set[asyncio.Future[None]] = set()
        self._runtime = make_runtime(self._new_shard)

    @property
    def runtime(self) -> CoordinatorRuntime[TransactionShard]:
        """The shards, to look at."""
        return self._runtime

    def _new_shard(self, timers: CoordinatorTimers) -> TransactionShard:
        return TransactionShard(
            self._config,
            self._clock,
            timers,
            producer_ids=self._producer_ids,
            markers=self,
            transaction_version=self._transaction_version,
        )

    def _transaction_version(self) -> int:
        return self._image.features.finalized_levels.get(TRANSACTION_VERSION, 0)

    # -- metadata

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Follow who leads the partitions. After the replica manager and the group coordinator have followed."""
        self._image = image
        if any(topic.name == TRANSACTION_STATE_TOPIC for topic in delta.deleted_topics.values()):
            self._runtime.close()
        topic = image.topics.by_name.get(TRANSACTION_STATE_TOPIC)
        if topic is None:
            return
        self._partition_count = len(topic.partitions)
        changed = delta.changed_topics.get(topic.topic_id)
        if changed is None:
            return
        for index, partition in changed.partition_changes.items():
            if partition.leader == self._node_id:
                self._runtime.elect(index, partition.leader_epoch)
            else:
                self._runtime.resign(index)

    def partition_for(self, transactional_id: str) -> int:
        return partition_for(transactional_id, self._partition_count)

    def close(self) -> None:
        self._runtime.close()

    def _find(self, transactional_id: str) -> tuple[int, TransactionShard | ErrorCode]:
        index = self.partition_for(transactional_id)
        return index, self._runtime.shard(index)

    # -- a producer's transaction

    def init_producer_id(self, request: InitProducerIdRequest) -> Eventually[InitProducerIdResponse]:
        """For a request with a transactional id."""
        if not self._producer_ids.available:
            return self._init_with_new_block(request)
        return self._init_producer_id(request)

    async def _init_with_new_block(self, request: InitProducerIdRequest) -> InitProducerIdResponse:
        try:
            await self._producer_ids.fill()
        except KafkaError as error:
            return init_refusal(error.code)
        answer = self._init_producer_id(request)
        return answer if isinstance(answer, InitProducerIdResponse) else await answer

    def _init_producer_id(self, request: InitProducerIdRequest) -> Eventually[InitProducerIdResponse]:
        if not request.transactional_id:
            return init_refusal(ErrorCode.INVALID_REQUEST)
        index, shard = self._find(request.transactional_id)
        if isinstance(shard, ErrorCode):
            return init_refusal(shard)
        return self._runtime.write(index, shard.init_producer_id(request), init_refusal)

    def add_partitions(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Collection[TopicPartition],
        client_version: int,
    ) -> Eventually[ErrorCode]:
        if not transactional_id:
            return ErrorCode.INVALID_REQUEST
        index, shard = self._find(transactional_id)
        if isinstance(shard, ErrorCode):
            return shard
        result = shard.add_partitions(transactional_id, producer_id, producer_epoch, partitions, client_version)
        return self._runtime.write(index, result, _itself)

    def verify_partitions(
        self, transactional_id: str, producer_id: int, producer_epoch: int, partitions: Collection[TopicPartition]
    ) -> PartitionErrors:
        _, shard = self._find(transactional_id)
        if isinstance(shard, ErrorCode):
            return dict.fromkeys(partitions, shard)
        return shard.verify_partitions(transactional_id, producer_id, producer_epoch, partitions)

    def end_transaction(self, request: EndTxnRequest, client_version: int) -> Eventually[EndTxnResponse]:
        if not request.transactional_id:
            return end_refusal(ErrorCode.INVALID_REQUEST)
        index, shard = self._find(request.transactional_id)
        if isinstance(shard, ErrorCode):
            return end_refusal(shard)
        return self._runtime.write(index, shard.end_transaction(request, client_version), end_refusal)

    # -- what a partition's leader asks before it appends (KIP-890)

    @property
    def verifies(self) -> bool:
        """`transaction.partition.verification.enable`"""
        return self._verifies(self._image)

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
        """Make the partitions part of the transaction (`adds`: version 2), or see that they are.

        The errors are those that clients of Produce and TxnOffsetCommit know. Kafka's `AddPartitionsToTxnManager`.
        """
        if not adds:
            if not self.verifies:
                return {}
            errors = self.verify_partitions(transactional_id, producer_id, producer_epoch, partitions)
            return {partition: told_as(error, knows_abortable) for partition, error in errors.items()}
        added = self.add_partitions(transactional_id, producer_id, producer_epoch, partitions, TRANSACTION_V2)
        if isinstance(added, ErrorCode):
            return dict.fromkeys(partitions, told_as(added, knows_abortable))
        return _when_added(added, partitions)

    # -- markers

    def send(self, ended: EndedTransaction) -> None:
        """Write the markers of a decided transaction. Partitions of topics that are gone need none."""
        index = self.partition_for(ended.transactional_id)
        marker = Marker(
            ended.producer_id,
            ended.producer_epoch,
            self._runtime.leader_epoch(index),
            ended.commit,
            ended.transaction_version,
        )
        there, gone = [], {}
        for partition in sorted(ended.partitions):
            topic = self._image.topics.by_name.get(partition.topic)
            if topic is None or partition.partition not in topic.partitions:
                gone[partition] = ErrorCode.NONE
            else:
                there.append(partition)
        results = self._markers.write(marker, there)
        if isinstance(results, dict):
            self._markers_written(index, ended, gone | results)
            return
        waiting = asyncio.ensure_future(self._when_written(index, ended, gone, results))
        self._sending.add(waiting)
        waiting.add_done_callback(self._sending.discard)

    async def _when_written(
        self,
        index: int,
        ended: EndedTransaction,
        gone: dict[TopicPartition, ErrorCode],
        results: Awaitable[dict[TopicPartition, ErrorCode]],
    ) -> None:
        self._markers_written(index, ended, gone | await results)

    def _markers_written(self, index: int, ended: EndedTransaction, results: PartitionErrors) -> None:
        shard = self._runtime.shard(index)
        if isinstance(shard, TransactionShard):
            self._runtime.write(index, shard.markers_written(ended, results), _ignore)

    # -- administration

    def describe_transaction(self, transactional_id: str) -> TransactionState:
        if not transactional_id:
            return described_error(transactional_id, ErrorCode.INVALID_REQUEST)
        shard = self._runtime.committed(self.partition_for(transactional_id))
        if isinstance(shard, ErrorCode):
            return described_error(transactional_id, shard)
        return shard.describe_transaction(transactional_id)

    def list_transactions(
        self, request: ListTransactionsRequest, matches: Callable[[str], bool] | None
    ) -> ListTransactionsResponse:
        """Those of every partition led here; an error if one of them is still being loaded."""
        found = []
        for _, shard in self._runtime.all_committed():
            if isinstance(shard, TransactionShard):
                found += shard.list_transactions(request, matches)
            elif shard is not ErrorCode.NOT_COORDINATOR:
                return ListTransactionsResponse(error_code=shard, unknown_state_filters=[], transaction_states=[])
        unknown = [name for name in request.state_filters if name not in STATE_BY_NAME]
        return ListTransactionsResponse(
            error_code=ErrorCode.NONE, unknown_state_filters=unknown, transaction_states=found
        )


def told_as(error: ErrorCode, knows_abortable: bool) -> ErrorCode:
    """How a coordinator's error is told to a client of Produce or TxnOffsetCommit."""
    if error is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if error is ErrorCode.TRANSACTION_ABORTABLE and not knows_abortable:
        return ErrorCode.INVALID_TXN_STATE
    return error


async def _when_added(added: Awaitable[ErrorCode], partitions: Collection[TopicPartition]) -> PartitionErrors:
    return dict.fromkeys(partitions, told_as(await added, knows_abortable=True))


def _itself(error: ErrorCode) -> ErrorCode:
    return error


def _ignore(error: ErrorCode) -> None:
    return None
