"""Small text files that are replaced whole: checkpoints of offsets and epochs, and `partition.metadata`.

    0                    version                      version: 0
    2                    number of entries            topic_id: MkU3OEVBNTcwNTJENDM2Qg
    my-topic 0 42        one entry a line
    my-topic 1 17

A checkpoint is written beside itself as `.tmp`, synced, renamed over the old one, and its directory is synced: after a
loss of power the old or the new one is there, whole (`CheckpointFile`, `OffsetCheckpointFile`, `PartitionMetadataFile`)
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from ottla.log.file_names import PARTITION_METADATA, TopicPartition
from ottla.protocol.types import uuid_from_text, uuid_text
from ottla.runtime.files import FileSystem

RECOVERY_POINTS = "recovery-point-offset-checkpoint"
HIGH_WATERMARKS = "replication-offset-checkpoint"
LOG_START_OFFSETS = "log-start-offset-checkpoint"
CLEANER_OFFSETS = "cleaner-offset-checkpoint"

_VERSION = 0


class CorruptCheckpointError(Exception):
    """A checkpoint that does not say what a checkpoint says."""


def read_whole(files: FileSystem, path: PurePath) -> bytes | None:
    """Every byte of a file; None if it is not there."""
    try:
        file = files.open(path)
    except FileNotFoundError:
        return None
    try:
        return file.read(0, file.size)
    finally:
        file.close()


def replace_whole(files: FileSystem, path: PurePath, content: bytes, *, sync: bool = True) -> None:
    """Atomically; with `sync`, also so that it survives a loss of power."""
    temporary = path.with_name(path.name + ".tmp")
    _write_anew(files, temporary, content, sync=sync)
    files.rename(temporary, path)
    if sync:
        files.sync_directory(path.parent)


def _write_anew(files: FileSystem, path: PurePath, content: bytes, *, sync: bool) -> None:
    file = files.open(path, create=True)
    try:
        file.truncate(0)
        if content:
            file.append([content])
        if sync:
            file.sync()
    finally:
        file.close()


def write_lines(files: FileSystem, path: PurePath, entries: Iterable[str], *, sync: bool = True) -> None:
    replace_whole(files, path, _lines(entries), sync=sync)


def _lines(entries: Iterable[str]) -> bytes:
    lines = list(entries)
    return "".join(f"{line}\n" for line in (str(_VERSION), str(len(lines)), *lines)).encode()


def read_lines(files: FileSystem, path: PurePath) -> list[list[str]] | None:
    """The words of each entry; None if there is no file. An empty file has no entries, as in Kafka."""
    content = read_whole(files, path)
    if content is None:
        return None
    lines = content.decode("utf-8", "replace").splitlines()
    if not lines:
        return []
    if not content.endswith(b"\n"):
        raise CorruptCheckpointError(f"{path}: its last line is cut")
    if lines[0].strip() != str(_VERSION):
        raise CorruptCheckpointError(f"{path}: version {lines[0]!r} is not known")
    entries = [line.split() for line in lines[2:] if line.strip()]
    if len(lines) < 2 or lines[1].strip() != str(len(entries)):
        raise CorruptCheckpointError(f"{path}: {len(entries)} entries are not the number it tells")
    return entries


def read_offsets(files: FileSystem, path: PurePath) -> dict[TopicPartition, int]:
    """An offset checkpoint; empty if it is not there. Raises `CorruptCheckpointError`."""
    offsets = {}
    for words in read_lines(files, path) or ():
        try:
            topic, partition, offset = words
            offsets[TopicPartition(topic, int(partition))] = int(offset)
        except ValueError:
            raise CorruptCheckpointError(f"{path}: malformed entry {' '.join(words)!r}") from None
    return offsets


def write_offsets(files: FileSystem, path: PurePath, offsets: Mapping[TopicPartition, int]) -> None:
    write_lines(files, path, _entries(offsets))


def write_offsets_aside(files: FileSystem, path: PurePath, offsets: Mapping[TopicPartition, int]) -> None:
    """Synced, to a file that somebody else will put in its place."""
    _write_anew(files, path, _lines(_entries(offsets)), sync=True)


def _entries(offsets: Mapping[TopicPartition, int]) -> Iterable[str]:
    return (f"{log.topic} {log.partition} {offset}" for log, offset in offsets.items())


def read_topic_id(files: FileSystem, directory: PurePath) -> bytes | None:
    """From `partition.metadata`; None if it is not there, or empty (a loss of power before it was synced).

    Raises `CorruptCheckpointError`.
    """
    path = directory / PARTITION_METADATA
    content = read_whole(files, path)
    if not content:
        return None
    pairs = dict(line.split(": ", 1) for line in content.decode("utf-8", "replace").splitlines() if ": " in line)
    if pairs.get("version") != "0" or "topic_id" not in pairs:
        raise CorruptCheckpointError(f"{path} is malformed")
    try:
        return uuid_from_text(pairs["topic_id"])
    except ValueError:
        raise CorruptCheckpointError(f"{path}: {pairs['topic_id']!r} is no topic id") from None


def write_topic_id(files: FileSystem, directory: PurePath, topic_id: bytes, *, sync: bool = True) -> None:
    content = f"version: 0\ntopic_id: {uuid_text(topic_id)}".encode()
    replace_whole(files, directory / PARTITION_METADATA, content, sync=sync)
