"""EndTxn (26): commit or abort a transaction.

| version | what changed                                                         | KIP |
|---------|----------------------------------------------------------------------|-----|
| 0       |                                                                      | 98  |
| 1       | throttled after the answer                                           | 219 |
| 2       | PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH                    | 588 |
| 3       | flexible                                                             | 482 |
| 4       | TRANSACTION_ABORTABLE may be answered elsewhere                      | 890 |
| 5       | transactions of version 2: id and epoch of the next one are answered | 890 |

Answered when the decision is in the log; the markers follow.
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.transaction_coordinator import Eventually, TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.transaction.metadata import TRANSACTION_V0, TRANSACTION_V2
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.errors import ErrorCode

PRODUCER_FENCED_SINCE = 2
EPOCH_BUMP_SINCE = 5


class EndTxnHandler:
    def __init__(self, transactions: TransactionCoordinator) -> None:
        self._transactions = transactions

    def __call__(self, context: RequestContext, request: EndTxnRequest) -> Eventually[EndTxnResponse]:
        version = context.api_version
        client_version = TRANSACTION_V2 if version >= EPOCH_BUMP_SINCE else TRANSACTION_V0
        answer = self._transactions.end_transaction(request, client_version)
        if version >= PRODUCER_FENCED_SINCE:
            return answer
        return _for_old(answer) if isinstance(answer, EndTxnResponse) else _when_done(answer)


def _for_old(response: EndTxnResponse) -> EndTxnResponse:
    if response.error_code == ErrorCode.PRODUCER_FENCED:
        response.error_code = ErrorCode.INVALID_PRODUCER_EPOCH
    return response


async def _when_done(answer: Awaitable[EndTxnResponse]) -> EndTxnResponse:
    return _for_old(await answer)
