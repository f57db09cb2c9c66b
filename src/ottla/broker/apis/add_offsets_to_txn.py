"""AddOffsetsToTxn (25): a group's offsets will be committed within a transaction.

| version | what changed                                      | KIP |
|---------|---------------------------------------------------|-----|
| 0       |                                                   | 98  |
| 1       | throttled after the answer                        | 219 |
| 2       | PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH | 588 |
| 3       | flexible                                          | 482 |
| 4       | TRANSACTION_ABORTABLE may be answered elsewhere   | 890 |

The partition of `__consumer_offsets` that the group has joins the transaction, as any other does.
"""

from collections.abc import Awaitable

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, GroupCoordinator
from ottla.broker.coordinator.transaction_coordinator import Eventually, TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.transaction.metadata import TRANSACTION_V0, TopicPartition
from ottla.protocol.api.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.errors import ErrorCode

PRODUCER_FENCED_SINCE = 2


class AddOffsetsToTxnHandler:
    def __init__(self, transactions: TransactionCoordinator, groups: GroupCoordinator) -> None:
        self._transactions = transactions
        self._groups = groups

    def __call__(self, context: RequestContext, request: AddOffsetsToTxnRequest) -> Eventually[AddOffsetsToTxnResponse]:
        partition = TopicPartition(GROUP_METADATA_TOPIC, self._groups.partition_for(request.group_id))
        added = self._transactions.add_partitions(
            request.transactional_id, request.producer_id, request.producer_epoch, (partition,), TRANSACTION_V0
        )
        if isinstance(added, ErrorCode):
            return _response(context.api_version, added)
        return _when_added(context.api_version, added)


def _response(version: int, error: ErrorCode) -> AddOffsetsToTxnResponse:
    if error is ErrorCode.PRODUCER_FENCED and version < PRODUCER_FENCED_SINCE:
        error = ErrorCode.INVALID_PRODUCER_EPOCH
    return AddOffsetsToTxnResponse(error_code=error)


async def _when_added(version: int, added: Awaitable[ErrorCode]) -> AddOffsetsToTxnResponse:
    return _response(version, await added)
