"""The files of one partition of a topic (Confluent's `TopicPartitionWriter`).

    <topics.dir>/<topic>/<folder>/<topic>+<partition>+<first offset>.<extension>

All open files of a partition are written together: when one has `flush.size` records or is too big, when a record of
another schema comes for it, or its time has come. What may be committed is the first record that stands in no file. So
where files begin and end depends on the records alone, and after a crash the same files are written again, under the
same names: each record stands in exactly one. (Not so by the clock: `rotate.schedule.interval.ms`, Wallclock.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.files import sink_config as keys
from ottla.connect.connectors.files.formats.writer import Writer, WriteSettings, extension_of, make_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.api.task import TopicPartition
    from ottla.connect.connectors.files.store import Store


@dataclass(slots=True)
class _OpenFile:
    path: str
    writer: Writer
    start: int
    """The offset of its first record."""
    began_ms: int
    records: int = 0


class PartitionWriter:
    """`add` in the order of offsets; one that came before is passed over. What the store raises, `write` does."""

    def __init__(
        self,
        partition: TopicPartition,
        store: Store,
        config: Mapping[str, Any],
        folder: Callable[[SinkRecord], str],
        when: Callable[[SinkRecord], int],
    ) -> None:
        self._partition = partition
        self._store = store
        self._config = config
        self._folder = folder
        self._when = when
        separator = config[keys.SEPARATOR].replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
        self._settings = WriteSettings(config[keys.FORMAT], config[keys.COMPRESSION], separator.encode())
        self._files: dict[str, _OpenFile] = {}
        self._ready: list[tuple[str, int, bytes]] = []
        """What is to be written: path, first offset, bytes."""
        self._next_offset = -1

    def add(self, record: SinkRecord) -> None:
        """`DataError` for one that fits in no file."""
        offset = record.original_kafka_offset
        if offset < self._next_offset:
            return
        folder = self._folder(record)
        now_ms = self._when(record) if self._config[keys.ROTATE_MS] > 0 else 0
        found = self._files.get(folder)
        if found is not None and (not found.writer.fits(record) or self._is_late(found, now_ms)):
            self.close_files()
            found = None
        if found is None:
            path = self._path(record, folder)
            found = _OpenFile(path, make_writer(self._settings, record, path), offset, now_ms)
        found.writer.add(record)
        self._files[folder] = found
        found.records += 1
        self._next_offset = offset + 1
        if found.records >= self._config[keys.FLUSH_SIZE] or found.writer.size >= self._config[keys.FILE_BYTES_MAX]:
            self.close_files()

    def _is_late(self, file: _OpenFile, now_ms: int) -> bool:
        interval: int = self._config[keys.ROTATE_MS]
        return interval > 0 and now_ms - file.began_ms >= interval

    def close_if_late(self, now_ms: int) -> None:
        """By the clock, where that is what a record's time is."""
        if any(self._is_late(each, now_ms) for each in self._files.values()):
            self.close_files()

    def close_files(self) -> None:
        for each in self._files.values():
            try:
                self._ready.append((each.path, each.start, each.writer.finish()))
            except DataError as error:
                raise DataError(f"{each.path}: {error}") from error
        self._files.clear()

    def write(self) -> None:
        """What is ready. What could not be written stays."""
        while self._ready:
            path, _, data = self._ready[0]
            self._store.write(path, data)
            del self._ready[0]

    @property
    def first_open(self) -> int | None:
        """The first offset that stands in no file; `None`: all do."""
        starts = [each.start for each in self._files.values()] + [start for _, start, _ in self._ready]
        return min(starts, default=None)

    def _path(self, record: SinkRecord, folder: str) -> str:
        config = self._config
        topic, partition = self._partition
        offset = str(record.original_kafka_offset).zfill(config[keys.PAD_WIDTH])
        name = config[keys.FILE_DELIMITER].join((topic, str(partition), offset))
        parts = [config[keys.TOPICS_DIR], topic, folder, f"{name}.{extension_of(self._settings)}"]
        delimiter: str = config[keys.DIRECTORY_DELIMITER]
        return delimiter.join(part for part in parts if part)
