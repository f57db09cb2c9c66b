"""One coordinator of transactions: the state of one partition of `__transaction_state`, and what can be asked of it.

The face of this folder. Each method decides (see `coordinator.result`), `replay` changes; the transitions are in the
files named after them. KIP-98, 360, 447, 588, 664, 890.
"""

from collections.abc import Callable, Collection, Mapping

from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, CoordinatorTimers, TimerResult, nothing
from ottla.coordinator.transaction.add_partitions import add_partitions, verify_partitions
from ottla.coordinator.transaction.completion import markers_written, write_markers
from ottla.coordinator.transaction.config import TransactionCoordinatorConfig
from ottla.coordinator.transaction.describe import describe_transaction, list_transactions
from ottla.coordinator.transaction.end_transaction import end_transaction
from ottla.coordinator.transaction.init_producer_id import init_producer_id
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.coordinator.transaction.replay import replay
from ottla.coordinator.transaction.state import PREPARED
from ottla.coordinator.transaction.timeout import abort_timed_out, forget_expired
from ottla.coordinator.transaction.transactions import EndedTransaction, MarkerSender, ProducerIdSource, Transactions
from ottla.protocol.api.describe_transactions import TransactionState
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_transactions import ListTransactionsRequest
from ottla.protocol.api.list_transactions import TransactionState as ListedTransaction
from ottla.protocol.coordinator_record.transaction_log import TransactionLogKey
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock

ABORT_TIMER = ("abort-timed-out-transactions",)
EXPIRATION_TIMER = ("forget-expired-transactional-ids",)


class TransactionShard:
    """`timers` belong to this shard alone; `transaction_version` gives the finalized level of that feature.

    `uncommitted_at`: where the batch begins that is being replayed and is not committed yet. Reads (describe, list) see
    what is committed.
    """

    def __init__(
        self,
        config: TransactionCoordinatorConfig,
        clock: Clock,
        timers: CoordinatorTimers,
        *,
        producer_ids: ProducerIdSource,
        markers: MarkerSender,
        transaction_version: Callable[[], int],
    ) -> None:
        self.uncommitted_at: int | None = None
        self.transactions = Transactions(config, clock, timers, producer_ids, markers, transaction_version)

    # -- replicated state

    def replay(self, record: CoordinatorRecord, record_offset: int, producer_id: int = -1) -> None:
        if self.uncommitted_at is not None and isinstance(record.key, TransactionLogKey):
            self.transactions.note(record.key.transactional_id, self.uncommitted_at)
        replay(self.transactions, record)

    def settle(self, high_watermark: int) -> None:
        self.transactions.uncommitted.settle(high_watermark)

    def replay_end_transaction(self, producer_id: int, *, commit: bool) -> None:
        """`__transaction_state` has no transactions of its own."""

    def states(self) -> list[str]:
        """Of the transaction of each transactional id, by name."""
        return [metadata.transaction.state.text for metadata in self.transactions.by_id.values()]

    def on_loaded(self) -> TimerResult:
        """The log has been replayed: what was decided is completed, whatever the last coordinator got done."""
        self._schedule_aborts()
        self._schedule_expiration()
        for metadata in list(self.transactions.by_id.values()):
            if metadata.transaction.state in PREPARED:
                write_markers(self.transactions, metadata)
        return nothing()

    def on_unloaded(self) -> None:
        """This node coordinates the partition no more."""
        self.transactions.by_id.clear()

    # -- a producer's transaction

    def init_producer_id(self, request: InitProducerIdRequest) -> CoordinatorResult[InitProducerIdResponse]:
        return init_producer_id(self.transactions, request)

    def add_partitions(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Collection[TopicPartition],
        client_version: int,
    ) -> CoordinatorResult[ErrorCode]:
        return add_partitions(
            self.transactions, transactional_id, producer_id, producer_epoch, partitions, client_version
        )

    def verify_partitions(
        self, transactional_id: str, producer_id: int, producer_epoch: int, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, ErrorCode]:
        return verify_partitions(self.transactions, transactional_id, producer_id, producer_epoch, partitions)

    def end_transaction(self, request: EndTxnRequest, client_version: int) -> CoordinatorResult[EndTxnResponse]:
        return end_transaction(self.transactions, request, client_version)

    def markers_written(self, ended: EndedTransaction, results: Mapping[TopicPartition, ErrorCode]) -> TimerResult:
        return markers_written(self.transactions, ended, results)

    # -- administration

    def describe_transaction(self, transactional_id: str) -> TransactionState:
        return describe_transaction(self.transactions, transactional_id)

    def list_transactions(
        self, request: ListTransactionsRequest, matches: Callable[[str], bool] | None
    ) -> list[ListedTransaction]:
        return list_transactions(
            self.transactions,
            states=request.state_filters,
            producer_ids=request.producer_id_filters,
            duration_ms=request.duration_filter,
            matches=matches,
        )

    # -- time

    def _schedule_aborts(self) -> None:
        interval_ms = self.transactions.config.abort_timed_out_interval_ms
        self.transactions.timers.schedule(ABORT_TIMER, interval_ms, self._abort_timed_out)

    def _abort_timed_out(self) -> TimerResult:
        self._schedule_aborts()
        return abort_timed_out(self.transactions)

    def _schedule_expiration(self) -> None:
        interval_ms = self.transactions.config.remove_expired_interval_ms
        self.transactions.timers.schedule(EXPIRATION_TIMER, interval_ms, self._forget_expired)

    def _forget_expired(self) -> TimerResult:
        self._schedule_expiration()
        return forget_expired(self.transactions)
