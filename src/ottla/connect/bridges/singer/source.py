"""A Singer tap as a source: run, and run again after `poll.interval.ms` from where it stopped.

The tap has a process and a Python of its own. Its settings, catalog and state stand in files that only this user may
read. Records before a STATE are stored with it: after a crash a tap begins at the last STATE whose records all arrived.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, LIST, LOW, MEDIUM, STRING, ConfigDef, ConfigValue
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import ValidString
from ottla.connect.bridges.batch_config import DATES_AS_TEXT, TOPIC_PREFIX, define_source
from ottla.connect.bridges.batch_source import BatchSourceConnector, BatchSourceTask
from ottla.connect.bridges.checkpoints import Checkpoints
from ottla.connect.bridges.installed import PluginSettings
from ottla.connect.bridges.plugin_process import PluginProcess, run_to_end
from ottla.connect.bridges.private_folder import PrivateFolder
from ottla.connect.bridges.singer.program import SETTINGS, base_config, find_program
from ottla.connect.bridges.singer.selection import read_metadata, select_streams
from ottla.connect.bridges.singer.tap import TAP, TapMessages
from ottla.connect.bridges.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.bridges.installed import Installed

SELECT: Final = "singer.select"
CATALOG: Final = "singer.catalog"
DISCOVER: Final = "singer.discover"
METADATA: Final = "singer.metadata"
ACTIVATE_VERSION: Final = "singer.activate.version"
DISCOVERY_TIMEOUT_S: Final = 600.0
IGNORE: Final = "ignore"
MARKER: Final = "marker"


def _config(installed: Installed | None) -> ConfigDef:
    definition = define_source(base_config(installed))
    definition.define(
        SELECT,
        LIST,
        "*.*",
        MEDIUM,
        "Streams to read, and fields: `stream`, `stream.field` with * and ?; with ! what is left out.",
    )
    definition.define(CATALOG, STRING, None, LOW, "The file of a catalog; by default the tap is asked (--discover).")
    definition.define(
        DISCOVER,
        BOOLEAN,
        True,
        LOW,
        "Whether the tap is asked for its catalog and told what of it is selected; otherwise it reads what it likes.",
    )
    definition.define(
        METADATA, STRING, "{}", LOW, 'More of streams, as JSON: {"STREAM": {"replication-method": "INCREMENTAL"}}.'
    )
    definition.define(
        ACTIVATE_VERSION,
        STRING,
        IGNORE,
        LOW,
        f"What becomes of ACTIVATE_VERSION: {IGNORE}, or {MARKER}: a record without key and value, the version in a "
        "header.",
        validator=ValidString(IGNORE, MARKER),
    )
    PluginSettings(SETTINGS, None if installed is None else installed.connector.spec).define(definition)
    return definition


class SingerSourceConnector(BatchSourceConnector):
    """Any tap: `singer.executable` names it. Those that are installed are each a class of it."""

    def task_class(self) -> type[BatchSourceTask]:
        return SingerSourceTask

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def config(self) -> ConfigDef:
        return _config(self.installed)

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        settings = PluginSettings(SETTINGS, None if self.installed is None else self.installed.connector.spec)
        values = settings.validate(self.config(), props)
        for value in values:
            try:
                if value.name == METADATA and value.value is not None:
                    read_metadata(_json(METADATA, str(value.value)))
            except ConfigError as error:
                value.add_error_message(str(error))
        return values

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or set(partition) != {TAP}:
                raise ConnectError(f'The partition of a tap\'s offset is {{"{TAP}": NAME}}')
            if offset is not None:
                _json("the state of an offset", str(offset.get("state")))
        return True


class SingerSourceTask(BatchSourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        program = find_program("source", props)
        values = _config(None).parse({**props, "singer.executable": program.path})
        self._program = program
        self._values = values
        self._settings = program.settings.read(props)
        self._files = PrivateFolder(program.name)
        self._settings_file = self._files.write_json("config.json", self._settings)
        self._catalog: dict[str, Any] | None = None
        checkpoints = Checkpoints()
        self._tap = TapMessages(
            program.name,
            Topics(values[TOPIC_PREFIX]),
            checkpoints,
            dates_as_text=values[DATES_AS_TEXT],
            marks_versions=values[ACTIVATE_VERSION] == MARKER,
        )
        self._tap.begin(self.context.offset_storage_reader.offset({TAP: program.name}))
        self._run(self._tap, checkpoints, values)

    def begin(self) -> PluginProcess:
        assert self._files is not None
        command = [self._program.path, "--config", self._settings_file]
        if self._catalog is None:
            self._catalog = self._selected_catalog()
        if self._catalog:
            option = "--catalog" if "--catalog" in self._program.options else "--properties"
            command += [option, self._files.write_json("catalog.json", self._catalog)]
        if self._tap.state is not None:
            command += ["--state", self._files.write_json("state.json", self._tap.state)]
        return PluginProcess(command, self._program.name, folder=self._files.path)

    def _selected_catalog(self) -> dict[str, Any]:
        """Empty where the tap knows no catalogs."""
        path, options = self._values[CATALOG], self._program.options
        if "--catalog" not in options and "--properties" not in options:
            return {}
        if not path and not self._values[DISCOVER]:
            return {}
        if path:
            try:
                text = Path(path).read_text("utf-8")
            except OSError as error:
                raise ConfigError.of(CATALOG, path, error.strerror) from error
        elif "--discover" in options:
            command = [self._program.path, "--config", self._settings_file, "--discover"]
            lines = run_to_end(command, f"{self._program.name} --discover", DISCOVERY_TIMEOUT_S)
            text = b"\n".join(lines).decode("utf-8", "replace")
        else:
            return {}
        found = _json("the catalog", text)
        if not isinstance(found, dict):
            raise ConnectError(f"the catalog of {self._program.name} is no object")
        metadata = read_metadata(_json(METADATA, self._values[METADATA]))
        return select_streams(found, self._values[SELECT], metadata)


def _json(what: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{what} is no JSON: {error}") from None
