"""Whether a data directory is whole: checksums, offsets, indexes, snapshots of producers, checkpoints. Changes nothing.

A `Finding` is DAMAGE where records are lost or wrong, REPAIRABLE where a node mends it by itself when it starts, and a
NOTE where something only looks odd. What is not there (an index, a snapshot) a node makes again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from ottla.log.checkpoint import (
    HIGH_WATERMARKS,
    LOG_START_OFFSETS,
    RECOVERY_POINTS,
    CorruptCheckpointError,
    read_lines,
    read_offsets,
    read_topic_id,
)
from ottla.log.clean_shutdown import CLEAN_SHUTDOWN
from ottla.log.file_names import (
    LEADER_EPOCHS,
    SNAPSHOT_SUFFIX,
    TopicPartition,
    parse_log_directory,
    parse_segment_file,
)
from ottla.log.producer_snapshot import CorruptSnapshotError, decode_snapshot
from ottla.runtime.disk import Disk
from ottla.tools.directory_use import is_in_use
from ottla.tools.segment_check import SegmentCheck, check_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

META_PROPERTIES = "meta.properties"
_CHECKPOINT_SUFFIX = ".checkpoint"
_RESTORE = "restore the file, or let another replica replace this one"


class Severity(IntEnum):
    NOTE = 0
    REPAIRABLE = 1
    DAMAGE = 2


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    where: str
    what: str
    advice: str = ""


@dataclass(slots=True)
class Verification:
    findings: list[Finding] = field(default_factory=list)
    logs: int = 0
    segments: int = 0
    batches: int = 0
    records: int = 0
    bytes: int = 0

    @property
    def worst(self) -> Severity | None:
        return max((each.severity for each in self.findings), default=None)


def verify(path: Path, *, records: bool = False, progress: Callable[[int, str], None] | None = None) -> Verification:
    """A data directory, or the directory of one log. With `records`, every record is decoded, not only checked.

    `progress` is called with the bytes that are left, and where one is. `OSError`; `NotADirectoryError` for a file.
    """
    if not path.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(path))
    result = Verification()
    is_log = any(parse_segment_file(each.name) for each in path.iterdir() if each.is_file())
    data = path.parent if is_log else path
    logs = [path] if is_log else sorted(each for each in path.iterdir() if each.is_dir())
    open_tail = is_in_use(data)
    if open_tail:
        text = "a node is running here: what it is writing now is not judged"
        result.findings.append(Finding(Severity.NOTE, str(data), text))
    was_clean = (data / CLEAN_SHUTDOWN).exists()
    left = sum(_bytes_of(each) for each in logs)
    ends: dict[TopicPartition, tuple[int, int]] = {}
    for directory in logs:
        log = parse_log_directory(directory.name)
        if log is None and not is_log:
            left -= _bytes_of(directory)
            continue
        if progress is not None:
            progress(left, directory.name)
        check = _Log(directory, result, may_be_torn=open_tail, was_clean=was_clean, records=records)
        try:
            found = check.run()
        except FileNotFoundError as error:
            if not open_tail:
                raise
            gone = Finding(Severity.NOTE, directory.name, f"{error.filename} was removed while it was looked at")
            result.findings.append(gone)
            continue
        left -= _bytes_of(directory)
        if log is not None and found is not None:
            ends[log] = found
    if not is_log:
        _check_data_directory(path, result, ends, in_use=open_tail)
    return result


class _Log:
    """The directory of one log."""

    def __init__(
        self, directory: Path, result: Verification, *, may_be_torn: bool, was_clean: bool, records: bool
    ) -> None:
        self.directory = directory
        self.result = result
        self.may_be_torn = may_be_torn
        self.was_clean = was_clean
        self.records = records
        self.epochs: list[tuple[int, int]] = []

    def run(self) -> tuple[int, int] | None:
        """The log's first and next offset, as its files have them; `None` without any segment."""
        self.result.logs += 1
        names = sorted(each.name for each in self.directory.iterdir())
        segments = [found for name in names if (found := parse_segment_file(name)) and found.suffix == ".log"]
        self._check_small_files(names)
        last: SegmentCheck | None = None
        for index, segment in enumerate(segments):
            following = segments[index + 1].offset if index + 1 < len(segments) else None
            check = check_segment(self.directory, segment.offset, following, decodes=self.records)
            self.result.segments += 1
            self._take(check, is_last=following is None)
            if last is not None and last.last_epoch > check.first_epoch >= 0:
                text = f"begins with leader epoch {check.first_epoch}, after epoch {last.last_epoch}"
                self._add(Severity.DAMAGE, check.log.name, text)
            last = check if check.batches or last is None else last
        for name in names:
            if name.endswith(_CHECKPOINT_SUFFIX) and name[0].isdigit():
                self._take(check_segment(self.directory, 0, None, name=name, decodes=True), is_last=False)
        if last is None or not segments:
            return None
        if self.epochs and not self.may_be_torn and self.epochs[-1][1] > last.next_offset:
            epoch, start = self.epochs[-1]
            text = f"epoch {epoch} begins at {start}, behind the end of the log at {last.next_offset}"
            self._add(Severity.REPAIRABLE, LEADER_EPOCHS, text, "the node cuts it when it starts")
        return segments[0].offset, last.next_offset

    def _take(self, check: SegmentCheck, *, is_last: bool) -> None:
        result = self.result
        result.batches += check.batches
        result.records += check.records
        result.bytes += check.size
        for text in check.damage:
            self._add(Severity.DAMAGE, check.log.name, text, _RESTORE)
        if check.torn is not None and not (is_last and self.may_be_torn):
            if is_last and not self.was_clean:
                advice = "the node cuts it when it starts: it was never acknowledged by a flush"
                self._add(Severity.REPAIRABLE, check.log.name, check.torn, advice)
            else:
                self._add(Severity.DAMAGE, check.log.name, check.torn, _RESTORE)
        if not self.may_be_torn:
            for name, text in check.index_faults:
                self._add(Severity.REPAIRABLE, name, text, f"stop the node and remove {name}: it is made again")
        for name, text in check.notes:
            self._add(Severity.NOTE, name, text)

    def _check_small_files(self, names: list[str]) -> None:
        disk = Disk()
        try:
            read_topic_id(disk, self.directory)
        except (CorruptCheckpointError, UnicodeDecodeError) as error:
            self._add(
                Severity.DAMAGE, "partition.metadata", str(error), "write version: 0 and topic_id: ID of the topic"
            )
        if LEADER_EPOCHS in names:
            try:
                lines = read_lines(disk, self.directory / LEADER_EPOCHS) or []
                self.epochs = [(int(epoch), int(start)) for epoch, start in lines]
                if self.epochs != sorted(set(self.epochs)) or self.epochs != sorted(self.epochs, key=lambda e: e[1]):
                    raise ValueError("its epochs or offsets do not ascend")
            except (CorruptCheckpointError, ValueError) as error:
                self._add(Severity.REPAIRABLE, LEADER_EPOCHS, str(error), "remove it: the node reads the epochs again")
        for name in names:
            if name.endswith(SNAPSHOT_SUFFIX):
                try:
                    decode_snapshot((self.directory / name).read_bytes())
                except CorruptSnapshotError as error:
                    advice = f"stop the node and remove {name}: producers are read from the log again"
                    self._add(Severity.REPAIRABLE, name, str(error), advice)
        if left := [name for name in names if name.endswith((".cleaned", ".swap"))]:
            self._add(
                Severity.NOTE, left[0], f"{len(left)} files of a cleaning that did not end; the node clears them up"
            )

    def _add(self, severity: Severity, name: str, what: str, advice: str = "") -> None:
        self.result.findings.append(Finding(severity, f"{self.directory.name}/{name}", what, advice))


def _check_data_directory(
    path: Path, result: Verification, ends: dict[TopicPartition, tuple[int, int]], *, in_use: bool
) -> None:
    if not (path / META_PROPERTIES).exists():
        text = "is not there: this is no data directory of a node, or it was never formatted"
        result.findings.append(Finding(Severity.NOTE, META_PROPERTIES, text))
    for name in (RECOVERY_POINTS, HIGH_WATERMARKS, LOG_START_OFFSETS):
        for severity, text in _check_offsets(path, name, ends, in_use=in_use):
            result.findings.append(Finding(severity, name, text))


def _check_offsets(
    path: Path, name: str, ends: dict[TopicPartition, tuple[int, int]], *, in_use: bool
) -> Iterator[tuple[Severity, str]]:
    try:
        offsets = read_offsets(Disk(), path / name)
    except CorruptCheckpointError as error:
        yield Severity.REPAIRABLE, str(error)
        return
    for log, offset in offsets.items():
        if log in ends and not in_use and offset > ends[log][1]:
            text = f"says {offset} for {log}, whose log ends at {ends[log][1]}: what was behind it is gone"
            yield Severity.REPAIRABLE, text


def _bytes_of(directory: Path) -> int:
    try:
        logs = [each for each in directory.iterdir() if each.name.endswith((".log", _CHECKPOINT_SUFFIX))]
        return sum(each.stat().st_size for each in logs)
    except FileNotFoundError:
        return 0  # a node is running, and removes what is old
