"""The files of the quorum beside its log: `quorum-state` and snapshots. KIP-595, 630.

A snapshot is written as `<name>.part`, synced and renamed: one with its final name is whole.
"""

from collections.abc import Iterable
from pathlib import PurePath

from ottla.log.checkpoint import read_whole, replace_whole
from ottla.protocol.errors import ProtocolError
from ottla.raft.batches import RaftLogError
from ottla.raft.election_state import ElectionState
from ottla.raft.snapshot import Snapshot, read_snapshot
from ottla.raft.snapshot_id import SnapshotId
from ottla.runtime.files import File, FileSystem

QUORUM_STATE = "quorum-state"
PART_SUFFIX = ".part"


class QuorumFiles:
    def __init__(self, files: FileSystem, directory: PurePath) -> None:
        self._files = files
        self.directory = directory
        self._receiving: tuple[SnapshotId, File] | None = None
        self._known: list[SnapshotId] | None = None
        """Asked for with every fetch of another replica; `None`: look."""

    def load_election(self) -> ElectionState | None:
        """Raises `QuorumStateError`."""
        content = read_whole(self._files, self.directory / QUORUM_STATE)
        return None if content is None else ElectionState.from_json(content)

    def store_election(self, content: bytes) -> None:
        replace_whole(self._files, self.directory / QUORUM_STATE, content)

    def snapshots(self) -> list[SnapshotId]:
        """Oldest first."""
        if self._known is None:
            ids = (SnapshotId.from_file_name(name) for name in self._files.list(self.directory))
            self._known = sorted(found for found in ids if found is not None)
        return list(self._known)

    def remove_unfinished(self) -> None:
        for name in self._files.list(self.directory):
            if name.endswith(PART_SUFFIX):
                self._files.remove(self.directory / name)

    def read(self, snapshot_id: SnapshotId) -> Snapshot:
        """Raises `RaftLogError` if it is damaged."""
        path = self.directory / snapshot_id.file_name
        content = read_whole(self._files, path)
        if content is None:
            raise RaftLogError(f"{path} is not there")
        try:
            return read_snapshot(content)
        except ProtocolError as error:
            raise RaftLogError(f"{path} is malformed: {error}") from error

    def write(self, snapshot_id: SnapshotId, pieces: Iterable[bytes]) -> None:
        """Blocking, and free of shared state: may run in a thread."""
        path, part = self.directory / snapshot_id.file_name, self._part_of(snapshot_id)
        file = self._files.open(part, create=True)
        try:
            file.truncate(0)
            for piece in pieces:
                file.append([piece])
            file.sync()
        finally:
            file.close()
        self._files.rename(part, path)
        self._files.sync_directory(self.directory)
        self._known = None

    # ── a snapshot that comes in pieces ────────────────────────────────────────────────────────────────────────────

    def receive(self, snapshot_id: SnapshotId, position: int, data: bytes) -> None:
        """Position 0 begins anew. `RaftLogError` if the pieces do not follow one another."""
        if position == 0:
            self.abandon_receiving()
            file = self._files.open(self._part_of(snapshot_id), create=True)
            file.truncate(0)
            self._receiving = (snapshot_id, file)
        if self._receiving is None or self._receiving[0] != snapshot_id or self._receiving[1].size != position:
            raise RaftLogError(f"a piece of {snapshot_id.file_name} at {position} follows nothing")
        self._receiving[1].append([data])

    def finish_receiving(self, snapshot_id: SnapshotId) -> None:
        """Durable, under its name, when it returns."""
        if self._receiving is None or self._receiving[0] != snapshot_id:
            raise RaftLogError(f"{snapshot_id.file_name} was not received")
        file = self._receiving[1]
        self._receiving = None
        try:
            file.sync()
        finally:
            file.close()
        self._files.rename(self._part_of(snapshot_id), self.directory / snapshot_id.file_name)
        self._files.sync_directory(self.directory)
        self._known = None

    def abandon_receiving(self) -> None:
        if self._receiving is not None:
            snapshot_id, file = self._receiving
            self._receiving = None
            file.close()
            self._files.remove(self._part_of(snapshot_id))

    def _part_of(self, snapshot_id: SnapshotId) -> PurePath:
        path = self.directory / snapshot_id.file_name
        return path.with_name(path.name + PART_SUFFIX)

    def remove_if_there(self, snapshot_id: SnapshotId) -> None:
        if snapshot_id in self.snapshots():
            self.remove(snapshot_id)

    def size(self, snapshot_id: SnapshotId) -> int:
        file = self._files.open(self.directory / snapshot_id.file_name)
        try:
            return file.size
        finally:
            file.close()

    def read_at(self, snapshot_id: SnapshotId, position: int, max_bytes: int) -> bytes:
        file = self._files.open(self.directory / snapshot_id.file_name)
        try:
            return file.read(position, max_bytes)
        finally:
            file.close()

    def remove(self, snapshot_id: SnapshotId) -> None:
        self._known = None
        self._files.remove(self.directory / snapshot_id.file_name)
