"""DescribeTransactions, API 65: version 0.

KIP-664 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64


class DescribeTransactionsRequest(Request, api=65, versions="0", flexible="0+"):
    """Asks for the state of transactional ids."""

    transactional_ids: list[str]


class TopicData(Struct):
    topic: str
    partitions: list[Int32]


class TransactionState(Struct):
    error_code: Int16
    transactional_id: str
    transaction_state: str
    transaction_timeout_ms: Int32
    transaction_start_time_ms: Int64
    producer_id: Int64
    producer_epoch: Int16
    topics: list[TopicData]


class DescribeTransactionsResponse(Response, api=65, versions="0", flexible="0+"):
    """State, producer and partitions of each transaction."""

    throttle_time_ms: Int32 = field(default=0)
    transaction_states: list[TransactionState]
