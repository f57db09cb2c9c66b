"""ListTransactions (66): the transactional ids that this node coordinates.

| version | what changed                                 | KIP  |
|---------|----------------------------------------------|------|
| 0       | filters by state and producer id             | 664  |
| 1       | open for longer than a duration              | 994  |
| 2       | transactional ids that match a pattern whole | 1152 |
"""

import re
from collections.abc import Callable

from ottla.broker.coordinator.transaction_coordinator import TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.errors import ErrorCode


class ListTransactionsHandler:
    def __init__(self, transactions: TransactionCoordinator) -> None:
        self._transactions = transactions

    def __call__(self, context: RequestContext, request: ListTransactionsRequest) -> ListTransactionsResponse:
        matches: Callable[[str], bool] | None = None
        if request.transactional_id_pattern:
            try:
                pattern = re.compile(request.transactional_id_pattern)
            except re.error:
                return ListTransactionsResponse(
                    error_code=ErrorCode.INVALID_REGULAR_EXPRESSION, unknown_state_filters=[], transaction_states=[]
                )
            matches = _matcher(pattern)
        return self._transactions.list_transactions(request, matches)


def _matcher(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None
