"""An Airbyte source as a source of Connect: checked, discovered, read, and read again after `poll.interval.ms`.

It has a process and a Python of its own, and its settings are validated by its own specification. A manifest (YAML) is
run by Airbyte's CDK. Each stream goes on from its last state whose records all arrived. With more tasks than one the
streams are divided among them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import (
    BOOLEAN,
    HIGH,
    LIST,
    LOW,
    MEDIUM,
    STRING,
    ConfigDef,
    ConfigValue,
)
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import ValidString
from ottla.connect.bridges.airbyte.catalog import AUTO, FULL_REFRESH, choose_streams, configured_catalog, stream_key
from ottla.connect.bridges.airbyte.program import EXECUTABLE, MANIFEST, SETTINGS, AirbyteProgram, find_program
from ottla.connect.bridges.airbyte.reading import GLOBAL, STREAM, Reading
from ottla.connect.bridges.batch_config import (
    DATES_AS_TEXT,
    TOPIC_PREFIX,
    define_idle_timeout,
    define_source,
)
from ottla.connect.bridges.batch_source import BatchSourceConnector, BatchSourceTask
from ottla.connect.bridges.checkpoints import Checkpoints
from ottla.connect.bridges.installed import PluginSettings, define_whole
from ottla.connect.bridges.plugin_process import PluginProcess
from ottla.connect.bridges.private_folder import PrivateFolder
from ottla.connect.bridges.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.bridges.installed import Installed

STREAMS: Final = "airbyte.streams"
SYNC_MODE: Final = "airbyte.sync.mode"
CURSORS: Final = "airbyte.cursor.fields"
CHECK: Final = "airbyte.check"
TASK_STREAMS: Final = "airbyte.task.streams"


def _config(installed: Installed | None, spec: Any = None) -> ConfigDef:
    definition = ConfigDef()
    if installed is None:
        definition.define(EXECUTABLE, STRING, None, HIGH, "The program: a path, or a name on the PATH.", group="Plugin")
        definition.define(MANIFEST, STRING, None, HIGH, "Or the file of a manifest, YAML or JSON.", group="Plugin")
    define_whole(
        definition,
        SETTINGS,
        HIGH,
        f"The source's own settings as a JSON object. `{SETTINGS}.NAME` sets one of them.",
    )
    define_source(definition)
    definition.define(STREAMS, LIST, "*", MEDIUM, "Streams to read, with * and ?; with ! what is left out.")
    definition.define(
        SYNC_MODE,
        STRING,
        AUTO,
        MEDIUM,
        f"{AUTO}: what is new, where the source knows; {FULL_REFRESH}: everything, each time.",
        validator=ValidString(AUTO, FULL_REFRESH),
    )
    definition.define(
        CURSORS, STRING, "{}", LOW, 'Fields to read on by, as JSON: {"STREAM": "FIELD"}, where the source asks for it.'
    )
    definition.define(CHECK, BOOLEAN, True, LOW, "Whether a task checks the connection before it reads.")
    define_idle_timeout(definition)
    PluginSettings(SETTINGS, spec if installed is None else installed.connector.spec).define(definition)
    return definition


class AirbyteSourceConnector(BatchSourceConnector):
    """Any source: `airbyte.executable` or `airbyte.manifest` names it. Those that are installed are a class each."""

    def task_class(self) -> type[BatchSourceTask]:
        return AirbyteSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        if max_tasks == 1:
            return [dict(self._props)]
        program = find_program(self._props)
        files = PrivateFolder(program.name)
        try:
            settings_file = program.write_settings(files, program.settings.read(self._props))
            streams = program.discover(settings_file, files.path)
        finally:
            files.close()
        patterns = _config(None).parse(self._props)[STREAMS]
        names = [stream_key(each["name"], each.get("namespace")) for each in choose_streams(streams, patterns)]
        groups = [names[number::max_tasks] for number in range(min(max_tasks, len(names)))]
        return [{**self._props, TASK_STREAMS: json.dumps(group)} for group in groups]

    def config(self) -> ConfigDef:
        return _config(self.installed)

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        if self.installed is not None:
            values = PluginSettings(SETTINGS, self.installed.connector.spec).validate(self.config(), props)
        else:
            values = self._validate_program(props)
        by_name = {value.name: value for value in values}
        try:
            _cursors(str(by_name[CURSORS].value or "{}"))
        except ConfigError as error:
            by_name[CURSORS].add_error_message(str(error))
        return values

    def _validate_program(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """By the specification of the program that is named; that it can be started is part of it."""
        wrong: dict[str, str] = {}
        spec = None
        if bool(props.get(EXECUTABLE)) is bool(props.get(MANIFEST)):
            text = f"one of {EXECUTABLE} and {MANIFEST} must be set"
            wrong = {EXECUTABLE: text, MANIFEST: text}
        else:
            try:
                spec = find_program(props).spec
            except ConnectError as error:
                wrong = {EXECUTABLE if props.get(EXECUTABLE) else MANIFEST: str(error)}
        values = PluginSettings(SETTINGS, spec).validate(_config(None, spec), props)
        for value in values:
            if value.name in wrong:
                value.add_error_message(wrong[value.name])
        return values

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or set(partition) not in ({STREAM}, {GLOBAL}):
                raise ConnectError(f'The partition of such an offset is {{"{STREAM}": NAME}} or {{"{GLOBAL}": SOURCE}}')
            if offset is not None and set(offset) != {"state"}:
                raise ConnectError('Such an offset is {"state": "JSON"}')
        return True


class AirbyteSourceTask(BatchSourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        program = find_program(props)
        values = _config(None).parse(props)
        self._program = program
        self._files = PrivateFolder(program.name)
        self._settings_file = program.write_settings(self._files, program.settings.read(props))
        if values[CHECK]:
            program.check(self._settings_file, self._files.path)
        streams = choose_streams(program.discover(self._settings_file, self._files.path), values[STREAMS])
        if TASK_STREAMS in props:
            mine = set(json.loads(props[TASK_STREAMS]))
            streams = [each for each in streams if stream_key(each["name"], each.get("namespace")) in mine]
        catalog = configured_catalog(streams, values[SYNC_MODE], _cursors(values[CURSORS]))
        self._catalog_file = self._files.write_json("catalog.json", catalog)
        checkpoints = Checkpoints()
        self._reading = Reading(
            program.name,
            streams,
            Topics(values[TOPIC_PREFIX]),
            checkpoints,
            dates_as_text=values[DATES_AS_TEXT],
        )
        self._reading.begin(self.context.offset_storage_reader.offsets(self._reading.partitions))
        self._run(self._reading, checkpoints, values)

    def begin(self) -> PluginProcess:
        assert self._files is not None
        program: AirbyteProgram = self._program
        command = [program.path, "read", "--config", self._settings_file, "--catalog", self._catalog_file]
        states = self._reading.begin_run()
        if states:
            whole = states[0]["data"] if len(states) == 1 and states[0].get("type") == "LEGACY" else states
            command += ["--state", self._files.write_json("state.json", whole)]
        return PluginProcess(command, program.name, folder=self._files.path)

    def end(self) -> list[SourceRecord]:
        if self._reading.error is not None:
            raise ConnectError(f"{self._program.name} failed: {self._reading.error}")
        return super().end()

    def reason(self) -> str:
        return self._reading.error or ""


def _cursors(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{CURSORS} is no JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ConfigError(f'{CURSORS} must be {{"STREAM": "FIELD"}} in JSON')
    return found
