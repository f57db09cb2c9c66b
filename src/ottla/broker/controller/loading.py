"""What a node knows when it starts: the newest snapshot, and the log after it, replayed. KIP-630.

A single voter may take everything in its log as committed: nobody else could have decided otherwise. Whoever has others
beside it begins with its snapshot, and replays the log as it learns what is committed.
"""

from dataclasses import dataclass

from ottla.broker.controller.quorum_files import QuorumFiles
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import VersionedRecord, decode_record, encode_record
from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.control_record.voters_record import VotersRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.raft.batches import RaftLogError, ReadBatch, read_batches
from ottla.raft.quorum_history import NOT_IN_LOG, QuorumHistory
from ottla.raft.replicated_log import ReplicatedLog
from ottla.raft.snapshot import Snapshot
from ottla.raft.snapshot_id import SnapshotId
from ottla.raft.voter_set import VoterSet

READ_BYTES = 8 * 1024 * 1024
NO_OP = encode_record(VersionedRecord(NoOpRecord()))
"""What most records of a quiet log are; they change nothing."""


@dataclass(slots=True)
class Loaded:
    loader: MetadataLoader
    """After everything in the log."""
    history: QuorumHistory
    bytes_since_snapshot: int
    """Of the batches that were replayed from the log."""
    snapshot_image: MetadataImage
    snapshot_end: int


def newest_snapshot(quorum_files: QuorumFiles) -> tuple[SnapshotId, Snapshot] | None:
    """The newest that can be read, of those that are there. `RaftLogError` if all are damaged."""
    failure: RaftLogError | None = None
    for snapshot_id in reversed(quorum_files.snapshots()):
        try:
            return snapshot_id, quorum_files.read(snapshot_id)
        except RaftLogError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return None


def image_of_snapshot(snapshot_id: SnapshotId, snapshot: Snapshot) -> MetadataImage:
    if not snapshot.values:
        return EMPTY_IMAGE
    delta = MetadataDelta(EMPTY_IMAGE)
    for value in snapshot.values:
        delta.replay(decode_record(value))
    return delta.apply(
        offset=snapshot_id.end_offset - 1,
        epoch=snapshot_id.epoch,
        timestamp_ms=snapshot.last_contained_timestamp_ms,
    )


def load_metadata(log: ReplicatedLog, snapshot: tuple[SnapshotId, Snapshot] | None, static_voters: VoterSet) -> Loaded:
    """Raises `RaftLogError` or `MetadataError` if the log cannot be replayed or does not reach back to the snapshot.

    `static_voters`: who votes when neither snapshot nor log say (kraft.version 0).
    """
    history = QuorumHistory(kraft_version=0, voters=static_voters)
    image = EMPTY_IMAGE
    start = 0
    if snapshot is not None:
        snapshot_id, content = snapshot
        start = snapshot_id.end_offset
        in_log = start - 1 if start else NOT_IN_LOG
        if content.kraft_version is not None:
            history.set_kraft_version(content.kraft_version, in_log)
        if content.voters is not None:
            history.set_voters(content.voters, in_log)
        image = image_of_snapshot(snapshot_id, content)
    if log.start_offset > start:
        raise RaftLogError(f"the metadata log starts at {log.start_offset}, and no snapshot reaches that far ({start})")
    loaded = Loaded(MetadataLoader(image), history, 0, image, start)
    _replay_log(log, start, loaded)
    return loaded


def _replay_log(log: ReplicatedLog, offset: int, loaded: Loaded) -> None:
    last: ReadBatch | None = None
    while offset < log.end_offset:
        read_to = offset
        for batch in read_batches(log.read(offset, READ_BYTES)):
            read_to = batch.last_offset + 1
            if batch.base_offset >= offset:
                _replay_batch(batch, loaded)
                last = batch
        if read_to == offset:
            raise RaftLogError(f"the metadata log has no batch at offset {offset}, though it ends at {log.end_offset}")
        offset = read_to
    if last is not None:
        loaded.loader.publish(epoch=last.epoch, timestamp_ms=last.timestamp_ms)


def _replay_batch(batch: ReadBatch, loaded: Loaded) -> None:
    for offset, message in batch.control:
        if isinstance(message, KRaftVersionRecord):
            loaded.history.set_kraft_version(message.kraft_version, offset)
        elif isinstance(message, VotersRecord):
            loaded.history.set_voters(VoterSet.from_record(message), offset)
    loaded.bytes_since_snapshot += batch.size
    loaded.loader.take([decode_record(value) for value in batch.values if value != NO_OP], batch.last_offset)
