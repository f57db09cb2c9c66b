"""What may be appended (`LogValidator`, `UnifiedLog.analyzeAndValidateRecords`): checks, and batches as they will be.

Batches are judged by their header and checksum. Records are opened only where a promise depends on them: keys on a
compacted topic, and a `compression.type` that is not the batch's. Nothing here changes the log; a refusal is a value.
"""

from typing import NamedTuple

from ottla.log.append_result import AppendOrigin, RecordError
from ottla.log.config import LogConfig
from ottla.protocol.compression import MAX_DECOMPRESSED_BYTES
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import Record, RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import (
    LOG_APPEND_TIME_FLAG,
    NO_TIMESTAMP,
    BatchHeader,
    CompressionType,
    InvalidBatchError,
    assign_log_append_time,
    batch_size_at,
    crc_matches,
    parse_header,
    read_header,
    single_batch,
)
from ottla.runtime.files import Buffer

_COMPRESSION = {
    "uncompressed": CompressionType.NONE,
    "none": CompressionType.NONE,
    "gzip": CompressionType.GZIP,
    "snappy": CompressionType.SNAPPY,
    "lz4": CompressionType.LZ4,
    "zstd": CompressionType.ZSTD,
}


class Refusal(NamedTuple):
    """Why nothing is appended."""

    error: ErrorCode
    message: str
    record_errors: tuple[RecordError, ...] = ()


class CheckedBatch(NamedTuple):
    """A batch as it will stand, offsets and leader epoch apart: `header` is that of `view`."""

    header: BatchHeader
    view: memoryview


def check_client_batch(records: Buffer, config: LogConfig, now_ms: int) -> CheckedBatch | Refusal:
    """The one batch that a producer may send for a partition."""
    try:
        header = single_batch(records)
        refusal = _header_refusal(header, config, now_ms)
        if refusal is not None:
            return refusal
        batch = CheckedBatch(header, memoryview(records))
        target = _COMPRESSION.get(config.compression_type, header.compression)
        if target is not header.compression:
            return _recompressed(batch, target, config, now_ms)
        if config.compact:
            refusal = _records_refusal(list(_open(batch)), header, config, now_ms)
            if refusal is not None:
                return refusal
        return _stamped(batch, now_ms) if config.log_append_time else batch
    except InvalidBatchError as error:
        return Refusal(error.code, str(error))


def check_own_batches(
    records: Buffer, config: LogConfig, now_ms: int, origin: AppendOrigin
) -> list[CheckedBatch] | Refusal:
    """Any number of batches that this node wrote (COORDINATOR, RAFT) or fetched from a leader (REPLICATION).

    A leader's last batch may be cut, as a fetch is; it is left out.
    """
    view = memoryview(records)
    batches = []
    offset, end = 0, len(view)
    try:
        while offset < end:
            size = batch_size_at(view, offset, end)
            if (size is None or size > end - offset) and origin is AppendOrigin.REPLICATION:
                break
            header = read_header(view, offset, end)
            if not crc_matches(view, offset, header):
                return Refusal(ErrorCode.CORRUPT_MESSAGE, f"the checksum of the batch at byte {offset} is wrong")
            batch = CheckedBatch(header, view[offset : offset + header.size])
            if origin is AppendOrigin.COORDINATOR:
                if header.size > config.max_message_bytes:
                    return _too_large(header.size, config)
                if config.log_append_time:
                    batch = _stamped(batch, now_ms)
            batches.append(batch)
            offset += header.size
    except InvalidBatchError as error:
        return Refusal(error.code, str(error))
    return batches


def _header_refusal(header: BatchHeader, config: LogConfig, now_ms: int) -> Refusal | None:
    if header.base_offset != 0:
        return _invalid(f"a producer's batch begins at offset 0, not {header.base_offset}")
    if header.size > config.max_message_bytes:
        return _too_large(header.size, config)
    if header.last_offset_delta < 0:
        return _invalid(f"the offset range of the batch ends at {header.last_offset_delta}")
    if header.records_count <= 0:
        return _invalid(f"the batch claims {header.records_count} records")
    if header.records_count != header.last_offset_delta + 1:
        return _invalid(f"{header.records_count} records cannot have {header.last_offset_delta + 1} offsets")
    if header.is_control:
        return _invalid("clients may not write control records")
    if header.has_producer_id and header.base_sequence < 0:
        return _invalid(f"producer {header.producer_id} sent sequence {header.base_sequence}")
    if header.attributes & LOG_APPEND_TIME_FLAG:
        return Refusal(ErrorCode.INVALID_TIMESTAMP, "only brokers stamp batches with the time of the append")
    if not config.log_append_time:
        for timestamp in (header.max_timestamp, header.base_timestamp):
            if _untimely(timestamp, config, now_ms):
                return _invalid_timestamp(timestamp, now_ms, ())
    return None


def _untimely(timestamp: int, config: LogConfig, now_ms: int) -> bool:
    if timestamp == NO_TIMESTAMP:
        return False
    age_ms = now_ms - timestamp
    return age_ms > config.message_timestamp_before_max_ms or -age_ms > config.message_timestamp_after_max_ms


def _records_refusal(records: list[Record], header: BatchHeader, config: LogConfig, now_ms: int) -> Refusal | None:
    """What is only seen inside: keys, the time of each record, and offsets that follow each other."""
    keyless = [index for index, record in enumerate(records) if record.key is None] if config.compact else []
    if keyless:
        errors = [RecordError(index, "a record of a compacted topic needs a key") for index in keyless]
        return _records_invalid(ErrorCode.INVALID_RECORD, errors, "records without a key on a compacted topic")
    for index, record in enumerate(records):
        if record.offset != header.base_offset + index:
            return _invalid(f"record {index} of the batch has offset {record.offset}")
    if not config.log_append_time:
        untimely = [index for index, record in enumerate(records) if _untimely(record.timestamp, config, now_ms)]
        if untimely:
            errors = [RecordError(index, f"timestamp {records[index].timestamp}") for index in untimely]
            return _invalid_timestamp(records[untimely[0]].timestamp, now_ms, tuple(errors))
    return None


def _open(batch: CheckedBatch) -> "list[Record]":
    return list(iterate_records(batch.view, 0, batch.header, max_bytes=MAX_DECOMPRESSED_BYTES))


def _recompressed(
    batch: CheckedBatch, target: CompressionType, config: LogConfig, now_ms: int
) -> CheckedBatch | Refusal:
    header = batch.header
    records = _open(batch)
    refusal = _records_refusal(records, header, config, now_ms)
    if refusal is not None:
        return refusal
    builder = RecordBatchBuilder(
        compression=target,
        compression_level=_level(target, config),
        log_append_time_ms=now_ms if config.log_append_time else None,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
    )
    for record in records:
        builder.append(record.key, record.value, record.headers, timestamp_ms=record.timestamp)
    built = memoryview(builder.build())
    if len(built) > config.max_message_bytes:
        return _too_large(len(built), config)
    return CheckedBatch(parse_header(built), built)


def _level(target: CompressionType, config: LogConfig) -> int | None:
    levels: dict[CompressionType, int] = {
        CompressionType.GZIP: config.compression_gzip_level,
        CompressionType.LZ4: config.compression_lz4_level,
        CompressionType.ZSTD: config.compression_zstd_level,
    }
    return levels.get(target)


def _stamped(batch: CheckedBatch, now_ms: int) -> CheckedBatch:
    copy = bytearray(batch.view)
    assign_log_append_time(copy, 0, now_ms)
    return CheckedBatch(parse_header(copy), memoryview(copy))


def _invalid(message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_RECORD, message)


def _too_large(size: int, config: LogConfig) -> Refusal:
    return Refusal(
        ErrorCode.MESSAGE_TOO_LARGE, f"a batch of {size} bytes, where max.message.bytes is {config.max_message_bytes}"
    )


def _invalid_timestamp(timestamp: int, now_ms: int, errors: tuple[RecordError, ...]) -> Refusal:
    side = "before" if timestamp < now_ms else "after"
    message = f"timestamp {timestamp} is more than message.timestamp.{side}.max.ms off the broker's time {now_ms}"
    return Refusal(ErrorCode.INVALID_TIMESTAMP, message, errors)


def _records_invalid(error: ErrorCode, errors: list[RecordError], message: str) -> Refusal:
    return Refusal(error, f"{len(errors)} {message}", tuple(errors))
