"""ListTransactions, API 66: versions 0 to 2.

KIP-664 (0), KIP-994 (1), KIP-1152 (1), KIP-1152 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class ListTransactionsRequest(Request, api=66, versions="0-2", flexible="0+"):
    """Asks for the transactions that a coordinator knows, filtered."""

    state_filters: list[str]
    producer_id_filters: list[Int64]
    duration_filter: Int64 = field("1+", default=-1)
    transactional_id_pattern: str | None = field("2+", default=None, nullable="2+")


class TransactionState(Struct):
    transactional_id: str
    producer_id: Int64
    transaction_state: str


class ListTransactionsResponse(Response, api=66, versions="0-2", flexible="0+"):
    """The transactions found."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    unknown_state_filters: list[str]
    transaction_states: list[TransactionState]
