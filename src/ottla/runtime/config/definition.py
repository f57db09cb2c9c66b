"""The language in which configs are defined: a name, a type, a default, what is valid, how important.

Follows `org.apache.kafka.common.config.ConfigDef`: the same types, the same reading of text, the same writing of
values. A value is what the text means in Python: `bool`, `int`, `float`, `str`, a tuple of `str` for a LIST, or
`None` where Kafka has null.
"""

from collections.abc import Callable, Iterable
from enum import Enum, IntEnum
from typing import Final, NamedTuple, TypeAlias

Value: TypeAlias = bool | int | float | str | tuple[str, ...] | None


class ConfigType(IntEnum):
    """The numbers are those of a DescribeConfigs answer."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class Importance(Enum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class _Required(Enum):
    REQUIRED = "required"


REQUIRED: Final = _Required.REQUIRED
"""In place of a default: there is none, the key must be set."""

BOOLEAN, STRING, INT, SHORT, LONG = (
    ConfigType.BOOLEAN,
    ConfigType.STRING,
    ConfigType.INT,
    ConfigType.SHORT,
    ConfigType.LONG,
)
DOUBLE, LIST, CLASS, PASSWORD = ConfigType.DOUBLE, ConfigType.LIST, ConfigType.CLASS, ConfigType.PASSWORD
HIGH, MEDIUM, LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW

_BITS = {SHORT: 16, INT: 32, LONG: 64}


class ConfigError(ValueError):
    """A value that is refused; the text names the key, the value and what is allowed."""

    def __init__(self, key: str, value: str | None, allowed: str) -> None:
        shown = "null" if value is None else f"'{value}'"
        super().__init__(f"Invalid value {shown} for {key}: {allowed}")
        self.key = key
        self.value = value
        self.allowed = allowed


class Validator(NamedTuple):
    """What is valid: `text` as Kafka prints it, `means` for a person, `accepts` on a value that is not null."""

    text: str
    means: str
    accepts: Callable[[Value], bool]
    null: bool = True


class ConfigDefinition(NamedTuple):
    """One config."""

    name: str
    type: ConfigType
    default: Value | _Required
    validator: Validator | None
    importance: Importance
    internal: bool = False

    @property
    def is_sensitive(self) -> bool:
        """Whether the value is never shown."""
        return self.type is PASSWORD

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    def parse(self, text: str | None) -> Value:
        """What a text means; `ConfigError` if it is not of the type, or not valid."""
        value = None if text is None else self._read(text.strip())
        validator = self.validator
        if validator is None:
            return value
        if not (validator.null if value is None else validator.accepts(value)):
            raise self._error(text)
        return value

    def format(self, value: Value) -> str | None:
        """A value as text, as `ConfigDef.convertToString` writes it. Not for showing a PASSWORD."""
        if value is None:
            return None
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            return ",".join(value)
        if isinstance(value, float):
            return format_double(value)
        return str(value)

    @property
    def allowed(self) -> str:
        """What is allowed, for a person."""
        return " ".join(filter(None, (_TYPE_TEXTS[self.type], self.validator.means if self.validator else "")))

    def _read(self, text: str) -> Value:
        kind = self.type
        if kind is BOOLEAN:
            lower = text.lower()
            if lower not in ("true", "false"):
                raise self._error(text)
            return lower == "true"
        if kind in _BITS:
            return self._read_integer(text)
        if kind is DOUBLE:
            try:
                return float(text.rstrip("dDfF") if text[-1:] in "dDfF" and "n" not in text.lower() else text)
            except ValueError:
                raise self._error(text) from None
        if kind is LIST:
            return tuple(item.strip() for item in text.split(",")) if text else ()
        return text

    def _read_integer(self, text: str) -> int:
        digits = text[1:] if text[:1] in ("+", "-") else text
        limit = 1 << (_BITS[self.type] - 1)
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 100 or not -limit <= int(text) < limit:
            raise self._error(text)
        return int(text)

    def _error(self, text: str | None) -> ConfigError:
        return ConfigError(self.name, "[hidden]" if self.is_sensitive else text, f"it must be {self.allowed}")


Definitions: TypeAlias = dict[str, ConfigDefinition]


def definitions(*configs: ConfigDefinition) -> Definitions:
    """By name, in the order given."""
    return {config.name: config for config in configs}


def parse_all(known: Definitions, texts: Iterable[tuple[str, str | None]]) -> dict[str, Value]:
    """The values of the texts whose keys are known; `ConfigError` for the first that is refused."""
    return {name: known[name].parse(text) for name, text in texts if name in known}


def format_double(value: float) -> str:
    """As Java's `Double.toString`: plain from 0.001 to 10,000,000, else with an exponent, always with a point."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = format(value, "e").partition("e")
    for digits in range(17):
        text = f"{value:.{digits}e}"
        if float(text) == value:
            mantissa, _, exponent = text.partition("e")
            break
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


_TYPE_TEXTS = {
    BOOLEAN: "true or false",
    STRING: "a text",
    INT: "an integer (32 bits)",
    SHORT: "an integer (16 bits)",
    LONG: "an integer (64 bits)",
    DOUBLE: "a number",
    LIST: "a list (with commas)",
    CLASS: "a class name",
    PASSWORD: "a text",
}
