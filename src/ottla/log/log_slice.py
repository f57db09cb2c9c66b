"""What a read found: bytes of one segment file that leave by `sendfile`, or why there are none."""

from dataclasses import dataclass

from ottla.protocol.errors import ErrorCode
from ottla.runtime.files import FileRegion


@dataclass(slots=True)
class AbortedTransaction:
    """A transaction whose records a read_committed consumer must skip."""

    producer_id: int
    first_offset: int


@dataclass(slots=True)
class LogSlice:
    """`error` NONE or OFFSET_OUT_OF_RANGE. `region` None: nothing to read at `start` below the bound (not an error).

    The region begins with the batch that holds `start` (whose base offset may be lower) and may end inside a batch,
    as Kafka's fetch does; with `min_one` its first batch is whole.
    """

    error: ErrorCode
    start: int
    region: FileRegion | None

    @property
    def size(self) -> int:
        """Bytes in the region; 0 without one."""
        return 0 if self.region is None else self.region.size
