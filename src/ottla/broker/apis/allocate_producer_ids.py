"""AllocateProducerIds (67): a broker gets a block of producer ids that nobody else has.

| version | what changed                                                    | KIP |
|---------|-----------------------------------------------------------------|-----|
| 0       |                                                                 | 730 |
"""

from functools import partial

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
from ottla.metadata.controller.producer_ids import answer_allocation
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from ottla.protocol.errors import KafkaError


class AllocateProducerIdsHandler:
    def __init__(self, controller: ControllerShell) -> None:
        self._controller = controller

    async def __call__(
        self, context: RequestContext, request: AllocateProducerIdsRequest
    ) -> AllocateProducerIdsResponse:
        try:
            return await self._controller.submit(partial(answer_allocation, request=request))
        except KafkaError as error:
            return AllocateProducerIdsResponse(error_code=error.code, producer_id_start=0, producer_id_len=0)
