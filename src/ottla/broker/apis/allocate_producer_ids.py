"""AllocateProducerIds (67): a broker takes the next block of producer ids from the controller.

| version | what changed | KIP |
|---------|--------------|-----|
| 0       |              | 730 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.producer_ids import allocate_producer_ids
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from ottla.protocol.errors import ErrorCode, KafkaError


class AllocateProducerIdsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: AllocateProducerIdsRequest
    ) -> AllocateProducerIdsResponse:
        decision = partial(allocate_producer_ids, broker_id=request.broker_id, broker_epoch=request.broker_epoch)
        try:
            block = await self._controller.submit(decision)
        except KafkaError as error:
            return AllocateProducerIdsResponse(error_code=error.code, producer_id_start=0, producer_id_len=0)
        return AllocateProducerIdsResponse(
            error_code=ErrorCode.NONE, producer_id_start=block.first_id, producer_id_len=block.size
        )
