"""What stands in the files of a data directory, item by item, as plain values: batches, records, entries of indexes.

Reads every file that Apache Kafka or Ottla writes into a log's directory or beside one; the names say what they are.
`DumpLogSegments` is Apache Kafka's tool for the same.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.log.file_names import parse_log_directory, parse_segment_file
from ottla.log.producer_snapshot import CorruptSnapshotError, decode_snapshot
from ottla.protocol.errors import ProtocolError
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import CompressionType, TimestampType
from ottla.tools.index_files import IndexFileError, offset_entries, time_entries, transaction_entries
from ottla.tools.record_decoding import TOPICS, decoded, decoded_control
from ottla.tools.segment_file import Broken, read_batches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ottla.protocol.record import Record
    from ottla.tools.segment_file import Batch

Item = dict[str, Any]
_CHECKPOINT = ".checkpoint"


class UnknownFileError(Exception):
    """The name is not that of a file that this can read."""


class Options(NamedTuple):
    records: bool = False
    """The records of batches, too."""
    decode: str | None = None
    """How, of `record_decoding.DECODERS`; `None`: as the directory says, `raw`: not at all."""
    from_offset: int = 0


def files_of(path: Path) -> list[Path]:
    """The file itself, or what there is to read in a log's directory. `OSError`, `UnknownFileError`."""
    if not path.is_dir():
        path.stat()
        return [path]
    found = sorted(each for each in path.iterdir() if each.is_file() and _kind(each) is not None)
    if not found:
        raise UnknownFileError(f"{path} has no files of a log; name the directory of a partition, or a file")
    return found


def dump(path: Path, options: Options) -> Iterator[Item]:
    """Items have a `kind`; what is wrong is an item of the kind `error`. `OSError`, `UnknownFileError`."""
    kind = _kind(path)
    if kind == "log":
        yield from _dump_log(path, options)
    elif kind == "text":
        for number, line in enumerate(path.read_text("utf-8", "backslashreplace").splitlines(), 1):
            yield {"kind": "line", "line": number, "text": line}
    elif kind is not None:
        try:
            yield from _dump_entries(path, kind)
        except (IndexFileError, CorruptSnapshotError) as error:
            yield {"kind": "error", "error": str(error)}
    else:
        raise UnknownFileError(
            f"{path.name} is none of .log .index .timeindex .txnindex .snapshot .checkpoint, nor a checkpoint"
        )


def _kind(path: Path) -> str | None:
    name = path.name
    if name.endswith(_CHECKPOINT) and name[0].isdigit():
        return "log"  # a snapshot of the metadata log
    for suffix in (".deleted", ".swap", ".cleaned"):
        name = name.removesuffix(suffix)
    segment = parse_segment_file(name)
    if segment is not None:
        return segment.suffix.removeprefix(".")
    if name.endswith("-checkpoint") or name in ("partition.metadata", "meta.properties", "quorum-state"):
        return "text"
    return None


def decoder_of(path: Path) -> str | None:
    """What the records are, by the directory in which the file lies."""
    log = parse_log_directory(path.absolute().parent.name)
    return TOPICS.get(log.topic) if log is not None else None


def _dump_log(path: Path, options: Options) -> Iterator[Item]:
    decode = options.decode or decoder_of(path)
    for each in read_batches(path):
        if isinstance(each, Broken):
            yield {"kind": "error", "position": each.position, "size": each.size, "error": _why(each)}
        elif each.header.last_offset >= options.from_offset:
            yield _batch(each)
            if options.records:
                yield from _records(each, decode if decode != "raw" else None)


def _why(broken: Broken) -> str:
    return "nothing but zeros to the end of the file" if broken.is_zeros else broken.why


def _batch(each: Batch) -> Item:
    header = each.header
    try:
        compression = header.compression.name.lower()
    except ProtocolError:
        compression = f"unknown ({header.attributes & 7})"
    return {
        "kind": "batch",
        "position": each.position,
        "size": header.size,
        "base_offset": header.base_offset,
        "last_offset": header.last_offset,
        "count": header.records_count,
        "leader_epoch": header.partition_leader_epoch,
        "max_timestamp": header.max_timestamp,
        "timestamp_type": "create" if header.timestamp_type is TimestampType.CREATE_TIME else "append",
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "base_sequence": header.base_sequence,
        "last_sequence": header.last_sequence,
        "transactional": header.is_transactional,
        "control": header.is_control,
        "delete_horizon": header.delete_horizon_ms,
        "compression": compression,
        "crc": header.crc,
        "crc_is_right": each.crc_is_right,
    }


def _records(each: Batch, decode: str | None) -> Iterator[Item]:
    try:
        for record in iterate_records(each.data, 0, each.header):
            item = _record(record)
            if each.header.is_control:
                item["decoded"] = decoded_control(record)
            elif decode is not None:
                item["decoded"] = decoded(record, decode)
            yield item
    except ProtocolError as error:
        yield {"kind": "error", "position": each.position, "error": f"its records cannot be read: {error}"}


def _record(record: Record) -> Item:
    item: Item = {"kind": "record", "offset": record.offset, "timestamp": record.timestamp}
    item |= {**_bytes("key", record.key), **_bytes("value", record.value)}
    if record.headers:
        item["headers"] = [{"name": name, **_bytes("value", value)} for name, value in record.headers]
    return item


def _bytes(name: str, data: bytes | None) -> Item:
    if data is None:
        return {name: None}
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode("ascii")}


def _dump_entries(path: Path, kind: str) -> Iterator[Item]:
    data = path.read_bytes()
    base_offset = int(path.name.partition(".")[0])
    if kind == "index":
        yield from ({"kind": "entry", **each._asdict()} for each in offset_entries(data, base_offset))
    elif kind == "timeindex":
        yield from ({"kind": "entry", **each._asdict()} for each in time_entries(data, base_offset))
    elif kind == "txnindex":
        yield from ({"kind": "aborted", **each._asdict()} for each in transaction_entries(data))
    else:
        for entry in decode_snapshot(data):
            last = entry.batches[-1] if entry.batches else None
            yield {
                "kind": "producer",
                "producer_id": entry.producer_id,
                "producer_epoch": entry.epoch,
                "coordinator_epoch": entry.coordinator_epoch,
                "last_timestamp": entry.last_timestamp_ms,
                "transaction_first_offset": entry.transaction_first_offset,
                "last_sequence": last.last_sequence if last else None,
                "last_offset": last.last_offset if last else None,
            }


COMPRESSIONS = tuple(each.name.lower() for each in CompressionType)
