"""Which leader epoch began at which offset (`LeaderEpochFileCache`, KIP-101), kept in `leader-epoch-checkpoint`.

    0                version
    2                number of entries
    0 0              epoch, start offset: both ascending
    3 1200

The file is written whenever an entry is added with a record, and synced with the segments (`prepare_flush`): an entry
may be lost with its records; recovery finds the epochs of those that are not lost in the batches' headers. An epoch
that a leader begins is written with the next flush: until it has records the next start would forget it, and who comes
to lead thousands of partitions at once would write as many files.
"""

from bisect import bisect_left, bisect_right
from pathlib import PurePath

from ottla.log.checkpoint import CorruptCheckpointError, read_lines, write_lines
from ottla.log.file_names import LEADER_EPOCHS
from ottla.runtime.files import FileSystem

UNDEFINED_EPOCH = -1


class LeaderEpochs:
    """`latest` is the newest epoch known, -1 if none is."""

    __slots__ = ("_changed", "_directory", "_epochs", "_files", "_starts", "_synced", "latest")

    def __init__(self, files: FileSystem, directory: PurePath) -> None:
        self._files = files
        self._directory = directory
        self._epochs: list[int] = []
        self._starts: list[int] = []
        self._changed = False
        self._synced = False
        self.latest = UNDEFINED_EPOCH

    def load(self, *, clean: bool) -> bool:
        """From the file, which may not be synced yet unless the last stop was `clean`.

        False if there is none, it is empty or malformed: then the log has to tell.
        """
        try:
            lines = read_lines(self._files, self._directory / LEADER_EPOCHS)
            if lines is None:
                return False
            for line in lines:
                epoch, start = line
                self._insert(int(epoch), int(start))
        except (CorruptCheckpointError, ValueError):
            self.forget()
            return False
        self._changed = False
        self._synced = clean
        return bool(self._epochs)

    def _insert(self, epoch: int, start: int) -> bool:
        """Whether that changed anything. Entries that contradict the new one go."""
        if epoch < 0 or start < 0:
            raise ValueError(f"epoch {epoch} at offset {start}")
        epochs, starts = self._epochs, self._starts
        if epochs and epoch == epochs[-1] and starts[-1] <= start:
            return False
        keep = min(bisect_left(epochs, epoch), bisect_left(starts, start))
        del epochs[keep:], starts[keep:]
        epochs.append(epoch)
        starts.append(start)
        self._changed = True
        self.latest = epoch
        return True

    def assign(self, epoch: int, start: int) -> None:
        """`epoch` begins at `start`. Known already: nothing happens."""
        if self._insert(epoch, start):
            self.write()

    def begin(self, epoch: int, start: int) -> None:
        """As `assign`, of an epoch that has no records yet."""
        self._insert(epoch, start)

    def note(self, epoch: int, start: int) -> None:
        """As `assign`, while recovery reads batches: only newer epochs count, and the file is written at its end."""
        if epoch > self.latest:
            self._insert(epoch, start)

    @property
    def entries(self) -> list[tuple[int, int]]:
        """(epoch, start offset), ascending."""
        return list(zip(self._epochs, self._starts, strict=True))

    def at_offset(self, offset: int) -> int:
        """The epoch that `offset` is in; -1 if that is not known."""
        slot = bisect_right(self._starts, offset)
        return self._epochs[slot - 1] if slot else UNDEFINED_EPOCH

    def end_offset(self, epoch: int, log_end_offset: int) -> tuple[int, int] | None:
        """(the largest epoch that is not above `epoch`, the offset where it ends); None if nothing is known of it.

        For an epoch below all that are known: the epoch itself and where the first begins, as in Kafka.
        """
        epochs = self._epochs
        if epoch < 0 or not epochs or epoch > epochs[-1]:
            return None
        if epoch == epochs[-1]:
            return epoch, log_end_offset
        above = bisect_right(epochs, epoch)
        if not above:
            return epoch, self._starts[0]
        return epochs[above - 1], self._starts[above]

    def truncate_from_end(self, end_offset: int) -> None:
        """Forget the epochs that begin at or after `end_offset`."""
        keep = bisect_left(self._starts, end_offset)
        if keep < len(self._starts):
            del self._epochs[keep:], self._starts[keep:]
            self.latest = self._epochs[-1] if self._epochs else UNDEFINED_EPOCH
            self.write()

    def truncate_from_start(self, start_offset: int) -> None:
        """Forget the epochs that end at or before `start_offset`; the one it is in begins there."""
        inside = bisect_right(self._starts, start_offset) - 1
        if inside < 0 or (inside == 0 and self._starts[0] == start_offset):
            return
        del self._epochs[:inside], self._starts[:inside]
        self._starts[0] = start_offset
        self.write()

    def forget(self) -> None:
        """In memory only: `note` tells all again."""
        self._epochs, self._starts, self.latest = [], [], UNDEFINED_EPOCH

    def clear(self) -> None:
        if self._epochs:
            self.forget()
            self.write()

    def write(self, *, sync: bool = False) -> None:
        lines = (f"{epoch} {start}" for epoch, start in zip(self._epochs, self._starts, strict=True))
        write_lines(self._files, self._directory / LEADER_EPOCHS, lines, sync=sync)
        self._changed, self._synced = False, sync

    @property
    def changed(self) -> bool:
        """`note` found or `begin` began what is not written yet."""
        return self._changed

    def take_unsynced(self) -> bool:
        """Whether the file, written now if need be, has to be synced; the caller does."""
        if self._changed:
            self.write()
        unsynced, self._synced = not self._synced, True
        return unsynced

    def move(self, directory: PurePath) -> None:
        self._directory = directory
