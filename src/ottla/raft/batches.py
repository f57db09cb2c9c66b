"""Batches of the quorum's log: offsets and the leader's epoch stand in them before they are appended.

Uncompressed, without producer, keys only in control batches; all records of a batch share one create time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ottla.protocol.message import Message
from ottla.protocol.record import RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import crc_matches, iterate_batches
from ottla.raft.control_records import decode_control_record, encode_control_record
from ottla.runtime.files import Buffer

MAX_BATCH_BYTES = 8 * 1024 * 1024
"""`internal.metadata.max.batch.size.in.bytes`"""


class RaftLogError(Exception):
    """The quorum's log or a snapshot is damaged."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """One batch as read: either metadata records' values, or control records."""

    base_offset: int
    last_offset: int
    epoch: int
    timestamp_ms: int
    size: int
    values: Sequence[bytes]
    control: Sequence[tuple[int, Message]]
    """(offset, message) of the control records whose type is known."""


def data_batch(base_offset: int, epoch: int, values: Sequence[bytes], now_ms: int) -> bytes:
    """`ValueError` without values, or beyond `MAX_BATCH_BYTES`."""
    builder = RecordBatchBuilder(base_offset=base_offset, partition_leader_epoch=epoch, max_bytes=MAX_BATCH_BYTES)
    for value in values:
        if not builder.append(None, value, timestamp_ms=now_ms):
            raise ValueError(f"{len(values)} records do not fit into one batch of {MAX_BATCH_BYTES} bytes")
    return bytes(builder.build())


def control_batch(base_offset: int, epoch: int, messages: Sequence[Message], now_ms: int) -> bytes:
    builder = RecordBatchBuilder(base_offset=base_offset, partition_leader_epoch=epoch, control=True)
    for message in messages:
        key, value = encode_control_record(message)
        builder.append(key, value, timestamp_ms=now_ms)
    return bytes(builder.build())


def read_batches(buffer: Buffer) -> Iterator[ReadBatch]:
    """The whole batches of `buffer`; one that is cut at its end is left out. `RaftLogError` for a wrong checksum.

    `ProtocolError` for anything else that is malformed.
    """
    for position, header in iterate_batches(buffer, cut_is_end=True):
        if not crc_matches(buffer, position, header):
            raise RaftLogError(f"the checksum of the batch at offset {header.base_offset} is wrong")
        values: list[bytes] = []
        control: list[tuple[int, Message]] = []
        for record in iterate_records(buffer, position, header):
            if not header.is_control:
                values.append(record.value or b"")
            elif (message := decode_control_record(record.key or b"", record.value or b"")) is not None:
                control.append((record.offset, message))
        yield ReadBatch(
            base_offset=header.base_offset,
            last_offset=header.last_offset,
            epoch=header.partition_leader_epoch,
            timestamp_ms=header.max_timestamp,
            size=header.size,
            values=values,
            control=control,
        )
