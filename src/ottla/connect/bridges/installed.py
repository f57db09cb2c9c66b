"""Where a bridge's plugin is, and how it is configured: what is the same for Singer's, Airbyte's and Java's.

`connector.class` is the name of a plugin that is installed (`ottla connectors install`), or the bridge's own, which is
then told where the program is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import PASSWORD, ConfigDef, ConfigValue
from ottla.connect.api.errors import ConfigError
from ottla.connect.bridges.plugin_spec import define_settings, read_settings, wrong_settings
from ottla.connect.catalogue.home import InstalledConnector, InstalledPlugin, PluginError, PluginHome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONNECTOR_CLASS: Final = "connector.class"


class Installed(NamedTuple):
    plugin: InstalledPlugin
    connector: InstalledConnector


def find_installed(kind: str, name: str) -> Installed | None:
    """`ConfigError` where it cannot be read."""
    try:
        found = PluginHome().connector(kind, name)
    except PluginError as error:
        raise ConfigError.of(CONNECTOR_CLASS, name, str(error)) from error
    return None if found is None else Installed(*found)


class PluginSettings:
    """`PREFIX`: all of them as one JSON object; `PREFIX.name`: one of them, which goes before that."""

    def __init__(self, prefix: str, spec: Any) -> None:
        self._prefix = prefix
        self._spec: Mapping[str, Any] | None = spec if isinstance(spec, dict) else None

    def define(self, definition: ConfigDef) -> None:
        if self._spec is not None:
            define_settings(definition, self._prefix, self._spec)

    def read(self, props: Mapping[str, str | None]) -> dict[str, Any]:
        """`ConfigError` names the key."""
        whole: dict[str, Any] = {}
        text = props.get(self._prefix)
        if text:
            try:
                found = json.loads(text)
            except ValueError as error:
                raise ConfigError(f"{self._prefix} is no JSON: {error}") from None
            if not isinstance(found, dict):
                raise ConfigError(f"{self._prefix} is no JSON object")
            whole = found
        return _merged(whole, read_settings(self._texts(props), self._spec, self._prefix))

    def _texts(self, props: Mapping[str, str | None]) -> dict[str, str]:
        start = f"{self._prefix}."
        return {
            key.removeprefix(start): text for key, text in props.items() if text is not None and key.startswith(start)
        }

    def validate(self, definition: ConfigDef, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """What is to be said of each key: what `definition` says, and what the plugin's own specification does."""
        try:
            settings = self.read(props)
        except ConfigError as error:
            values = definition.validate(props)
            for name, unread in values.items():  # what else there is nobody knows
                if name.startswith(f"{self._prefix}.") and name not in props:
                    unread.error_messages.clear()
            wrong_key = self._key_of(values, str(error))
            if not wrong_key.error_messages:
                wrong_key.add_error_message(str(error))
            return list(values.values())
        values = definition.validate({**self._flattened(settings, definition), **props})
        if self._spec is not None:
            for wrong in wrong_settings(self._spec, settings):
                value = self._value_of(values, wrong.path)
                if not value.error_messages:
                    path = f"{self._prefix}.{wrong.path}" if wrong.path else self._prefix
                    value.add_error_message(f"Invalid value for configuration {path}: {wrong.message}")
        return list(values.values())

    def _flattened(self, settings: Mapping[str, Any], definition: ConfigDef) -> dict[str, str | None]:
        """What the whole says of keys that have one of their own, so that none is missed that is there."""
        found: dict[str, str | None] = {}
        start = f"{self._prefix}."
        for key in definition.config_keys:
            if key.startswith(start):
                value = _found(settings, key.removeprefix(start))
                if value is not None:
                    found[key] = value if isinstance(value, str) else json.dumps(value)
        return found

    def _value_of(self, values: dict[str, ConfigValue], path: str) -> ConfigValue:
        """Of the setting, or of the nearest that it is within."""
        path = path.partition("[")[0]
        while path:
            found = values.get(f"{self._prefix}.{path}")
            if found is not None:
                return found
            path = path.rpartition(".")[0]
        return values.setdefault(self._prefix, ConfigValue(self._prefix))

    def _key_of(self, values: dict[str, ConfigValue], message: str) -> ConfigValue:
        named = [key for key in values if f"configuration {key}:" in message]
        return values.setdefault(named[0] if named else self._prefix, ConfigValue(self._prefix))


def require_valid(values: Iterable[ConfigValue]) -> None:
    """`ConfigError` of the first that is wrong."""
    for value in values:
        if value.error_messages:
            raise ConfigError(value.error_messages[0])


def _found(settings: Mapping[str, Any], path: str) -> Any:
    """Of `a.b`: what is called so, or `b` within `a`."""
    if path in settings:
        return settings[path]
    first, _, rest = path.partition(".")
    inner = settings.get(first)
    return _found(inner, rest) if rest and isinstance(inner, dict) else None


def _merged(whole: dict[str, Any], single: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in single.items():
        known = whole.get(name)
        whole[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return whole


def define_whole(definition: ConfigDef, prefix: str, importance: Any, documentation: str) -> ConfigDef:
    return definition.define(prefix, PASSWORD, None, importance, documentation, group="Plugin", order_in_group=0)
