"""What a follower fetched from its leader: whole batches, which stand in its log as they stand in the leader's.

They are looked at before any of them is written: header, checksum, and that their offsets follow. A last batch that is
cut, as a fetch may cut it, is left out.
"""

from ottla.log.append_validation import CheckedBatch
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import InvalidBatchError, batch_size_at, crc_matches, read_header
from ottla.runtime.files import Buffer


class UnexpectedOffsetError(ValueError):
    """The first batch does not follow the log's end. `first` and `last` are its offsets."""

    def __init__(self, first: int, last: int, end: int) -> None:
        super().__init__(f"a batch of offsets {first} … {last} cannot follow {end}")
        self.first = first
        self.last = last


def fetched_batches(records: Buffer, log_end_offset: int) -> list[CheckedBatch]:
    """`InvalidBatchError` when one is damaged, `UnexpectedOffsetError` when one begins before the end of the last."""
    view = memoryview(records)
    batches: list[CheckedBatch] = []
    following = log_end_offset
    offset, end = 0, len(view)
    while offset < end:
        size = batch_size_at(view, offset, end)
        if size is None or size > end - offset:
            break
        header = read_header(view, offset, end)
        if not crc_matches(view, offset, header):
            raise InvalidBatchError(
                ErrorCode.CORRUPT_MESSAGE, f"the checksum of the batch at offset {header.base_offset} is wrong"
            )
        if header.base_offset < following or header.last_offset_delta < 0:
            raise UnexpectedOffsetError(header.base_offset, header.last_offset, following)
        batches.append(CheckedBatch(header, view[offset : offset + header.size]))
        following = header.next_offset
        offset += header.size
    return batches
