"""`FileTailSourceConnector`: lines of many files as they are appended, by patterns (`/var/log/*.log`).

A line's key is its file's path. Partition `{"filename": path}`, offset `{"position": bytes, "inode": n}`. A file that
is renamed and begun anew (rotated) is read to its end first, under whatever name it has in its directory; one that is
cut begins anew. Patterns should not match what rotated files are called. A line ends at `\\n`; one without is waited
for, until the file is rotated.
"""

from __future__ import annotations

import glob
import logging
import os
import time
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import HIGH, INT, LIST, LONG, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import ExactlyOnceSupport
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.task import SourceTask
from ottla.connect.api.validators import NonEmptyString, Range, ValidList, ValidString
from ottla.connect.connectors.simple import SimpleSource
from ottla.connect.data.schema import STRING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("ottla.connect.files")
FILES: Final = "files"
TOPIC: Final = "topic"
BATCH_SIZE: Final = "batch.size"
INITIAL: Final = "initial.position"
REFRESH_MS: Final = "refresh.interval.ms"
MAX_FILES: Final = "max.files"
TASK_INDEX: Final = "task.index"
TASK_COUNT: Final = "task.count"
FILENAME, POSITION, INODE = "filename", "position", "inode"
CHUNK_BYTES: Final = 256 * 1024
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
WAIT_S: Final = 0.1

CONFIG: Final = (
    ConfigDef()
    .define(FILES, LIST, NO_DEFAULT_VALUE, HIGH, "Patterns of paths.", validator=ValidList(empty_allowed=False))
    .define(TOPIC, STRING, NO_DEFAULT_VALUE, HIGH, "The topic to write to.", validator=NonEmptyString())
    .define(BATCH_SIZE, INT, 2000, LOW, "How many lines come at once at most.", validator=Range(1))
    .define(
        INITIAL,
        STRING,
        "beginning",
        MEDIUM,
        "Where a file is begun that is there when the connector first starts: beginning or end.",
        validator=ValidString("beginning", "end"),
    )
    .define(REFRESH_MS, LONG, 1000, LOW, "How often is looked for files (ms).", validator=Range(1))
    .define(MAX_FILES, INT, 1000, LOW, "More files than so many fail the task.", validator=Range(1))
)


class FileTailSourceConnector(SimpleSource):
    definition = CONFIG

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [self._props | {TASK_INDEX: str(number), TASK_COUNT: str(max_tasks)} for number in range(max_tasks)]

    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or partition.keys() != {FILENAME}:
                raise ConnectError(f'A partition is {{"{FILENAME}": path}}')
            if offset is not None and not isinstance(offset.get(POSITION), int):
                raise ConnectError(f'An offset is {{"{POSITION}": bytes, "{INODE}": n}}')
        return True


class _Tail:
    """One path, whichever files have it one after the other."""

    def __init__(self, path: str, stream: IO[bytes], position: int) -> None:
        self.path = path
        self.partition = {FILENAME: path}
        self._use(stream, position)

    def _use(self, stream: IO[bytes], position: int) -> None:
        self._stream = stream
        self.inode = os.fstat(stream.fileno()).st_ino
        self.position = position
        """Where the next line begins."""
        self._rest = bytearray()
        stream.seek(position)

    def lines(self, count: int) -> list[tuple[int, int, str]]:
        """(position behind it, inode, line) of at most `count` that are there."""
        found: list[tuple[int, int, str]] = []
        while len(found) < count:
            end = self._rest.find(b"\n")
            if end >= 0:
                found.append(self._cut(end, 1))
                continue
            if len(self._rest) > LINE_BYTES_MAX:
                text = f"the line of {self.path} at byte {self.position} has more than {LINE_BYTES_MAX} bytes"
                raise ConnectError(text)
            chunk = self._stream.read(CHUNK_BYTES)
            if chunk:
                self._rest += chunk
            elif not self._go_on():
                break
            elif self._last is not None:
                found.append(self._last)
        return found

    def _cut(self, end: int, more: int) -> tuple[int, int, str]:
        line = bytes(self._rest[:end]).removesuffix(b"\r")
        del self._rest[: end + more]
        self.position += end + more
        return self.position, self.inode, line.decode("utf-8", "replace")

    def _go_on(self) -> bool:
        """At its end: whether there is another file of that name, or the same, cut, to read."""
        self._last: tuple[int, int, str] | None = None
        try:
            stat = Path(self.path).stat()
        except FileNotFoundError:
            return False
        if stat.st_ino == self.inode:
            if os.fstat(self._stream.fileno()).st_size >= self.position + len(self._rest):
                return False
            _log.warning("%s was cut: it is read from its beginning", self.path)
            self._rest.clear()
            self.position = 0
            self._stream.seek(0)
            return True
        if chunk := self._stream.read(CHUNK_BYTES):  # it was written to until it was renamed
            self._rest += chunk
            return True
        if self._rest:
            self._last = self._cut(len(self._rest), 0)
        self._stream.close()
        self._use(Path(self.path).open("rb", buffering=0), 0)  # noqa: SIM115
        return True

    def close(self) -> None:
        self._stream.close()


class FileTailSourceTask(SourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = CONFIG.parse(props)
        self._index, self._count = int(props.get(TASK_INDEX, "0")), int(props.get(TASK_COUNT, "1"))
        self._tails: dict[str, _Tail] = {}
        self._look_at = 0.0
        self._is_first_look = True

    def poll(self) -> list[SourceRecord] | None:
        self._look()
        records: list[SourceRecord] = []
        now_ms = int(time.time() * 1000)
        topic: str = self._config[TOPIC]
        share = max(self._config[BATCH_SIZE] // max(len(self._tails), 1), 1)
        for tail in self._tails.values():
            try:
                lines = tail.lines(share)
            except OSError as error:
                raise ConnectError(f"{tail.path} cannot be read: {error.strerror}") from error
            for position, inode, line in lines:
                offset = {POSITION: position, INODE: inode}
                records.append(
                    SourceRecord(
                        tail.partition, offset, topic, None, STRING_SCHEMA, tail.path, STRING_SCHEMA, line, now_ms
                    )
                )
        if not records:
            time.sleep(WAIT_S)
            return None
        return records

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + self._config[REFRESH_MS] / 1000
        patterns = self._config[FILES]
        paths = sorted({path for each in patterns for path in glob.glob(each, recursive=True)})  # noqa: PTH207
        for path in paths:
            is_mine = zlib.crc32(os.fsencode(path)) % self._count == self._index
            if is_mine and path not in self._tails and Path(path).is_file():
                if len(self._tails) >= self._config[MAX_FILES]:
                    raise ConnectError(f"more than {MAX_FILES}={self._config[MAX_FILES]} files match; narrow {FILES}")
                self._open(path)
        self._is_first_look = False

    def _open(self, path: str) -> None:
        stored = self.context.offset_storage_reader.offset({FILENAME: path}) or {}
        try:
            stream: IO[bytes] = Path(path).open("rb", buffering=0)  # noqa: SIM115
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConnectError(f"{path} cannot be read: {error.strerror}") from error
        stat = os.fstat(stream.fileno())
        if not stored:
            at_end = self._is_first_look and self._config[INITIAL] == "end"
            self._tails[path] = _Tail(path, stream, stat.st_size if at_end else 0)
            return
        if stored.get(INODE) not in (None, stat.st_ino):
            renamed = _with_inode(Path(path).parent, stored[INODE])
            if renamed is None:
                _log.warning("%s is another file than was read, and that is gone: it is read from its beginning", path)
                stored = {}
            else:
                stream.close()
                stream = renamed
                stat = os.fstat(stream.fileno())
        position = stored.get(POSITION, 0)
        if position > stat.st_size:
            _log.warning("%s is shorter than what was read of it: it is read from its beginning", path)
            position = 0
        self._tails[path] = _Tail(path, stream, position)

    def stop(self) -> None:
        for tail in self._tails.values():
            tail.close()


def _with_inode(directory: Path, inode: int) -> IO[bytes] | None:
    """The file that had the name, under the one that it has now."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.inode() == inode and entry.is_file():
                return Path(entry.path).open("rb", buffering=0)
    return None


FileTailSourceConnector.task = FileTailSourceTask
