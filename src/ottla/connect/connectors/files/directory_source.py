"""`DirectorySourceConnector`: files that appear in a directory, or in any store, as records.

A file is complete when it is there (`file.minimum.age.ms`), and is read once: partition `{"file": path}`, offset
`{"position": n, "version": which file of that name, "done": …}`. Each record has an offset of its own, so that what
comes after a crash is what was to come. When all its records are written, a file is moved, deleted or left
(`cleanup.policy`). Names of settings are those of the spooldir connectors.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import zlib
from collections import deque
from typing import IO, TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    INT,
    LIST,
    LONG,
    LOW,
    MEDIUM,
    NO_DEFAULT_VALUE,
    STRING,
    ConfigDef,
)
from ottla.connect.api.connector import ExactlyOnceSupport
from ottla.connect.api.errors import ConfigError, ConnectError, DataError, RetriableError
from ottla.connect.api.record import SourceRecord
from ottla.connect.api.task import RecordMetadata, SourceTask
from ottla.connect.api.validators import LambdaValidator, NonEmptyString, Range, ValidString
from ottla.connect.connectors.files.formats.reader import AUTO, FORMATS, Read, ReadSettings, read
from ottla.connect.connectors.files.formats.typed import parse_column
from ottla.connect.connectors.files.store import Store, StoredFile, open_store
from ottla.connect.connectors.simple import SimpleSource, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.files")
INPUT: Final = "input.path"
PATTERN: Final = "input.file.pattern"
RECURSIVE: Final = "input.path.walk.recursively"
FINISHED: Final = "finished.path"
ERROR: Final = "error.path"
CLEANUP: Final = "cleanup.policy"
HALT: Final = "halt.on.error"
TOPIC: Final = "topic"
FORMAT: Final = "format"
BATCH_SIZE: Final = "batch.size"
MIN_AGE_MS: Final = "file.minimum.age.ms"
POLL_WAIT_MS: Final = "empty.poll.wait.ms"
SEPARATOR: Final = "csv.separator.char"
HEADER: Final = "csv.first.row.as.header"
TYPES: Final = "csv.types"
TASK_INDEX: Final = "task.index"
TASK_COUNT: Final = "task.count"
MOVE, DELETE, NONE = "MOVE", "DELETE", "NONE"
FILE, POSITION, VERSION, DONE = "file", "position", "version", "done"
WAIT_S: Final = 0.2
LISTING_TRIES: Final = 5


def _check_pattern(name: str, value: Any) -> None:
    try:
        re.compile(value)
    except re.error as error:
        raise ConfigError.of(name, value, f"it is no regular expression: {error}") from None


_WHERE, _WHAT = "Files", "Records"
CONFIG: Final = (
    ConfigDef()
    .define(
        INPUT,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "Where files appear: a directory, or a URL that fsspec knows.",
        validator=NonEmptyString(),
        group=_WHERE,
    )
    .define(
        PATTERN,
        STRING,
        ".*",
        HIGH,
        "The names of files that are read, as a regular expression.",
        validator=LambdaValidator(_check_pattern, "a regular expression"),
        group=_WHERE,
    )
    .define(RECURSIVE, BOOLEAN, False, LOW, "Whether folders within are read, too.", group=_WHERE)
    .define(
        CLEANUP,
        STRING,
        MOVE,
        MEDIUM,
        "What becomes of a file that is read.",
        validator=ValidString(MOVE, DELETE, NONE),
        group=_WHERE,
    )
    .define(FINISHED, STRING, "", HIGH, "Where files go that are read.", group=_WHERE)
    .define(ERROR, STRING, "", HIGH, "Where files go that cannot be read.", group=_WHERE)
    .define(
        HALT,
        BOOLEAN,
        True,
        HIGH,
        "Whether a file that cannot be read fails the task; else it goes where error.path says.",
        group=_WHERE,
    )
    .define(MIN_AGE_MS, LONG, 0, LOW, "A file is read when it is so old (ms).", validator=Range(0), group=_WHERE)
    .define(POLL_WAIT_MS, LONG, 500, LOW, "How often is looked for files (ms).", validator=Range(1), group=_WHERE)
    .define(TOPIC, STRING, NO_DEFAULT_VALUE, HIGH, "The topic to write to.", validator=NonEmptyString(), group=_WHAT)
    .define(
        FORMAT,
        STRING,
        AUTO,
        HIGH,
        "What files look like; auto: as their extension says.",
        validator=ValidString(*FORMATS),
        group=_WHAT,
    )
    .define(BATCH_SIZE, INT, 1000, LOW, "How many records come at once at most.", validator=Range(1), group=_WHAT)
    .define(SEPARATOR, STRING, ",", LOW, "What separates columns of CSV.", group=_WHAT)
    .define(HEADER, BOOLEAN, True, MEDIUM, "Whether the first line of CSV names the columns.", group=_WHAT)
    .define(TYPES, LIST, [], MEDIUM, "Types of columns of CSV, name:type; the others are text.", group=_WHAT)
)


class DirectorySourceConnector(SimpleSource):
    definition = CONFIG

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [self._props | {TASK_INDEX: str(number), TASK_COUNT: str(max_tasks)} for number in range(max_tasks)]

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        if config[CLEANUP] == MOVE and not config[FINISHED]:
            yield FINISHED, f"{CLEANUP}={MOVE} needs to know where to; or set {CLEANUP} to {DELETE} or {NONE}"
        if not config[HALT] and not config[ERROR]:
            yield ERROR, f"{HALT}=false needs to know where files go that cannot be read"
        if len(config[SEPARATOR]) != 1:
            yield SEPARATOR, "it must be one character"
        if not config[HEADER] and not config[TYPES] and config[FORMAT] == "csv":
            yield TYPES, f"{HEADER}=false needs all columns, with their types"
        for each in config[TYPES]:
            try:
                parse_column(each)
            except ConfigError as error:
                yield TYPES, str(error)
                break

    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or partition.keys() != {FILE}:
                raise ConnectError(f'A partition is {{"{FILE}": path}}')
            if offset is not None and (not isinstance(offset.get(POSITION), int) or VERSION not in offset):
                raise ConnectError(f'An offset is {{"{POSITION}": n, "{VERSION}": as it was}}')
        return True


class _Reading:
    """A file that is read, with one record ahead: the last is to say that it is."""

    def __init__(self, file: StoredFile, stream: IO[bytes], records: Read) -> None:
        self.file = file
        self._stream = stream
        self._records = records
        self._next = next(records, None)
        self._error: Exception | None = None

    def take(self) -> tuple[int, Schema | None, Any, bool] | None:
        """The next, and whether it is the last."""
        if self._error is not None:
            raise self._error
        found = self._next
        if found is None:
            return None
        try:
            self._next = next(self._records, None)
        except (DataError, ConfigError, OSError) as error:
            self._error = error  # of the one behind it
            return *found, False
        return *found, self._next is None

    def close(self) -> None:
        self._stream.close()


class DirectorySourceTask(SourceTask):
    _reading: _Reading | None = None

    def start(self, props: Mapping[str, str]) -> None:
        self._config = config = parse(CONFIG, props, DirectorySourceConnector.problems)
        self._store = open_store(config[INPUT], props)
        self._finished = open_store(config[FINISHED], props) if config[FINISHED] else None
        self._errors = open_store(config[ERROR], props) if config[ERROR] else None
        self._settings = ReadSettings(config[FORMAT], config[SEPARATOR], config[HEADER], tuple(config[TYPES]))
        self._pattern = re.compile(config[PATTERN])
        self._index, self._count = int(props.get(TASK_INDEX, "0")), int(props.get(TASK_COUNT, "1"))
        self._topic: str = config[TOPIC]
        self._waiting: deque[StoredFile] = deque()
        self._known: dict[str, str] = {}
        """The version of each file that is read, waits or failed; forgotten when it goes."""
        self._unwritten: dict[str, int] = {}
        """How many records of each file are not written yet."""
        self._read: dict[str, tuple[StoredFile, Store | None, str]] = {}
        """Files that are read to their end, and what becomes of them: when all their records are written."""
        self._lock = threading.Lock()
        self._look_at = 0.0
        self._failures = 0

    # Reading

    def poll(self) -> list[SourceRecord] | None:
        self._clean_up()
        if self._reading is None and not self._open_next():
            time.sleep(min(WAIT_S, self._config[POLL_WAIT_MS] / 1000))
            return None
        reading = self._reading
        assert reading is not None
        records: list[SourceRecord] = []
        file = reading.file
        partition = {FILE: file.path}
        now_ms = int(time.time() * 1000)
        is_over = False
        while len(records) < self._config[BATCH_SIZE]:
            try:
                found = reading.take()
            except (DataError, ConfigError, OSError) as error:
                if records:  # these first: what is wrong comes again with the next call
                    break
                self._fail(file, error)
                return None
            if found is None:
                is_over = True
                break
            position, schema, value, is_last = found
            offset = {POSITION: position, VERSION: file.version} | ({DONE: True} if is_last else {})
            records.append(SourceRecord(partition, offset, self._topic, None, None, None, schema, value, now_ms))
            is_over = is_last
        with self._lock:
            self._unwritten[file.path] = self._unwritten.get(file.path, 0) + len(records)
        if is_over:
            self._end(self._finished, self._config[CLEANUP])
        return records or None

    def _open_next(self) -> bool:
        if not self._waiting:
            self._look()
        while self._waiting:
            file = self._waiting.popleft()
            stored = self.context.offset_storage_reader.offset({FILE: file.path}) or {}
            if stored.get(VERSION) != file.version:
                stored = {}
            if stored.get(DONE):
                self._read[file.path] = (file, self._finished, self._config[CLEANUP])
                continue
            try:
                stream = self._store.open(file.path)
            except FileNotFoundError:
                continue
            try:
                records = read(file.path, stream, stored.get(POSITION, 0), self._settings)
                self._reading = _Reading(file, stream, records)
            except (DataError, ConfigError, OSError) as error:
                stream.close()
                self._fail(file, error)
                continue
            return True
        return False

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + self._config[POLL_WAIT_MS] / 1000
        try:
            files = self._store.list(recursive=self._config[RECURSIVE])
        except Exception as error:
            self._failures += 1
            text = f"the files in {self._config[INPUT]} cannot be listed: {error or type(error).__name__}"
            if self._failures < LISTING_TRIES:
                raise RetriableError(text) from error
            raise ConnectError(text) from error
        self._failures = 0
        there = {file.path for file in files}
        for path in [each for each in self._known if each not in there]:
            del self._known[path]
        oldest = time.time() - self._config[MIN_AGE_MS] / 1000
        for file in files:
            if self._is_mine(file.path) and self._known.get(file.path) != file.version:
                if self._config[MIN_AGE_MS] and file.modified_s > oldest:
                    continue
                self._known[file.path] = file.version
                self._waiting.append(file)

    def _is_mine(self, path: str) -> bool:
        if self._pattern.fullmatch(path.rpartition("/")[2]) is None:
            return False
        return self._count <= 1 or zlib.crc32(path.encode("utf-8", "surrogateescape")) % self._count == self._index

    def _fail(self, file: StoredFile, error: Exception) -> None:
        if self._config[HALT]:
            raise ConnectError(f"{file.path} in {self._config[INPUT]} cannot be read: {error}") from error
        _log.error("%s cannot be read, and goes to %s: %s", file.path, self._config[ERROR], error)
        if self._reading is None:
            self._read[file.path] = (file, self._errors, MOVE)
        else:
            self._end(self._errors, MOVE)

    def _end(self, target: Store | None, policy: str) -> None:
        assert self._reading is not None
        self._reading.close()
        file = self._reading.file
        self._reading = None
        self._read[file.path] = (file, target, policy)

    # What becomes of files

    def commit_record(self, record: SourceRecord, _metadata: RecordMetadata | None) -> None:
        assert record.source_partition is not None
        path = record.source_partition[FILE]
        with self._lock:
            self._unwritten[path] = self._unwritten.get(path, 0) - 1

    def _clean_up(self) -> None:
        for path in list(self._read):
            with self._lock:
                if self._unwritten.get(path, 0) > 0:
                    continue
                self._unwritten.pop(path, None)
            file, target, policy = self._read.pop(path)
            try:
                if policy == DELETE:
                    self._store.delete(file.path)
                elif policy == MOVE and target is not None:
                    self._store.move(file.path, target, file.path)
            except Exception as error:
                text = f"{file.path} is read, and cannot be moved out of {self._config[INPUT]}: {error}"
                raise ConnectError(text) from error

    def stop(self) -> None:
        if self._reading is not None:
            self._reading.close()


DirectorySourceConnector.task = DirectorySourceTask
