"""Loading a coordinator: its partition's log, replayed from start to end, a slice at a turn of the event loop.

Of several records with the same key in a slice only the last is decoded, where it stands: the log is compacted, so
state must be the same with and without the ones before. Transactions are the exception: their records are replayed
one by one, in their order with the markers. So is a log that is not compacted, where every record adds to the state,
and what is not committed yet, which reads are not to see.
"""

from collections.abc import Callable
from typing import Protocol

from ottla.broker.coordinator.partition_log import PartitionLog
from ottla.coordinator.result import CoordinatorRecord, TimerResult
from ottla.protocol.control_batch import ControlRecordType, control_record_type
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import NO_PRODUCER_ID, BatchHeader, iterate_batches

# One slice; small enough that clients of other partitions do not notice. Bounded by `offsets.load.buffer.size` too.
MAX_SLICE_BYTES = 262_144

Decode = Callable[[bytes, bytes | None], CoordinatorRecord | None]


class Shard(Protocol):
    """What a coordinator's state machine is to the shell.

    Where `uncommitted_at` is set, what is replayed stands in the batch that begins there, and is not committed: reads
    do not see it until `settle` is told of a higher watermark.
    """

    uncommitted_at: int | None

    def replay(self, record: CoordinatorRecord, record_offset: int, producer_id: int = -1) -> None: ...

    def replay_end_transaction(self, producer_id: int, *, commit: bool) -> None: ...

    def settle(self, high_watermark: int) -> None: ...

    def on_loaded(self) -> TimerResult: ...

    def on_unloaded(self) -> None: ...


class Loader:
    """`skipped` counts records, the last of each key in a slice, of types that this version does not know."""

    def __init__(
        self,
        log: PartitionLog,
        index: int,
        shard: Shard,
        decode: Decode,
        buffer_bytes: int,
        *,
        is_compacted: bool = True,
    ) -> None:
        self._log = log
        self._index = index
        self._shard = shard
        self._decode = decode
        self._is_compacted = is_compacted
        self._slice_bytes = min(buffer_bytes, MAX_SLICE_BYTES)
        self._offset = -1
        # key -> (value, offset): the slice's records outside of transactions, not replayed yet
        self._latest: dict[bytes, tuple[bytes | None, int]] = {}
        self.skipped = 0

    @property
    def end(self) -> int:
        """Up to where it is replayed."""
        return self._offset

    def step(self) -> bool:
        """Replay a slice; true when all is replayed. `ProtocolError` or `KafkaError` if the log cannot be read."""
        bounds = self._log.bounds(self._index)
        if isinstance(bounds, ErrorCode):
            raise KafkaError(bounds, f"partition {self._index} is not here")
        self._offset = max(self._offset, bounds[0])
        if self._offset >= bounds[1]:
            return True
        high_watermark = self._log.high_watermark(self._index)
        data = self._log.read(self._index, self._offset, self._slice_bytes)
        if isinstance(data, ErrorCode):
            raise KafkaError(data, f"partition {self._index} cannot be read at {self._offset}")
        if not data:
            return True
        for position, header in iterate_batches(data, cut_is_end=True):
            self._replay_batch(data, position, header, is_committed=header.next_offset <= high_watermark)
            self._offset = max(self._offset, header.next_offset)
        self._replay_latest()
        self._shard.uncommitted_at = None
        return self._offset >= bounds[1]

    def _replay_batch(self, data: bytes, position: int, header: BatchHeader, *, is_committed: bool) -> None:
        if not is_committed:
            self._replay_latest()
        self._shard.uncommitted_at = None if is_committed else header.base_offset
        if header.is_control:
            self._replay_latest()
            for record in iterate_records(data, position, header):
                kind = control_record_type(record.key)
                if kind is ControlRecordType.COMMIT or kind is ControlRecordType.ABORT:
                    self._shard.replay_end_transaction(header.producer_id, commit=kind is ControlRecordType.COMMIT)
            return
        transactional = header.is_transactional
        if transactional:
            self._replay_latest()
        start, latest = self._offset, self._latest
        for record in iterate_records(data, position, header):
            key = record.key
            if key is None or record.offset < start:
                continue
            if transactional or not is_committed or not self._is_compacted:
                self._replay(key, record.value, record.offset, header.producer_id)
            else:
                latest.pop(key, None)
                latest[key] = (record.value, record.offset)

    def _replay_latest(self) -> None:
        for key, (value, offset) in self._latest.items():
            self._replay(key, value, offset, NO_PRODUCER_ID)
        self._latest.clear()

    def _replay(self, key: bytes, value: bytes | None, offset: int, producer_id: int) -> None:
        decoded = self._decode(key, value)
        if decoded is None:
            self.skipped += 1
        else:
            self._shard.replay(decoded, offset, producer_id)
