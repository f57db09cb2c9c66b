"""ListTransactions (66): the transactional ids that this node coordinates.

| version | what changed                                 | KIP  |
|---------|----------------------------------------------|------|
| 0       | filters by state and producer id             | 664  |
| 1       | open for longer than a duration              | 994  |
| 2       | transactional ids that match a pattern whole | 1152 |
"""

import re
from collections.abc import Callable
from typing import Final

from ottla.broker.coordinator.transaction_coordinator import TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.coordinator.group.regular_expression.matcher import TopicMatcher
from ottla.coordinator.group.regular_expression.syntax import ALPHABET, InvalidExpressionError
from ottla.protocol.api.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.errors import ErrorCode

MAX_SIMPLE_REPETITIONS: Final = 2
MAX_LENGTH_FOR_SIMPLE: Final = 500

_REPETITION = re.compile(r"[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")


class ListTransactionsHandler:
    def __init__(self, transactions: TransactionCoordinator) -> None:
        self._transactions = transactions

    def __call__(self, context: RequestContext, request: ListTransactionsRequest) -> ListTransactionsResponse:
        matches: Callable[[str], bool] | None = None
        if request.transactional_id_pattern:
            try:
                matches = _matcher(request.transactional_id_pattern)
            except InvalidExpressionError:
                return ListTransactionsResponse(
                    error_code=ErrorCode.INVALID_REGULAR_EXPRESSION, unknown_state_filters=[], transaction_states=[]
                )
        return self._transactions.list_transactions(request, matches)


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Matches in linear time ids that are made of the characters of topic names, which nearly all are.

    Others are matched by Python's `re`, by simple patterns only: it must not be made to look for ever.
    """
    linear = TopicMatcher(pattern)
    simple: re.Pattern[str] | None = None
    if len(_REPETITION.findall(pattern)) <= MAX_SIMPLE_REPETITIONS and not _REPEATED_GROUP.search(pattern):
        try:
            simple = re.compile(pattern)
        except re.error:
            simple = None

    def matches(transactional_id: str) -> bool:
        if ALPHABET.issuperset(transactional_id):
            return linear.matches(transactional_id)
        return (
            simple is not None
            and len(transactional_id) <= MAX_LENGTH_FOR_SIMPLE
            and simple.fullmatch(transactional_id) is not None
        )

    return matches
