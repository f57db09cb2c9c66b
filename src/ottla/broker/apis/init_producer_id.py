"""InitProducerId (22): an id and an epoch for a producer.

| version | what changed                                       | KIP |
|---------|----------------------------------------------------|-----|
| 0       | for idempotent and transactional producers         | 98  |
| 2       | tagged fields                                      | 482 |
| 3       | a producer may bring its id and epoch              | 360 |
| 4       | PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH  | 588 |
| 5       | transactions of version 2                          | 890 |
| 6       | two-phase commit                                   | 939 |

Without a transactional id every request gets a new id, from blocks that the controller hands out; with one the
transaction coordinator answers.
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.transaction_coordinator import Eventually, ProducerIdBlocks, TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.errors import ErrorCode, KafkaError

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
PRODUCER_FENCED_SINCE = 4


class InitProducerIdHandler:
    def __init__(self, producer_ids: ProducerIdBlocks, transactions: TransactionCoordinator) -> None:
        self._producer_ids = producer_ids
        self._transactions = transactions

    def __call__(self, context: RequestContext, request: InitProducerIdRequest) -> Eventually[InitProducerIdResponse]:
        if (request.producer_id == NO_PRODUCER_ID) != (request.producer_epoch == NO_PRODUCER_EPOCH):
            return _failed(ErrorCode.INVALID_REQUEST)
        if request.transactional_id is None:
            taken = self._producer_ids.take()
            return self._next() if taken is None else _initialized(taken)
        answer = self._transactions.init_producer_id(request)
        if context.api_version >= PRODUCER_FENCED_SINCE:
            return answer
        return _for_old(answer) if isinstance(answer, InitProducerIdResponse) else _when_done(answer)

    async def _next(self) -> InitProducerIdResponse:
        try:
            return _initialized(await self._producer_ids.next())
        except KafkaError as error:
            return _failed(error.code)


def _initialized(producer_id: int) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=ErrorCode.NONE, producer_id=producer_id, producer_epoch=0)


def _failed(code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=code, producer_id=NO_PRODUCER_ID, producer_epoch=NO_PRODUCER_EPOCH)


def _for_old(response: InitProducerIdResponse) -> InitProducerIdResponse:
    if response.error_code == ErrorCode.PRODUCER_FENCED:
        response.error_code = ErrorCode.INVALID_PRODUCER_EPOCH
    return response


async def _when_done(answer: Awaitable[InitProducerIdResponse]) -> InitProducerIdResponse:
    return _for_old(await answer)
