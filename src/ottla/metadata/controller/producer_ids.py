"""Blocks of producer ids, each given to one broker once. KIP-730; Kafka's `ProducerIdControlManager`."""

from dataclasses import dataclass

from ottla.metadata.controller.broker_epoch import broker_in_epoch
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest, AllocateProducerIdsResponse
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
    broker_in_epoch(view, broker_id, broker_epoch)
    first = max(view.image.producer_ids.next_producer_id, 0)
    if first > _LONG_MAX - BLOCK_SIZE:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "No producer ids are left")
    record = ProducerIdsRecord(broker_id=broker_id, broker_epoch=broker_epoch, next_producer_id=first + BLOCK_SIZE)
    return ControllerResult([VersionedRecord(record)], ProducerIdsBlock(first, BLOCK_SIZE))


def answer_allocation(
    view: ControllerView, request: AllocateProducerIdsRequest
) -> ControllerResult[AllocateProducerIdsResponse]:
    """The same for a broker that asks over the network. Raises `KafkaError` STALE_BROKER_EPOCH."""
    allocated = allocate_producer_ids(view, request.broker_id, request.broker_epoch)
    block = allocated.response
    response = AllocateProducerIdsResponse(
        error_code=ErrorCode.NONE, producer_id_start=block.first_id, producer_id_len=block.size
    )
    return ControllerResult(allocated.records, response)
