"""The short way of an append: batches that a client sent and that need nothing special, which is nearly every batch.

Each is judged by its header and checksum alone, and those that came together are written together. The first that is
not plain, or not sure to fit into the active segment, ends the run: `Log.append` takes or refuses it, with the reason.
"""

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple, TypeAlias

from ottla.log.config import LONG_MAX, LogConfig
from ottla.log.producer_state import ProducerStates
from ottla.log.segment import MAX_RELATIVE_OFFSET, AppendedBatch, Segment
from ottla.protocol.crc import crc32c
from ottla.protocol.record_batch import (
    CHECKED_FROM,
    HEADER,
    HEADER_SIZE,
    LOG_OVERHEAD,
    MAGIC,
    TRANSACTIONAL_FLAG,
    increment_sequence,
)
from ottla.runtime.files import Buffer

HEAD = Struct(">qii")
"""Base offset, batch length, leader epoch: what the checksum does not cover."""

_unpack_header = HEADER.unpack_from
_pack_head = HEAD.pack
_HEAD_SIZE = HEAD.size
_PLAIN_ATTRIBUTES = 4  # compression 0 … 4 and no flag
_ATTRIBUTES = frozenset(
    compression | flag for compression in range(_PLAIN_ATTRIBUTES + 1) for flag in (0, TRANSACTIONAL_FLAG)
)

SentBatch: TypeAlias = tuple[Buffer, int, int]
"""A batch where it came: the bytes of its request, and where in these it begins and ends."""

ProducerBatch: TypeAlias = tuple[int, int, int, int, int, int, int, bool]
"""What `ProducerStates.append` is told of a batch."""


class Room(NamedTuple):
    """What still goes into the active segment."""

    bytes: int
    batches: int
    last_offset: int
    max_timestamp: int


class PlainBatches(NamedTuple):
    """What was found, as it will stand: `buffers` are the bytes of all of them."""

    offsets: list[int]
    buffers: list[Buffer]
    appended: list[AppendedBatch]
    of_producer: list[ProducerBatch]


def room_in(segment: Segment, now_ms: int) -> Room:
    """Without a roll. An empty segment takes one batch: that one decides when it rolls."""
    size = segment.size
    if not size:
        return Room(segment.segment_bytes, 1, LONG_MAX, LONG_MAX)
    if now_ms > segment.roll_after_ms:
        return Room(0, 0, -1, -1)
    return Room(
        segment.segment_bytes - size,
        segment.index_room,
        segment.base_offset + MAX_RELATIVE_OFFSET,
        segment.roll_after_timestamp,
    )


def plain_batches(
    sent: Sequence[SentBatch],
    room: Room,
    config: LogConfig,
    producers: ProducerStates,
    *,
    log_end_offset: int,
    leader_epoch: int,
    now_ms: int,
) -> PlainBatches:
    """The first of what was sent, as far as it is plain and there is room. Nothing is changed."""
    following = log_end_offset
    bytes_left, _, end_offset, roll_after_timestamp = room
    latest = min(now_ms + config.message_timestamp_after_max_ms, roll_after_timestamp)
    earliest = now_ms - config.message_timestamp_before_max_ms
    max_bytes = config.max_message_bytes
    found = PlainBatches([], [], [], [])
    offsets, buffers, appended, of_producer = found
    for records, start, end in sent if len(sent) <= room.batches else sent[: room.batches]:
        size = end - start
        if size < HEADER_SIZE:
            break
        (
            base,
            length,
            _,
            magic,
            crc,
            attributes,
            delta,
            first_timestamp,
            max_timestamp,
            producer_id,
            epoch,
            sequence,
            count,
        ) = _unpack_header(records, start)
        last = following + delta
        if (
            base != 0
            or length + LOG_OVERHEAD != size
            or magic != MAGIC
            or attributes not in _ATTRIBUTES
            or count != delta + 1
            or delta < 0
            or size > max_bytes
            or size > bytes_left
            or last > end_offset
            or max_timestamp > latest
            or first_timestamp < earliest
            or crc32c(records[start + CHECKED_FROM : end]) != crc
        ):
            break
        if producer_id >= 0:
            one = (producer_id, epoch, sequence, delta, following, last, max_timestamp, attributes > _PLAIN_ATTRIBUTES)
            if not _continues(one, of_producer, producers):
                break
            of_producer.append(one)
        bytes_left -= size
        offsets.append(following)
        buffers.append(_pack_head(following, length, leader_epoch))
        buffers.append(records[start + _HEAD_SIZE : end])
        appended.append((size, last, max_timestamp))
        following = last + 1
    return found


def _continues(one: ProducerBatch, before: list[ProducerBatch], producers: ProducerStates) -> bool:
    """Whether a batch follows what its producer has in the log, or its batch before this one."""
    producer_id, epoch, sequence, delta, _, _, _, transactional = one
    if sequence < 0:
        return False
    if not before:
        return producers.check(producer_id, epoch, sequence, delta, transactional) is None
    last = before[-1]
    return last[:2] == one[:2] and last[7] == transactional and sequence == increment_sequence(last[2], last[3] + 1)
