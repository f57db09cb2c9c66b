"""`__cluster_metadata-0` as the quorum sees it: `raft.ReplicatedLog` over a log of files."""

from collections.abc import Sequence
from pathlib import PurePath

from ottla.broker.controller.settings import QuorumSettings
from ottla.log.append_result import AppendOrigin
from ottla.log.config import LogConfig
from ottla.log.flush import PendingFlush
from ottla.log.log import Log
from ottla.protocol.errors import ErrorCode
from ottla.raft.batches import MAX_BATCH_BYTES
from ottla.runtime.files import FileSystem

METADATA_TOPIC_ID = bytes(15) + b"\x01"
"""`Uuid.METADATA_TOPIC_ID`"""


class MetadataLog:
    def __init__(self, log: Log) -> None:
        self._log = log

    @classmethod
    def open(
        cls,
        files: FileSystem,
        directory: PurePath,
        settings: QuorumSettings,
        *,
        clean: bool,
        recovery_point: int,
        now_ms: int,
    ) -> "MetadataLog":
        """`recovery_point`: what is known to be synced, which is all that a snapshot contains."""
        config = LogConfig(
            segment_bytes=settings.segment_bytes,
            segment_ms=settings.segment_ms,
            retention_ms=-1,  # snapshots decide what may go
            retention_bytes=-1,
            max_message_bytes=MAX_BATCH_BYTES,
            file_delete_delay_ms=0,
        )
        log = Log.open(
            files,
            directory,
            config,
            now_ms=now_ms,
            clean=clean,
            recovery_point=recovery_point,
            topic_id=METADATA_TOPIC_ID,
        )
        return cls(log)

    @property
    def log(self) -> Log:
        """To look at."""
        return self._log

    @property
    def start_offset(self) -> int:
        return self._log.log_start_offset

    @property
    def end_offset(self) -> int:
        return self._log.log_end_offset

    @property
    def epochs(self) -> Sequence[tuple[int, int]]:
        return self._log.epochs.entries

    @property
    def size_bytes(self) -> int:
        return self._log.size_bytes

    def append(self, batch: bytes, *, epoch: int, now_ms: int) -> None:
        result = self._log.append(batch, leader_epoch=epoch, now_ms=now_ms, origin=AppendOrigin.RAFT)
        if result.error is not ErrorCode.NONE:
            raise OSError(f"the metadata log refused a batch of its own: {result.error.name} {result.error_message}")

    def read(self, offset: int, max_bytes: int) -> bytes:
        found = self._log.read(offset, max_bytes)
        if found.error is not ErrorCode.NONE or found.region is None:
            return b""
        return found.region.file.read(found.region.position, found.region.size)

    def sync(self) -> None:
        self._log.flush()

    def prepare_sync(self) -> PendingFlush | None:
        return self._log.prepare_flush()

    def committed(self, offset: int) -> None:
        self._log.high_watermark = offset

    def truncate_to(self, offset: int, now_ms: int) -> None:
        """What stands at `offset` and after it was never committed."""
        self._log.truncate_to(offset, now_ms)

    def start_at(self, offset: int, now_ms: int) -> None:
        """Everything before `offset` is in a snapshot: the log is empty, and starts there."""
        self._log.truncate_fully_at(offset, now_ms)

    def roll(self, now_ms: int) -> None:
        """Begin a new segment."""
        self._log.roll(now_ms)

    def delete_before(self, offset: int, now_ms: int) -> None:
        """A snapshot contains what is before `offset`; whole segments of it go."""
        self._log.delete_records(offset)
        self._log.delete_old_segments(now_ms)
        self._log.remove_deleted_files(now_ms)

    def close(self) -> None:
        self._log.close()
