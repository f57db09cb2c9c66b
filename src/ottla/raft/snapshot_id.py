"""The names of snapshots: `<end offset, 20 digits>-<epoch, 10 digits>.checkpoint`. KIP-630."""

import re
from dataclasses import dataclass

SUFFIX = ".checkpoint"
_NAME = re.compile(r"(\d{20})-(\d{10})\.checkpoint")


@dataclass(frozen=True, slots=True, order=True)
class SnapshotId:
    end_offset: int
    """Exclusive: the offset of the first record that is not contained."""
    epoch: int

    @property
    def file_name(self) -> str:
        return f"{self.end_offset:020d}-{self.epoch:010d}{SUFFIX}"

    @classmethod
    def from_file_name(cls, name: str) -> "SnapshotId | None":
        match = _NAME.fullmatch(name)
        return None if match is None else cls(int(match[1]), int(match[2]))


BOOTSTRAP_SNAPSHOT_ID = SnapshotId(0, 0)
"""What formatting writes: the first voters, and no records. It is never sent to anyone."""
