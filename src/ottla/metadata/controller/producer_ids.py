"""Blocks of producer ids, each given to one broker once. KIP-730; Kafka's `ProducerIdControlManager`."""

from dataclasses import dataclass

from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.producer_ids_record import ProducerIdsRecord

BLOCK_SIZE = 1000
_LONG_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ProducerIdsBlock:
    first_id: int
    size: int


def allocate_producer_ids(
    view: ControllerView, broker_id: int, broker_epoch: int
) -> ControllerResult[ProducerIdsBlock]:
    broker = view.image.cluster.brokers.get(broker_id)
    if broker is None or broker.epoch != broker_epoch:
        raise KafkaError(ErrorCode.STALE_BROKER_EPOCH)
    first = max(view.image.producer_ids.next_producer_id, 0)
    if first > _LONG_MAX - BLOCK_SIZE:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "No producer ids are left")
    record = ProducerIdsRecord(broker_id=broker_id, broker_epoch=broker_epoch, next_producer_id=first + BLOCK_SIZE)
    return ControllerResult([VersionedRecord(record)], ProducerIdsBlock(first, BLOCK_SIZE))
