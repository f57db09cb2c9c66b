"""The records inside of a batch as columns: for whoever reads very many, and looks at each column as a whole.

What `record.iterate_records` yields one by one, in one pass and without an object for each record. Most lengths and
deltas have one byte or two, which are read in place: calls are what the time would go into.
"""

from typing import NamedTuple

from ottla.protocol.compression import MAX_DECOMPRESSED_BYTES
from ottla.protocol.errors import ProtocolError
from ottla.protocol.record import (
    MAX_INT64,
    NO_HEADERS,
    Buffer,
    Headers,
    body_of,
    check_count,
    invalid_record,
    read_bytes,
    read_headers,
)
from ottla.protocol.record_batch import BatchHeader, InvalidBatchError, TimestampType
from ottla.protocol.varint import decode_varint, decode_varlong


class RecordColumns(NamedTuple):
    """All of one length; `timestamps` in milliseconds since 1970."""

    offsets: list[int]
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[Headers]


def read_record_columns(
    buffer: Buffer, offset: int, header: BatchHeader, *, max_bytes: int = MAX_DECOMPRESSED_BYTES
) -> RecordColumns:
    """Of the whole batch at a position. The checksum is not computed. Raises what `iterate_records` raises."""
    data = body_of(buffer, offset, header, max_bytes)
    check_count(header)
    columns = RecordColumns([], [], [], [], [])
    try:
        end = _read_into(columns, data, header)
    except IndexError:
        raise invalid_record("a record is cut") from None
    except InvalidBatchError:
        raise
    except ProtocolError as error:
        raise invalid_record(str(error)) from None
    if end != len(data):
        raise invalid_record(f"{len(data) - end} bytes follow the last of {header.records_count} records")
    timestamps = columns.timestamps
    if header.timestamp_type is TimestampType.LOG_APPEND_TIME:
        timestamps[:] = [header.max_timestamp] * len(timestamps)
    if timestamps and (max(timestamps) > MAX_INT64 or min(timestamps) < -MAX_INT64):
        raise invalid_record("a record's timestamp is out of range")
    return columns


def _read_into(columns: RecordColumns, data: bytes, header: BatchHeader) -> int:
    """Where the last record ends."""
    base_offset, base_timestamp, end = header.base_offset, header.base_timestamp, len(data)
    offsets, timestamps, keys, values, headers = columns
    position = 0
    for _ in range(header.records_count):
        if (byte := data[position]) < 0x80:
            stop = position + 1 + (byte >> 1)
            position += 2  # attributes mean nothing
        elif (second := data[position + 1]) < 0x80:
            stop = position + 2 + ((byte & 0x7E | second << 7) >> 1)
            position += 3
        else:
            length, position = decode_varint(data, position)
            stop = position + length
            position += 1
        if stop > end or byte & 1:  # the lowest bit of the first byte is the sign
            raise invalid_record(f"a record claims to end at byte {stop} of {end}")
        if (byte := data[position]) < 0x80:
            timestamps.append(base_timestamp + ((byte >> 1) ^ -(byte & 1)))
            position += 1
        else:
            delta, position = decode_varlong(data, position)
            timestamps.append(base_timestamp + delta)
        if (byte := data[position]) < 0x80:
            offsets.append(base_offset + ((byte >> 1) ^ -(byte & 1)))
            position += 1
        else:
            delta, position = decode_varint(data, position)
            offsets.append(base_offset + delta)
        for column in keys, values:
            if not (byte := data[position]) & 0x81:  # neither more than one byte, nor negative
                start = position + 1
                position = start + (byte >> 1)
                column.append(data[start:position])
            elif byte & 0x81 == 0x80 and (second := data[position + 1]) < 0x80:
                start = position + 2
                position = start + ((byte & 0x7E | second << 7) >> 1)
                column.append(data[start:position])
            else:
                held, position = read_bytes(data, position, stop)
                column.append(held)
        if data[position]:
            found, position = read_headers(data, position, stop)
            headers.append(found)
        else:
            headers.append(NO_HEADERS)
            position += 1
        if position != stop:
            raise invalid_record(f"a record ends {position - stop} bytes off")
    return position
