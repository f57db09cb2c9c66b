"""Lines of a file, or of the standard input, as records: `FileStreamSource` of Kafka Connect, with the same offsets.

A line ends at `\\n`, `\\r` or `\\r\\n`; one without an end is waited for. The offset is `{"position": …}` of the
partition `{"filename": …}`: in bytes (Java's counts UTF-16 units: the same for ASCII, else it goes
on in the wrong place).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ottla.connect.api.config_def import HIGH, INT, LOW, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.task import SourceTask
from ottla.connect.api.validators import NonEmptyString
from ottla.connect.data.schema import STRING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "file"
TOPIC: Final = "topic"
BATCH_SIZE: Final = "batch.size"
FILENAME: Final = "filename"
POSITION: Final = "position"
BATCH_SIZE_DEFAULT: Final = 2000
CHUNK_BYTES: Final = 256 * 1024
LINE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A longer line fails the task: it is no line."""
WAIT_S: Final = 0.2

CONFIG: Final = (
    ConfigDef()
    .define(FILE, STRING, None, HIGH, "The file to read; by default the standard input.")
    .define(TOPIC, STRING, NO_DEFAULT_VALUE, HIGH, "The topic to write to.", validator=NonEmptyString())
    .define(BATCH_SIZE, INT, BATCH_SIZE_DEFAULT, LOW, "How many lines are read at once at most.")
)


class FileStreamSourceConnector(SourceConnector):
    def start(self, props: Mapping[str, str]) -> None:
        CONFIG.parse(props)
        self._props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return FileStreamSourceTask

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def config(self) -> ConfigDef:
        return CONFIG

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED if props.get(FILE) else ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(
        self, props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        if not props.get(FILE):
            raise ConnectError(
                f"Offsets cannot be modified if the '{FILE}' configuration is unspecified. This is because stdin is "
                "used for input and offsets are not tracked."
            )
        for partition, offset in offsets:
            if offset is not None:
                _check(partition, offset)
        return True


def _check(partition: Mapping[str, Any] | None, offset: Mapping[str, Any]) -> None:
    if POSITION not in offset:
        raise ConnectError(f"Offset objects should either be null or contain the key '{POSITION}'")
    position = offset[POSITION]
    if not isinstance(position, int) or isinstance(position, bool):
        raise ConnectError(f"The value for the '{POSITION}' key in the offset is expected to be a Long value")
    if position < 0:
        raise ConnectError(f"The value for the '{POSITION}' key in the offset should be a non-negative value")
    if partition is None:
        raise ConnectError("Partition objects cannot be null")
    if FILENAME not in partition:
        raise ConnectError(f"Partition objects should contain the key '{FILENAME}'")


class FileStreamSourceTask(SourceTask):
    _file: BinaryIO | None = None

    def start(self, props: Mapping[str, str]) -> None:
        config = CONFIG.parse(props)
        self._name: str = config[FILE] or ""
        self._shown = self._name or "the standard input"
        self._topic: str = config[TOPIC]
        self._batch_size: int = config[BATCH_SIZE]
        self._partition = {FILENAME: self._name or None}
        self._position: int | None = None
        self._split: list[bytes] = []
        """Lines that were read; those before `_next` are records already."""
        self._next = 0
        self._rest = bytearray()
        """What was read behind them."""
        if not self._name:
            self._file = sys.stdin.buffer

    def poll(self) -> list[SourceRecord] | None:
        if self._file is None and not self._open():
            time.sleep(WAIT_S)
            return None
        lines = self._lines()
        if not lines:
            time.sleep(WAIT_S)
            return None
        now_ms = int(time.time() * 1000)
        partition, topic, position = self._partition, self._topic, self._position
        records = []
        for line in lines:
            if position is not None:
                position += len(line)
            text = line[: -2 if line[-2:] == b"\r\n" else -1].decode("utf-8", "replace")  # `splitlines` left one end
            offset = {POSITION: position}
            records.append(SourceRecord(partition, offset, topic, None, None, None, STRING_SCHEMA, text, now_ms))
        self._position = position
        return records

    def stop(self) -> None:
        if self._file is not None and self._name:
            self._file.close()

    def _open(self) -> bool:
        path = Path(self._name)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConnectError(f"{path} cannot be read: {error.strerror}") from error
        stored = self.context.offset_storage_reader.offset(self._partition) or {}
        position = stored.get(POSITION) or 0
        if not isinstance(position, int):
            file.close()
            raise ConnectError("Offset position is the incorrect type")
        file.seek(position)
        self._file, self._position = file, position
        return True

    def _lines(self) -> list[bytes]:
        """The next whole lines with their ends, as many as a batch may have."""
        if self._next == len(self._split):
            self._split_more()
        lines = self._split[self._next : self._next + self._batch_size]
        self._next += len(lines)
        return lines

    def _split_more(self) -> None:
        chunk = self._read()
        if len(self._rest) + len(chunk) > LINE_BYTES_MAX:
            raise ConnectError(f"a line of {self._shown} has more than {LINE_BYTES_MAX} bytes")
        self._split, self._next = [], 0
        if not chunk:
            return
        if b"\n" not in chunk and b"\r" not in chunk and not self._rest.endswith(b"\r"):
            self._rest += chunk
            return
        lines = bytes(self._rest + chunk).splitlines(keepends=True)
        # Of the last nobody knows whether it has ended: a "\n" may follow a "\r".
        self._rest = bytearray() if lines[-1].endswith(b"\n") else bytearray(lines.pop())
        self._split = lines

    def _read(self) -> bytes:
        assert self._file is not None
        try:
            return os.read(self._file.fileno(), CHUNK_BYTES)
        except OSError as error:
            raise ConnectError(f"{self._shown} cannot be read: {error.strerror}") from error
