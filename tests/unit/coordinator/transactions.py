"""A transaction coordinator without a broker: time stands still, the log is a list, markers are written by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tests.unit.coordinator.harness import FakeClock, FakeTimers

from ottla.coordinator.transaction.config import TransactionCoordinatorConfig
from ottla.coordinator.transaction.metadata import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, TopicPartition
from ottla.coordinator.transaction.records import decode_record, encode_record
from ottla.coordinator.transaction.shard import TransactionShard
from ottla.protocol.api.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult
    from ottla.coordinator.transaction.metadata import Transaction
    from ottla.coordinator.transaction.transactions import EndedTransaction

T = TypeVar("T")
ID = "payments"
TIMEOUT_MS = 10_000
A, B, OFFSETS = TopicPartition("t", 0), TopicPartition("t", 1), TopicPartition("__consumer_offsets", 3)
Producer = tuple[int, int]


class Ids:
    def __init__(self) -> None:
        self.next_id = 1000
        self.exhausted = False

    def take(self) -> int | None:
        if self.exhausted:
            return None
        self.next_id += 1
        return self.next_id - 1


class TransactionDriver:
    """One shard. Records are committed at once, or fail with `append_error`; markers are, unless `holds_markers`."""

    def __init__(self, transaction_version: int = 2, **config: int) -> None:
        self.config = TransactionCoordinatorConfig(**config)
        self.clock = FakeClock()
        self.timers = FakeTimers(self.clock)
        self.ids = Ids()
        self.transaction_version = transaction_version
        self.log: list[tuple[bytes, bytes | None]] = []
        self.sent: list[EndedTransaction] = []
        self.holds_markers = False
        self.marker_errors: dict[TopicPartition, ErrorCode] = {}
        self.append_error = ErrorCode.NONE
        self.shard = self._new_shard()
        self.apply(self.shard.on_loaded(), None)

    def _new_shard(self) -> TransactionShard:
        return TransactionShard(
            self.config,
            self.clock,
            self.timers,
            producer_ids=self.ids,
            markers=self,
            transaction_version=lambda: self.transaction_version,
        )

    def reload(self) -> None:
        """Another node has taken over: all it knows is the log."""
        self.timers = FakeTimers(self.clock)
        self.shard = self._new_shard()
        for key, value in self.log:
            record = decode_record(key, value)
            assert record is not None
            self.shard.replay(record, 0)
        self.apply(self.shard.on_loaded(), None)

    # -- the shell

    def apply(self, result: CoordinatorResult[T], on_error: Callable[[ErrorCode], T] | None) -> T:
        if not result.records:
            return result.response
        error = self.append_error
        if error is ErrorCode.NONE:
            for record in result.records:
                self._append(record)
        if result.on_committed is not None:
            result.on_committed(error)
        if error is ErrorCode.NONE:
            return result.response
        assert on_error is not None
        return on_error(error)

    def _append(self, record: CoordinatorRecord) -> None:
        key, value = encode_record(record)
        self.log.append((key, value))
        decoded = decode_record(key, value)
        assert decoded is not None
        self.shard.replay(decoded, len(self.log) - 1)

    def send(self, ended: EndedTransaction) -> None:
        self.sent.append(ended)
        if not self.holds_markers:
            self.write_markers()

    def write_markers(self) -> None:
        """Those that were sent last."""
        ended = self.sent[-1]
        results = {each: self.marker_errors.get(each, ErrorCode.NONE) for each in ended.partitions}
        self.apply(self.shard.markers_written(ended, results), lambda error: None)

    def advance(self, ms: int) -> None:
        until = self.clock.time_ms + ms
        while True:
            deadline = self.timers.next_deadline()
            if deadline is None or deadline > until:
                break
            self.clock.time_ms = max(self.clock.time_ms, deadline)
            operation = self.timers.take_due()
            assert operation is not None
            self.apply(operation(), lambda error: None)
        self.clock.time_ms = until

    # -- requests

    def init(
        self, expected: Producer | None = None, *, timeout_ms: int = TIMEOUT_MS, transactional_id: str = ID
    ) -> InitProducerIdResponse:
        producer_id, epoch = expected or (NO_PRODUCER_ID, NO_PRODUCER_EPOCH)
        request = InitProducerIdRequest(
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout_ms,
            producer_id=producer_id,
            producer_epoch=epoch,
        )
        return self.apply(
            self.shard.init_producer_id(request),
            lambda error: InitProducerIdResponse(error_code=error, producer_epoch=NO_PRODUCER_EPOCH),
        )

    def start(self) -> Producer:
        """A producer that must be let in."""
        answer = self.init()
        assert answer.error_code == 0, ErrorCode(answer.error_code)
        return answer.producer_id, answer.producer_epoch

    def add(self, producer: Producer, *partitions: TopicPartition, version: int = 2, name: str = ID) -> ErrorCode:
        return self.apply(self.shard.add_partitions(name, *producer, partitions or (A,), version), lambda error: error)

    def verify(
        self, producer: Producer, *partitions: TopicPartition, name: str = ID
    ) -> dict[TopicPartition, ErrorCode]:
        return dict(self.shard.verify_partitions(name, *producer, partitions or (A,)))

    def end(self, producer: Producer, *, commit: bool, version: int = 2, name: str = ID) -> EndTxnResponse:
        request = EndTxnRequest(
            transactional_id=name, producer_id=producer[0], producer_epoch=producer[1], committed=commit
        )
        return self.apply(self.shard.end_transaction(request, version), lambda error: EndTxnResponse(error_code=error))

    def end_error(self, producer: Producer, *, commit: bool, version: int = 2) -> ErrorCode:
        return ErrorCode(self.end(producer, commit=commit, version=version).error_code)

    # -- what is known

    @property
    def transaction(self) -> Transaction:
        metadata = self.shard.transactions.get(ID)
        assert metadata is not None
        return metadata.transaction

    @property
    def state(self) -> str:
        return self.transaction.state.text

    @property
    def producer(self) -> Producer:
        return self.transaction.producer_id, self.transaction.producer_epoch
