"""InitProducerId (22): an id and an epoch for a producer.

| version | what changed                                       | KIP |
|---------|----------------------------------------------------|-----|
| 0       | for idempotent and transactional producers         | 98  |
| 2       | tagged fields                                      | 482 |
| 3       | a producer may bring its id and epoch              | 360 |
| 4       | PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH  | 588 |
| 5       | transactions of version 2                          | 890 |
| 6       | two-phase commit                                   | 939 |

Without a transactional id every request gets a new id, from blocks that the controller hands out. Transactions are not
there yet: such a request gets UNSUPPORTED_VERSION, which clients do not retry.
"""

import asyncio
from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.producer_ids import ProducerIdsBlock, allocate_producer_ids
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.errors import ErrorCode, KafkaError

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
EMPTY_BLOCK = ProducerIdsBlock(0, 0)


class ProducerIds:
    """The block of ids that this broker gives out. Kafka's `RPCProducerIdManager`."""

    def __init__(self, controller: ControllerShell, node_id: int) -> None:
        self._controller = controller
        self._node_id = node_id
        self._block = EMPTY_BLOCK
        self._used = 0
        self._refilling = asyncio.Lock()

    async def next(self) -> int:
        """Raises `KafkaError` if the controller gives no block."""
        while self._used >= self._block.size:
            async with self._refilling:
                if self._used >= self._block.size:  # nobody who also waited has brought one
                    self._block = await self._allocate()
                    self._used = 0
        self._used += 1
        return self._block.first_id + self._used - 1

    async def _allocate(self) -> ProducerIdsBlock:
        broker = self._controller.image.cluster.brokers.get(self._node_id)
        if broker is None:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        return await self._controller.submit(
            partial(allocate_producer_ids, broker_id=self._node_id, broker_epoch=broker.epoch)
        )


class InitProducerIdHandler:
    def __init__(self, producer_ids: ProducerIds) -> None:
        self._producer_ids = producer_ids

    async def __call__(self, context: RequestContext, request: InitProducerIdRequest) -> InitProducerIdResponse:
        if request.transactional_id is not None:
            return _failed(ErrorCode.UNSUPPORTED_VERSION if request.transactional_id else ErrorCode.INVALID_REQUEST)
        if (request.producer_id == NO_PRODUCER_ID) != (request.producer_epoch == NO_PRODUCER_EPOCH):
            return _failed(ErrorCode.INVALID_REQUEST)
        try:
            producer_id = await self._producer_ids.next()
        except KafkaError as error:
            return _failed(error.code)
        return InitProducerIdResponse(error_code=ErrorCode.NONE, producer_id=producer_id, producer_epoch=0)


def _failed(code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=code, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH)
