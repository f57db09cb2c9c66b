"""Which values a key may have (validators of `ConfigDef`): each raises `ConfigError`; `str()` says what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.api.config_def import Validator


class Range:
    """`Range(0)`, `Range(1, 10)`: a number that is not null."""

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self._low = low
        self._high = high

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is None:
            raise ConfigError.of(name, None, "Value must be non-null")
        if self._low is not None and value < self._low:
            raise ConfigError.of(name, value, f"Value must be at least {self._low}")
        if self._high is not None and value > self._high:
            raise ConfigError.of(name, value, f"Value must be no more than {self._high}")

    def __str__(self) -> str:
        low = f"{self._low}," if self._low is not None else ""
        high = f",{self._high}" if self._high is not None else ""
        return f"[{low}...{high}]"


class ValidString:
    """One of these, to the letter."""

    def __init__(self, *valid: str) -> None:
        self._valid = valid

    def ensure_valid(self, name: str, value: Any) -> None:
        if value not in self._valid:
            raise ConfigError.of(name, value, "String must be one of: " + ", ".join(self._valid))

    def __str__(self) -> str:
        return "[" + ", ".join(self._valid) + "]"


class CaseInsensitiveValidString:
    """One of these, in whatever case."""

    def __init__(self, *valid: str) -> None:
        self._valid = tuple(each.upper() for each in valid)

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is None or value.upper() not in self._valid:
            raise ConfigError.of(name, value, "String must be one of (case insensitive): " + ", ".join(self._valid))

    def __str__(self) -> str:
        return "(case insensitive) [" + ", ".join(self._valid) + "]"


class ValidList:
    """A list without duplicates and empty texts, of these if any are given (KIP-1161)."""

    def __init__(self, *valid: str, empty_allowed: bool = True, null_allowed: bool = False) -> None:
        self._valid = valid
        self._empty_allowed = empty_allowed
        self._null_allowed = null_allowed

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is None:
            if self._null_allowed:
                return
            raise ConfigError(f"Configuration '{name}' values must not be null.")
        if not value and not self._empty_allowed:
            which = str(self) if self._valid else "any non-empty value"
            raise ConfigError(f"Configuration '{name}' must not be empty. Valid values include: {which}")
        if len(set(value)) != len(value):
            raise ConfigError(f"Configuration '{name}' values must not be duplicated.")
        if any(each == "" for each in value):
            raise ConfigError(f"Configuration '{name}' values must not be empty.")
        if self._valid:
            for each in value:
                ValidString(*self._valid).ensure_valid(name, each)

    def __str__(self) -> str:
        return "[" + ", ".join(self._valid) + "]" if self._valid else ""


class NonNullValidator:
    def ensure_valid(self, name: str, value: Any) -> None:
        if value is None:
            raise ConfigError.of(name, None, "entry must be non null")

    def __str__(self) -> str:
        return "non-null string"


class NonEmptyString:
    def ensure_valid(self, name: str, value: Any) -> None:
        if value == "":
            raise ConfigError.of(name, value, "String must be non-empty")

    def __str__(self) -> str:
        return "non-empty string"


class NonEmptyStringWithoutControlChars:
    """What may be a connector's name; null is looked at elsewhere."""

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is None:
            return
        if not value:
            raise ConfigError.of(name, value, "String may not be empty")
        control = [str(ord(each)) for each in value if ord(each) < 32 or 127 <= ord(each) < 160]
        if control:
            why = "String may not contain control sequences but had the following ASCII chars: " + ", ".join(control)
            raise ConfigError.of(name, value, why)

    def __str__(self) -> str:
        return "non-empty string without ISO control characters"


class ListSize:
    """A list of at most so many elements."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is not None and len(value) > self._max_size:
            raise ConfigError.of(name, value, f"exceeds maximum list size of [{self._max_size}].")

    def __str__(self) -> str:
        return f"List containing maximum of {self._max_size} elements"


class CompositeValidator:
    """Each of these, in turn."""

    def __init__(self, *validators: Validator) -> None:
        self._validators = validators

    def ensure_valid(self, name: str, value: Any) -> None:
        for validator in self._validators:
            validator.ensure_valid(name, value)

    def __str__(self) -> str:
        return ", ".join(map(str, self._validators))


class LambdaValidator:
    """A function `(name, value)` that raises `ConfigError`, and a text that says what it takes."""

    def __init__(self, ensure_valid: Callable[[str, Any], None], text: str) -> None:
        self._ensure_valid = ensure_valid
        self._text = text

    def ensure_valid(self, name: str, value: Any) -> None:
        self._ensure_valid(name, value)

    def __str__(self) -> str:
        return self._text
