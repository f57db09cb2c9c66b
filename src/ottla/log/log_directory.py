"""One log directory: its logs, and what its checkpoint files say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.log.checkpoint import (
    CLEANER_OFFSETS,
    HIGH_WATERMARKS,
    LOG_START_OFFSETS,
    RECOVERY_POINTS,
    CorruptCheckpointError,
    read_offsets,
    write_offsets,
)
from ottla.log.clean_shutdown import read_broker_epoch, was_clean

if TYPE_CHECKING:
    from pathlib import PurePath

    from ottla.log.file_names import TopicPartition
    from ottla.log.log import Log
    from ottla.runtime.files import FileSystem


@dataclass(slots=True)
class LogDirectory:
    """One log directory and what its checkpoint files say (as last read or written).

    `directory_id`: of `meta.properties`; empty where nobody told. `failure`: why it is out of service. `changes`: how
    often a log came or went, or a checkpoint was written at once. What touches files raises `OSError`.
    """

    path: PurePath
    directory_id: bytes = b""
    failure: OSError | None = None
    clean: bool = False
    broker_epoch: int = -1
    logs: dict[TopicPartition, Log] = field(default_factory=dict)
    checkpoints: dict[str, dict[TopicPartition, int]] = field(default_factory=dict)
    changes: int = 0

    def read_state(self, files: FileSystem) -> None:
        """How the last run ended, and its checkpoints."""
        self.clean = was_clean(files, self.path)
        self.broker_epoch = read_broker_epoch(files, self.path) if self.clean else -1
        for name in (RECOVERY_POINTS, LOG_START_OFFSETS, HIGH_WATERMARKS, CLEANER_OFFSETS):
            try:
                self.checkpoints[name] = read_offsets(files, self.path / name)
            except CorruptCheckpointError:
                # Without it recovery reads everything, and the starts and high watermarks are found anew.
                self.checkpoints[name] = {}
                self.clean = self.clean and name not in (RECOVERY_POINTS, LOG_START_OFFSETS)

    def offsets(self) -> dict[str, dict[TopicPartition, int]]:
        """What the checkpoints ought to say now, that of the cleaner aside."""
        return {
            RECOVERY_POINTS: self.recovery_points(),
            HIGH_WATERMARKS: {name: log.high_watermark for name, log in self.logs.items()},
            LOG_START_OFFSETS: self.log_start_offsets(),
        }

    def recovery_points(self) -> dict[TopicPartition, int]:
        return {name: log.recovery_point for name, log in self.logs.items()}

    def log_start_offsets(self) -> dict[TopicPartition, int]:
        """Only of the logs that begin inside of a segment."""
        starts = ((name, log.log_start_offset, log.first_segment_offset) for name, log in self.logs.items())
        return {name: offset for name, offset, segment in starts if offset > segment}

    def cleaner_offsets(self, name: TopicPartition, offset: int) -> dict[TopicPartition, int]:
        """Up to where logs are compacted, with `name` up to `offset`."""
        known = self.checkpoints[CLEANER_OFFSETS]
        return {other: cleaned for other, cleaned in known.items() if other in self.logs} | {name: offset}

    def write(self, files: FileSystem, checkpoint: str, offsets: dict[TopicPartition, int]) -> None:
        """If it says something else, or nothing yet."""
        if self.checkpoints.get(checkpoint) != offsets:
            self.changes += 1
            write_offsets(files, self.path / checkpoint, offsets)
            self.checkpoints[checkpoint] = offsets

    def forget(self, files: FileSystem, name: TopicPartition) -> None:
        """What a deleted log left in the checkpoints must not be believed of a new one of its name."""
        self.changes += 1
        for checkpoint, offsets in self.checkpoints.items():
            if offsets.pop(name, None) is not None:
                write_offsets(files, self.path / checkpoint, offsets)
