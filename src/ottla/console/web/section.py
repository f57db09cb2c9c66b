"""A table of a TOML file, read by name and type; what nobody asked for is a mistake, named with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.console.operations.near_names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConfigError(ValueError):
    """The console cannot run so; the text is one line that names what is wrong, and where."""


class Section:
    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ConfigError(f"{where} is to be a table")
        self._value: Mapping[str, Any] = value
        self._known: list[str] = []
        self.where = where

    def text(self, name: str, default: str | None = None) -> str:
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "a text", value)
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._take(name) is None else self.text(name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._take(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self._wrong(name, f"a number from {low:g} to {high:g}", value)
        return value

    def texts(self, name: str, default: tuple[str, ...] | None = ()) -> tuple[str, ...]:
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(name, "a list of texts", value)
        return tuple(value)

    def strings(self, name: str) -> dict[str, str]:
        value = self._take(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "a table", value)
        return {key: str(each).lower() if isinstance(each, bool) else str(each) for key, each in value.items()}

    def named_texts(self, name: str, only: str) -> dict[str, str]:
        """A table of texts; a single text has the name `only`."""
        if not isinstance(self._take(name), str):
            return self.strings(name)
        return {only: self.text(name)}

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise ConfigError(f"{self.where}: {name} is one of {', '.join(choices)}, not '{value}'")
        return value

    def section(self, name: str) -> Section | None:
        value = self._take(name)
        return None if value is None else Section(value, f"[{name}]")

    def sections(self, name: str) -> list[Section]:
        """`[[name]]`, or a list of tables in a line."""
        value = self._take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ConfigError(f"{self.where}: {name} is a list of tables: write [[{name}]]")
        return [Section(each, f"[[{name}]] number {number}") for number, each in enumerate(value, 1)]

    def end(self) -> None:
        """To be called when all is read."""
        for name in self._value:
            if name not in self._known:
                near = did_you_mean(name, self._known)
                raise ConfigError(f"{self.where} has no '{name}'; there are {', '.join(self._known)}.{near}")

    def _take(self, name: str) -> Any:
        if name not in self._known:
            self._known.append(name)
        return self._value.get(name)

    def _wrong(self, name: str, wanted: str, value: object) -> ConfigError:
        state = "it is missing" if value is None else "it is something else"
        return ConfigError(f"{self.where}: {name} is to be {wanted}; {state}")
