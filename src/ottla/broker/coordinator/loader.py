"""Loading a coordinator: its partition's log, replayed from start to end, a slice at a turn of the event loop."""

from collections.abc import Callable
from typing import Protocol

from ottla.broker.coordinator.partition_log import PartitionLog
from ottla.coordinator.result import CoordinatorRecord, TimerResult
from ottla.protocol.control_batch import ControlRecordType, control_record_type
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import BatchHeader, iterate_batches

# One slice; small enough that clients of other partitions do not notice. Bounded by `offsets.load.buffer.size` too.
MAX_SLICE_BYTES = 262_144

Decode = Callable[[bytes, bytes | None], CoordinatorRecord | None]


class Shard(Protocol):
    """What a coordinator's state machine is to the shell."""

    def replay(self, record: CoordinatorRecord, record_offset: int, producer_id: int = -1) -> None: ...

    def replay_end_transaction(self, producer_id: int, *, commit: bool) -> None: ...

    def on_loaded(self) -> TimerResult: ...

    def on_unloaded(self) -> None: ...


class Loader:
    """`skipped` counts records of types that this version does not know."""

    def __init__(self, log: PartitionLog, index: int, shard: Shard, decode: Decode, buffer_bytes: int) -> None:
        self._log = log
        self._index = index
        self._shard = shard
        self._decode = decode
        self._slice_bytes = min(buffer_bytes, MAX_SLICE_BYTES)
        self._offset = -1
        self.skipped = 0

    def step(self) -> bool:
        """Replay a slice; true when all is replayed. `ProtocolError` or `KafkaError` if the log cannot be read."""
        bounds = self._log.bounds(self._index)
        if isinstance(bounds, ErrorCode):
            raise KafkaError(bounds, f"partition {self._index} is not here")
        self._offset = max(self._offset, bounds[0])
        if self._offset >= bounds[1]:
            return True
        data = self._log.read(self._index, self._offset, self._slice_bytes)
        if isinstance(data, ErrorCode):
            raise KafkaError(data, f"partition {self._index} cannot be read at {self._offset}")
        if not data:
            return True
        for position, header in iterate_batches(data, cut_is_end=True):
            self._replay_batch(data, position, header)
            self._offset = max(self._offset, header.next_offset)
        return self._offset >= bounds[1]

    def _replay_batch(self, data: bytes, position: int, header: BatchHeader) -> None:
        if header.is_control:
            for record in iterate_records(data, position, header):
                kind = control_record_type(record.key)
                if kind is ControlRecordType.COMMIT or kind is ControlRecordType.ABORT:
                    self._shard.replay_end_transaction(header.producer_id, commit=kind is ControlRecordType.COMMIT)
            return
        producer_id = header.producer_id if header.is_transactional else -1
        for record in iterate_records(data, position, header):
            if record.key is None or record.offset < self._offset:
                continue
            decoded = self._decode(record.key, record.value)
            if decoded is None:
                self.skipped += 1
            else:
                self._shard.replay(decoded, record.offset, producer_id)
