"""When a snapshot of the metadata is due, writing it off the loop, and what may be deleted then. KIP-630.

Due: after so many bytes of records, or so long after the last one if anything was recorded since. What is older than
the newest snapshot goes when all together is too large or too old (`metadata.max.retention.bytes`, `.ms`).

Recovery after a crash reads the segments that the newest snapshot does not cover. A quiet node still writes two records
a second, so a segment that has some size ends where a snapshot does.
"""

from collections.abc import Iterator

from ottla.broker.controller.metadata_log import MetadataLog
from ottla.broker.controller.quorum_files import QuorumFiles
from ottla.broker.controller.settings import QuorumSettings
from ottla.metadata.image import MetadataImage
from ottla.metadata.record_serde import encode_record
from ottla.metadata.snapshot_records import snapshot_records
from ottla.raft.snapshot import write_snapshot
from ottla.raft.snapshot_id import BOOTSTRAP_SNAPSHOT_ID, SnapshotId
from ottla.raft.voter_set import VoterSet

ROLL_AFTER_BYTES = 1024 * 1024


class Snapshots:
    def __init__(self, settings: QuorumSettings, quorum_files: QuorumFiles, log: MetadataLog) -> None:
        self._settings = settings
        self._files = quorum_files
        self._log = log
        self._bytes = 0
        self._bytes_in_segment = 0
        self._since_ms: int | None = None
        """When the first record after the last snapshot was appended."""

    def count(self, size: int, timestamp_ms: int) -> None:
        """Records were committed."""
        self._bytes += size
        if self._since_ms is None:
            self._since_ms = timestamp_ms

    def due(self, now_ms: int) -> bool:
        if self._bytes >= self._settings.snapshot_after_bytes:
            return True
        after_ms = self._settings.snapshot_after_ms
        return bool(after_ms) and self._since_ms is not None and now_ms - self._since_ms >= after_ms

    def begin(self) -> None:
        """A snapshot of what was counted so far is being written."""
        self._bytes_in_segment += self._bytes
        self._bytes = 0
        self._since_ms = None

    def write(self, image: MetadataImage, kraft_version: int, voters: VoterSet, now_ms: int) -> SnapshotId:
        """Blocking; reads only what it is given, so it may run in a thread."""
        snapshot_id = SnapshotId(image.offset + 1, image.epoch)
        self._files.write(snapshot_id, _pieces(snapshot_id, image, kraft_version, voters, now_ms))
        return snapshot_id

    def clean(self, now_ms: int) -> SnapshotId | None:
        """Delete old snapshots, and what of the log is in the oldest that stays: that one, if the log got shorter."""
        start: SnapshotId | None = None
        if self._bytes_in_segment >= ROLL_AFTER_BYTES:
            self._log.roll(now_ms)
            self._bytes_in_segment = 0
        kept = self._files.snapshots()
        while len(kept) > 1 and self._may_go(kept, now_ms):
            self._files.remove(kept.pop(0))
            if kept[0].end_offset > self._log.start_offset:
                self._log.delete_before(kept[0].end_offset, now_ms)
                start = kept[0]
        return start

    def _may_go(self, kept: list[SnapshotId], now_ms: int) -> bool:
        oldest = kept[0]
        if oldest == BOOTSTRAP_SNAPSHOT_ID and len(kept) == 2 and self._log.start_offset == 0:
            return False
        size = self._log.size_bytes + sum(self._files.size(snapshot_id) for snapshot_id in kept)
        if size > self._settings.retention_bytes >= 0:
            return True
        taken_ms = self._files.read(oldest).last_contained_timestamp_ms
        return 0 <= self._settings.retention_ms < now_ms - taken_ms


def _pieces(
    snapshot_id: SnapshotId, image: MetadataImage, kraft_version: int, voters: VoterSet, now_ms: int
) -> Iterator[bytes]:
    return write_snapshot(
        snapshot_id,
        (encode_record(record) for record in snapshot_records(image)),
        last_contained_timestamp_ms=image.timestamp_ms,
        now_ms=now_ms,
        kraft_version=kraft_version,
        voters=voters,
    )
