"""Snapshots of the quorum's log: writing and reading the bytes. KIP-630, 853.

    control batch   SnapshotHeader [KRaftVersion KRaftVoters]
    data batches    the records of an image
    control batch   SnapshotFooter

Offsets count from 0; every batch has the epoch of the snapshot. A file without a footer was never finished.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.control_record.snapshot_footer_record import SnapshotFooterRecord
from ottla.protocol.control_record.snapshot_header_record import SnapshotHeaderRecord
from ottla.protocol.control_record.voters_record import VotersRecord
from ottla.raft.batches import RaftLogError, control_batch, data_batch, read_batches
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.voter_set import VoterSet
from ottla.runtime.files import Buffer

if TYPE_CHECKING:
    from ottla.protocol.message import Message

MAX_RECORDS_PER_BATCH = 1024


@dataclass(slots=True)
class Snapshot:
    last_contained_timestamp_ms: int
    kraft_version: int | None
    voters: VoterSet | None
    values: list[bytes]
    """The metadata records, encoded."""


def write_snapshot(
    snapshot_id: SnapshotId,
    values: Iterable[bytes],
    *,
    last_contained_timestamp_ms: int,
    now_ms: int,
    kraft_version: int | None = None,
    voters: VoterSet | None = None,
) -> Iterator[bytes]:
    """The file's bytes, batch by batch."""
    epoch = snapshot_id.epoch
    head: list[Message] = [SnapshotHeaderRecord(version=0, last_contained_log_timestamp=last_contained_timestamp_ms)]
    if kraft_version:
        head.append(KRaftVersionRecord(version=0, kraft_version=kraft_version))
        if voters is not None:
            head.append(voters.to_record())
    yield control_batch(0, epoch, head, now_ms)
    offset = len(head)
    for chunk in _chunks(values):
        yield data_batch(offset, epoch, chunk, now_ms)
        offset += len(chunk)
    yield control_batch(offset, epoch, [SnapshotFooterRecord(version=0)], now_ms)


def _chunks(values: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    chunk: list[bytes] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == MAX_RECORDS_PER_BATCH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def read_snapshot(data: Buffer) -> Snapshot:
    """Raises `RaftLogError` for a file that is damaged or was never finished; `ProtocolError` when malformed."""
    snapshot = Snapshot(-1, None, None, [])
    opened = finished = False
    for batch in read_batches(data):
        for _, message in batch.control:
            match message:
                case SnapshotHeaderRecord():
                    opened = True
                    snapshot.last_contained_timestamp_ms = message.last_contained_log_timestamp
                case SnapshotFooterRecord():
                    finished = True
                case KRaftVersionRecord():
                    snapshot.kraft_version = message.kraft_version
                case VotersRecord():
                    snapshot.voters = VoterSet.from_record(message)
                case _:
                    pass
        snapshot.values.extend(batch.values)
    if not (opened and finished):
        raise RaftLogError("the snapshot has no header or no footer: it was never finished")
    return snapshot
