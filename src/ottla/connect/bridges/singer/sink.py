"""A Singer target as a sink: records are lines of its input; what it has stored is known when it ends well.

Many targets keep what they read until their input ends. So where offsets are to be committed the target's input is
closed, and when it has ended with status 0 all that it was given is stored; the next record starts it again. One that
fails or hangs fails the task, and whatever is not committed comes again.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, ClassVar, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, LIST, LOW, MEDIUM, STRING, ConfigDef, ConfigValue
from ottla.connect.api.connector import SinkConnector, TopicPartition
from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.task import SinkTask
from ottla.connect.api.validators import NonEmptyString, ValidString
from ottla.connect.bridges.batch_config import IDLE_TIMEOUT
from ottla.connect.bridges.installed import PluginSettings, require_valid
from ottla.connect.bridges.plugin_process import PluginProcess
from ottla.connect.bridges.private_folder import PrivateFolder
from ottla.connect.bridges.singer.lines import NONE, RECORD_KEY, RECORD_VALUE, TargetLines
from ottla.connect.bridges.singer.program import SETTINGS, base_config, find_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.bridges.installed import Installed

_log = logging.getLogger("ottla.connect.plugin")
STREAM_FORMAT: Final = "stream.name.format"
PK_MODE: Final = "pk.mode"
PK_FIELDS: Final = "pk.fields"
DELETE_ENABLED: Final = "delete.enabled"
OFFSETS: Final = "kafka_offsets"


def _config(installed: Installed | None) -> ConfigDef:
    definition = base_config(installed)
    definition.define(
        STREAM_FORMAT,
        STRING,
        "${topic}",
        MEDIUM,
        "The name of the stream: `${topic}` is the topic's.",
        validator=NonEmptyString(),
    )
    definition.define(
        PK_MODE,
        STRING,
        NONE,
        HIGH,
        "Where the key properties of the target come from: the record's key, its value, or nowhere.",
        validator=ValidString(NONE, RECORD_KEY, RECORD_VALUE),
    )
    definition.define(PK_FIELDS, LIST, "", MEDIUM, "Which fields they are; of a key by default all.")
    definition.define(
        DELETE_ENABLED,
        BOOLEAN,
        False,
        LOW,
        "Whether a record without a value is a deletion (`_sdc_deleted_at`); otherwise it is an error.",
    )
    PluginSettings(SETTINGS, None if installed is None else installed.connector.spec).define(definition)
    return definition


class SingerSinkConnector(SinkConnector):
    """Any target: `singer.executable` names it. Those that are installed are each a class of it."""

    installed: ClassVar[Installed | None] = None

    def start(self, props: Mapping[str, str]) -> None:
        require_valid(self.validate(props))
        self._props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return SingerSinkTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props) for _ in range(max_tasks)]

    def config(self) -> ConfigDef:
        return _config(self.installed)

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        settings = PluginSettings(SETTINGS, None if self.installed is None else self.installed.connector.spec)
        values = settings.validate(self.config(), props)
        by_name = {value.name: value for value in values}
        mode, fields = by_name[PK_MODE].value, by_name[PK_FIELDS].value
        if mode == RECORD_VALUE and not fields:
            by_name[PK_FIELDS].add_error_message(f"{PK_MODE}={RECORD_VALUE} needs the names of the fields")
        if by_name[DELETE_ENABLED].value is True and mode != RECORD_KEY:
            by_name[DELETE_ENABLED].add_error_message(f"a deletion is known by its key: set {PK_MODE}={RECORD_KEY}")
        return values

    def alter_offsets(self, _props: Mapping[str, str], _offsets: Mapping[TopicPartition, int | None]) -> bool:
        return True


class SingerSinkTask(SinkTask):
    _process: PluginProcess | None = None
    _files: PrivateFolder | None = None
    _failure: ConnectError | None = None
    """Of a flush, after which records come again, without end: the next `put` ends the task instead."""

    def start(self, props: Mapping[str, str]) -> None:
        program = find_program("sink", props)
        values = _config(None).parse({**props, "singer.executable": program.path})
        self._program = program
        self._idle_timeout_s = values[IDLE_TIMEOUT] / 1000
        self._files = PrivateFolder(program.name)
        self._settings_file = self._files.write_json("config.json", program.settings.read(props))
        self._lines = TargetLines(
            values[STREAM_FORMAT], values[PK_MODE], values[PK_FIELDS], deletes=values[DELETE_ENABLED]
        )

    def put(self, records: Sequence[SinkRecord]) -> None:
        if self._failure is not None:
            raise self._failure
        if not records:
            return
        if self._process is None:
            command = [self._program.path, "--config", self._settings_file]
            # In the worker's own folder: some targets know no other place to write to.
            self._process = PluginProcess(command, self._program.name, with_input=True)
            self._lines.begin()
        lines = []
        for record in records:
            try:
                lines.append(self._lines.of(record))
            except DataError as error:
                reporter = self.context.errant_record_reporter
                if reporter is None:
                    raise
                reporter.report(record, error)
        self._process.write("".join(lines).encode(), self._idle_timeout_s)
        self._hear()

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        process = self._process
        if process is None:
            return
        where = {f"{topic}-{partition}": offset for (topic, partition), offset in offsets.items()}
        state = json.dumps({"type": "STATE", "value": {OFFSETS: where}}, separators=(",", ":"))
        try:
            process.write(f"{state}\n".encode(), self._idle_timeout_s)
        except ConnectError as error:
            self._failure = error
            raise
        process.close_input()
        while True:
            lines = process.read_lines(self._idle_timeout_s)
            if lines is None:
                raise self._failed(f"has not stored what it was given within {self._idle_timeout_s:g} s and is ended")
            if not lines:
                break
            self._note(lines)
        status = process.wait(self._idle_timeout_s)
        if status != 0:
            raise self._failed(f"ended {process.how_it_ended()}")
        self._end()

    def stop(self) -> None:
        self._end()
        if self._files is not None:
            self._files.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _failed(self, what: str) -> ConnectError:
        assert self._process is not None
        words = self._process.last_words()
        self._end()
        self._failure = ConnectError(f"{self._program.name} {what}{words}")
        return self._failure

    def _hear(self) -> None:
        assert self._process is not None
        while lines := self._process.read_lines(0):
            self._note(lines)

    def _note(self, lines: list[bytes]) -> None:
        """States, which are known without: the target says them again when it has stored what came before."""
        for line in lines:
            if line.strip() and not line.lstrip().startswith(b"{"):
                _log.info("%s: %s", self._program.name, line.decode("utf-8", "replace"))
