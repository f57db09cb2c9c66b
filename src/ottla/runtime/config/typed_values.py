"""Typed access to the values of a set of configs."""

from collections.abc import Iterator, Mapping

from ottla.runtime.config.definition import DOUBLE, INT, LONG, SHORT, ConfigDefinition, Definitions, Value

_INTEGERS = (INT, SHORT, LONG)


class TypedValues:
    """Values by name, each with a getter of its type; defaults where nothing is set.

    `KeyError` for a name that is not defined and `TypeError` for a getter of another type, or for null from a getter
    that is not `optional`: mistakes of the caller, never of the user.
    """

    __slots__ = ("definitions", "values")

    def __init__(self, definitions: Definitions, values: Mapping[str, Value]) -> None:
        self.definitions = definitions
        self.values = values

    def get(self, name: str) -> Value:
        """The value of any type."""
        if name in self.values:
            return self.values[name]
        default = self.definitions[name].default
        if isinstance(default, bool | int | float | str | tuple | None):
            return default
        raise KeyError(f"{name} is required and not set")

    def definition(self, name: str) -> ConfigDefinition:
        return self.definitions[name]

    def get_text(self, name: str) -> str | None:
        """The value as Kafka writes it."""
        return self.definitions[name].format(self.get(name))

    def get_bool(self, name: str) -> bool:
        value = self.get(name)
        if isinstance(value, bool):
            return value
        raise TypeError(f"{name} is no BOOLEAN")

    def get_int(self, name: str) -> int:
        """Of an INT, SHORT or LONG."""
        value = self.get_optional_int(name)
        if value is None:
            raise TypeError(f"{name} is null")
        return value

    def get_optional_int(self, name: str) -> int | None:
        value = self.get(name)
        if self.definitions[name].type in _INTEGERS and (value is None or isinstance(value, int)):
            return value
        raise TypeError(f"{name} is no INT, SHORT or LONG")

    def get_float(self, name: str) -> float:
        value = self.get(name)
        if self.definitions[name].type is DOUBLE and isinstance(value, int | float):
            return float(value)
        raise TypeError(f"{name} is no DOUBLE")

    def get_str(self, name: str) -> str:
        """Of a STRING, CLASS or PASSWORD."""
        value = self.get_optional_str(name)
        if value is None:
            raise TypeError(f"{name} is null")
        return value

    def get_optional_str(self, name: str) -> str | None:
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        raise TypeError(f"{name} is no STRING")

    def get_list(self, name: str) -> tuple[str, ...]:
        """Of a LIST; empty for null."""
        value = self.get(name)
        if value is None:
            return ()
        if isinstance(value, tuple):
            return value
        raise TypeError(f"{name} is no LIST")

    def __iter__(self) -> Iterator[str]:
        """The names of all definitions."""
        return iter(self.definitions)
