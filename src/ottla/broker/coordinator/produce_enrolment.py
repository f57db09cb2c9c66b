"""Before transactional batches are appended: are their partitions part of the producer's transaction? KIP-890.

    Produce 0 … 11   the producer said so by AddPartitionsToTxn; the coordinator is asked whether it did (part 1)
    Produce 12 …     the first batch says so: the partition joins the transaction (part 2)

A partition whose log has the transaction open already is not asked about: only the first batch in each partition is.
Kafka's `ReplicaManager.handleProduceAppend`, `AddPartitionsToTxnManager`.
"""

from collections.abc import Awaitable, Mapping
from struct import Struct
from typing import Final, TypeAlias

from ottla.broker.coordinator.transaction_coordinator import Enrolment, Eventually, PartitionErrors
from ottla.broker.replica.partition import Partition
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.protocol.api.produce import ProduceRequest
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import HEADER_SIZE, TRANSACTIONAL_FLAG

ABORTABLE_SINCE: Final = 11
ADDS_SINCE: Final = 12
TOPIC_IDS_SINCE: Final = 13

_PRODUCER = Struct(">qh")
_PRODUCER_AT: Final = 43  # producer id and epoch in the batch's header
_ATTRIBUTES_AT: Final = 22
_BUFFERS: Final = (memoryview, bytes)

Refusals: TypeAlias = Mapping[Partition, ErrorCode]
"""Why no transactional batch may be appended to a partition; those that are not here may get one."""
NO_REFUSALS: Final[Refusals] = {}

# Errors that producers of the time would not try again after: to them it looks like a lack of replicas.
_TRY_AGAIN = frozenset(
    (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR)
)


class ProduceEnrolment:
    def __init__(self, replicas: ReplicaManager, transactions: Enrolment) -> None:
        self._replicas = replicas
        self._transactions = transactions

    def enroll(self, version: int, request: ProduceRequest) -> Eventually[Refusals]:
        """For a request with a transactional id."""
        producers: set[tuple[int, int]] = set()
        partitions: dict[TopicPartition, Partition] = {}
        transactional: list[Partition] = []
        for partition, producer_id, epoch in self._transactional_batches(version, request):
            producers.add((producer_id, epoch))
            transactional.append(partition)
            if not partition.log.producers.has_open_transaction(producer_id, epoch):
                partitions[TopicPartition(partition.topic, partition.index)] = partition
        if len(producers) > 1:
            return dict.fromkeys(transactional, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        if not partitions or request.transactional_id is None:
            return NO_REFUSALS
        producer_id, epoch = producers.pop()
        adds = version >= ADDS_SINCE
        errors = self._transactions.enroll(
            request.transactional_id,
            producer_id,
            epoch,
            list(partitions),
            adds=adds,
            knows_abortable=version >= ABORTABLE_SINCE,
        )
        if isinstance(errors, Mapping):
            return _refusals(errors, partitions, adds=adds)
        before = {one: one.log.producers.marker_count(producer_id) for one in partitions.values()}
        return _when_enrolled(errors, partitions, before, producer_id, adds=adds)

    def _transactional_batches(self, version: int, request: ProduceRequest) -> list[tuple[Partition, int, int]]:
        """Partition, producer id and epoch of each, where this node leads; the rest is refused for other reasons."""
        found = []
        for topic_data in request.topic_data:
            if version >= TOPIC_IDS_SINCE:
                topic = self._replicas.by_id.get(topic_data.topic_id)
            else:
                topic = self._replicas.by_name.get(topic_data.name)
            if topic is None or topic.internal:
                continue
            for data in topic_data.partition_data:
                partition = topic.partitions.get(data.index)
                records = data.records
                if (
                    partition is not None
                    and partition.is_leader
                    and isinstance(records, _BUFFERS)
                    and len(records) >= HEADER_SIZE
                    and records[_ATTRIBUTES_AT] & TRANSACTIONAL_FLAG
                ):
                    producer_id, epoch = _PRODUCER.unpack_from(records, _PRODUCER_AT)
                    if producer_id >= 0:
                        found.append((partition, producer_id, epoch))
        return found


def _refusals(errors: PartitionErrors, partitions: Mapping[TopicPartition, Partition], *, adds: bool) -> Refusals:
    refusals: dict[Partition, ErrorCode] = {}
    for partition, error in errors.items():
        if error is ErrorCode.NONE:
            continue
        if error in _TRY_AGAIN or (error is ErrorCode.CONCURRENT_TRANSACTIONS and not adds):
            error = ErrorCode.NOT_ENOUGH_REPLICAS
        refusals[partitions[partition]] = error
    return refusals


async def _when_enrolled(
    errors: Awaitable[PartitionErrors],
    partitions: Mapping[TopicPartition, Partition],
    marker_counts: Mapping[Partition, int],
    producer_id: int,
    *,
    adds: bool,
) -> Refusals:
    """A marker that came meanwhile ended the transaction that was asked about: the producer asks again.

    Kafka's `VerificationGuard`, which refuses with INVALID_TXN_STATE. A batch behind its transaction's marker would
    keep everybody from reading further, and nobody would ever end it.
    """
    refusals = dict(_refusals(await errors, partitions, adds=adds))
    for partition, count in marker_counts.items():
        if partition.log.producers.marker_count(producer_id) != count:
            refusals.setdefault(partition, ErrorCode.NOT_ENOUGH_REPLICAS)
    return refusals
