"""DescribeTransactions and ListTransactions (KIP-664, KIP-994 durations, KIP-1152 patterns)."""

from collections.abc import Callable, Collection

from ottla.coordinator.transaction.state import DEAD, STATE_BY_NAME
from ottla.coordinator.transaction.transactions import Transactions
from ottla.protocol.api.describe_transactions import TopicData, TransactionState
from ottla.protocol.api.list_transactions import TransactionState as ListedTransaction
from ottla.protocol.errors import ErrorCode

NO_DURATION = -1


def describe_transaction(transactions: Transactions, transactional_id: str) -> TransactionState:
    transaction = transactions.committed(transactional_id)
    if transaction is None:
        return described_error(transactional_id, ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
    by_topic: dict[str, list[int]] = {}
    for topic, partition in sorted(transaction.partitions):
        by_topic.setdefault(topic, []).append(partition)
    return TransactionState(
        error_code=ErrorCode.NONE,
        transactional_id=transactional_id,
        transaction_state=transaction.state.text,
        transaction_timeout_ms=transaction.timeout_ms,
        transaction_start_time_ms=transaction.start_ms,
        producer_id=transaction.producer_id,
        producer_epoch=transaction.producer_epoch,
        topics=[TopicData(topic=topic, partitions=partitions) for topic, partitions in by_topic.items()],
    )


def described_error(transactional_id: str, error: ErrorCode) -> TransactionState:
    return TransactionState(
        error_code=error,
        transactional_id=transactional_id,
        transaction_state="",
        transaction_timeout_ms=0,
        transaction_start_time_ms=0,
        producer_id=0,
        producer_epoch=0,
        topics=[],
    )


def list_transactions(
    transactions: Transactions,
    *,
    states: Collection[str],
    producer_ids: Collection[int],
    duration_ms: int,
    matches: Callable[[str], bool] | None,
) -> list[ListedTransaction]:
    """`states` by name, those that do not exist match nothing; no filter at all for an empty one. `duration_ms`: open
    for longer than that; `matches` is asked about transactional ids.
    """
    wanted = {STATE_BY_NAME[name] for name in states if name in STATE_BY_NAME}
    now_ms = transactions.clock.now_ms()
    found = []
    for transactional_id, transaction in transactions.all_committed():
        if (
            transaction.state is DEAD
            or (producer_ids and transaction.producer_id not in producer_ids)
            or (states and transaction.state not in wanted)
            or (duration_ms > NO_DURATION and now_ms - transaction.start_ms <= duration_ms)
            or (matches is not None and not matches(transactional_id))
        ):
            continue
        found.append(
            ListedTransaction(
                transactional_id=transactional_id,
                producer_id=transaction.producer_id,
                transaction_state=transaction.state.text,
            )
        )
    return found
