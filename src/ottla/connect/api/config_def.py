"""What may be configured (`org.apache.kafka.common.config.ConfigDef`), and what is wrong with what is (`ConfigValue`).

A definition is built once: `ConfigDef().define("file", STRING, None, HIGH, "The file to read.")`. `parse` makes typed
values or raises; `validate` says of each key its value, its errors, what is recommended, and whether it is to be shown,
which is what `PUT /connector-plugins/…/config/validate` answers (`ConfigKey.info()`, `ConfigValue.info(kind)`).

A key of type CLASS takes a class or its name; nothing is loaded here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ConfigType(Enum):
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    SHORT = "SHORT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"


class Importance(Enum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Width(Enum):
    NONE = "NONE"
    SHORT = "SHORT"
    MEDIUM = "MEDIUM"
    LONG = "LONG"


class NoDefault(Enum):
    """The default of a key that must be set."""

    NO_DEFAULT_VALUE = "no default"


NO_DEFAULT_VALUE: Final = NoDefault.NO_DEFAULT_VALUE
BOOLEAN, STRING, INT, SHORT = ConfigType.BOOLEAN, ConfigType.STRING, ConfigType.INT, ConfigType.SHORT
LONG, DOUBLE, LIST = ConfigType.LONG, ConfigType.DOUBLE, ConfigType.LIST
CLASS, PASSWORD = ConfigType.CLASS, ConfigType.PASSWORD
HIGH, MEDIUM, LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW

_BITS: Final = {SHORT: 16, INT: 32, LONG: 64}
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_FLOATING: Final = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?|NaN|Infinity)")
_COMMA: Final = re.compile(r"\s*,\s*", re.ASCII)
_BLANKS: Final = "".join(map(chr, range(33)))
"""What Java's `trim()` cuts off."""


class Password:
    """A value that no text shows."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Password) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return "[hidden]"


class Validator(Protocol):
    """Raises `ConfigError` for a value that may not be; its `str()` says which may."""

    def ensure_valid(self, name: str, value: Any) -> None: ...


class Recommender(Protocol):
    """What may be chosen for a key, given the others, and whether it has a meaning at all then."""

    def valid_values(self, name: str, parsed: Mapping[str, Any]) -> Sequence[object]: ...

    def visible(self, name: str, parsed: Mapping[str, Any]) -> bool: ...


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One key. `group`, `order_in_group`, `width` and `display_name` are for who draws a form of it."""

    name: str
    type: ConfigType
    default_value: object
    validator: Validator | None
    importance: Importance
    documentation: str
    group: str | None = None
    order_in_group: int = -1
    width: Width = Width.NONE
    display_name: str = ""
    dependents: tuple[str, ...] = ()
    recommender: Recommender | None = None
    internal: bool = False

    @property
    def has_default(self) -> bool:
        return self.default_value is not NO_DEFAULT_VALUE

    def info(self) -> dict[str, Any]:
        """`ConfigKeyInfo` of Connect's REST API."""
        return {
            "name": self.name,
            "type": self.type.value,
            "required": not self.has_default,
            "default_value": config_text(self.default_value, self.type) if self.has_default else None,
            "importance": self.importance.value,
            "documentation": self.documentation,
            "group": self.group,
            "order_in_group": self.order_in_group,
            "width": self.width.value,
            "display_name": self.display_name,
            "dependents": list(self.dependents),
        }


@dataclass(slots=True)
class ConfigValue:
    """What a configuration says of one key, and what is wrong with it."""

    name: str
    value: object = None
    recommended_values: list[object] = field(default_factory=list)
    error_messages: list[str] = field(default_factory=list)
    visible: bool = True

    def add_error_message(self, message: str) -> None:
        self.error_messages.append(message)

    def info(self, kind: ConfigType | None = None) -> dict[str, Any]:
        """`ConfigValueInfo` of Connect's REST API; of a list it shows the elements one by one as recommendations."""
        element = STRING if kind is LIST else kind
        return {
            "name": self.name,
            "value": config_text(self.value, kind),
            "recommended_values": [config_text(each, element) for each in self.recommended_values],
            "errors": list(self.error_messages),
            "visible": self.visible,
        }


class ConfigDef:
    """Keys in the order in which they were defined."""

    def __init__(self, base: ConfigDef | None = None) -> None:
        self.config_keys: dict[str, ConfigKey] = dict(base.config_keys) if base else {}
        self.groups: list[str] = list(base.groups) if base else []

    def define(
        self,
        name: str,
        kind: ConfigType,
        default_value: object,
        importance: Importance,
        documentation: str,
        *,
        validator: Validator | None = None,
        group: str | None = None,
        order_in_group: int = -1,
        width: Width = Width.NONE,
        display_name: str | None = None,
        dependents: Sequence[str] = (),
        recommender: Recommender | None = None,
        internal: bool = False,
    ) -> ConfigDef:
        """Add a key; `NO_DEFAULT_VALUE` for one that must be set. The default must be valid itself."""
        if default_value is not NO_DEFAULT_VALUE:
            default_value = parse_type(name, default_value, kind)
            if validator is not None:
                validator.ensure_valid(name, default_value)
        return self.define_key(
            ConfigKey(
                name,
                kind,
                default_value,
                validator,
                importance,
                documentation,
                group,
                order_in_group,
                width,
                display_name if display_name is not None else name,
                tuple(dependents),
                recommender,
                internal,
            )
        )

    def define_key(self, key: ConfigKey) -> ConfigDef:
        if key.name in self.config_keys:
            raise ConfigError(f"Configuration {key.name} is defined twice.")
        if key.group is not None and key.group not in self.groups:
            self.groups.append(key.group)
        self.config_keys[key.name] = key
        return self

    def names(self) -> list[str]:
        return list(self.config_keys)

    def default_values(self) -> dict[str, object]:
        return {name: key.default_value for name, key in self.config_keys.items() if key.has_default}

    def parse(self, props: Mapping[str, object]) -> dict[str, Any]:
        """Every key's value. Raises `ConfigError` for the first that is missing or wrong."""
        undefined = self._undefined_dependents()
        if undefined:
            raise ConfigError("Some configurations are dependents of others, but not defined: " + ",".join(undefined))
        return {name: self._parse_value(key, props) for name, key in self.config_keys.items()}

    def _parse_value(self, key: ConfigKey, props: Mapping[str, object]) -> object:
        if key.name in props:
            value = parse_type(key.name, props[key.name], key.type)
        elif not key.has_default:
            raise ConfigError(_missing(key.name))
        else:
            value = key.default_value
        if key.validator is not None:
            key.validator.ensure_valid(key.name, value)
        return value

    def validate(self, props: Mapping[str, str | None]) -> dict[str, ConfigValue]:
        """What is to be said of each key, wrong or not; never raises for what `props` say."""
        values = {name: ConfigValue(name) for name in self.config_keys}
        for name in self._undefined_dependents():
            message = f"{name} is referred in the dependents, but not defined."
            values[name] = ConfigValue(name, error_messages=[message], visible=False)
        parsed: dict[str, Any] = {}
        order = self._parents_first()
        for name in order:
            self._parse_for_validate(self.config_keys[name], props, parsed, values[name])
        for name in order:
            self._recommend(self.config_keys[name], parsed, values[name])
        return values

    def _parse_for_validate(
        self, key: ConfigKey, props: Mapping[str, str | None], parsed: dict[str, Any], config: ConfigValue
    ) -> None:
        value: object = None
        if key.name in props:
            try:
                value = parse_type(key.name, props[key.name], key.type)
            except ConfigError as error:
                config.add_error_message(str(error))
        elif not key.has_default:
            config.add_error_message(_missing(key.name))
        else:
            value = key.default_value
        if key.validator is not None:
            try:
                key.validator.ensure_valid(key.name, value)
            except ConfigError as error:
                config.add_error_message(str(error))
        config.value = value
        parsed[key.name] = value

    def _recommend(self, key: ConfigKey, parsed: dict[str, Any], config: ConfigValue) -> None:
        if key.recommender is None:
            return
        try:
            config.recommended_values = list(key.recommender.valid_values(key.name, parsed))
            config.visible = key.recommender.visible(key.name, parsed)
        except ConfigError as error:
            config.add_error_message(str(error))

    def embed(self, key_prefix: str, group_prefix: str, starting_order: int, child: ConfigDef) -> None:
        """All keys of another definition, each behind the prefix; a group is named after the prefix, too."""
        for place, key in enumerate(sorted(child.config_keys.values(), key=child._rank)):
            self.define_key(
                ConfigKey(
                    key_prefix + key.name,
                    key.type,
                    key.default_value,
                    _Embedded(key_prefix, validator=key.validator) if key.validator is not None else None,
                    key.importance,
                    key.documentation,
                    group_prefix if key.group is None else f"{group_prefix}: {key.group}",
                    starting_order + place,
                    key.width,
                    key.display_name,
                    tuple(key_prefix + dependent for dependent in key.dependents),
                    _EmbeddedRecommender(key_prefix, key.recommender) if key.recommender is not None else None,
                    key.internal,
                )
            )

    def _rank(self, key: ConfigKey) -> tuple[int, int, bool, int, str]:
        """Kafka's order of keys: by group, place in it, what must be set first, what matters more, name."""
        group = -1 if key.group is None else self.groups.index(key.group)
        return group, key.order_in_group, key.has_default, list(Importance).index(key.importance), key.name

    def _undefined_dependents(self) -> list[str]:
        named = (dependent for key in self.config_keys.values() for dependent in key.dependents)
        return [name for name in dict.fromkeys(named) if name not in self.config_keys]

    def _parents_first(self) -> list[str]:
        """Keys that nothing else decides, then what each of them decides; circles are not followed for ever."""
        children = {dependent for key in self.config_keys.values() for dependent in key.dependents}
        order: dict[str, None] = {}
        waiting = [name for name in reversed(self.config_keys) if name not in children]
        while waiting:
            name = waiting.pop()
            if name in self.config_keys and name not in order:
                order[name] = None
                waiting += reversed(self.config_keys[name].dependents)
        return list(order)


def _missing(name: str) -> str:
    return f'Missing required configuration "{name}" which has no default value.'


def parse_type(name: str, value: object, kind: ConfigType) -> Any:
    """The value as its type has it, from text or from itself; `ConfigError` otherwise."""
    if value is None:
        return None
    text = value.strip(_BLANKS) if isinstance(value, str) else None
    if kind is BOOLEAN:
        if isinstance(value, bool):
            return value
        if text is not None and text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ConfigError.of(name, value, "Expected value to be either true or false")
    if kind is PASSWORD:
        if isinstance(value, Password):
            return value
        if text is not None:
            return Password(text)
    elif kind is STRING:
        if text is not None:
            return text
    elif kind is LIST:
        if isinstance(value, list | tuple):
            return list(value)
        if text is not None:
            return _COMMA.split(text) if text else []
        raise ConfigError.of(name, value, "Expected a comma separated list.")
    elif kind is CLASS:
        if text is not None:
            return text
        if isinstance(value, type):
            return value
    else:
        return _parse_number(name, value, text, kind)
    raise ConfigError.of(name, value, f"Expected value to be a string, but it was a {_class_name(value)}")


def _class_name(value: object) -> str:
    return type(value).__name__


def _parse_number(name: str, value: object, text: str | None, kind: ConfigType) -> int | float:
    if kind is DOUBLE:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if text is not None and _FLOATING.fullmatch(text):
            return float(text.rstrip("fFdD") if text[-1] in "fFdD" else text)
    else:
        bits = _BITS[kind]
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
        if text is not None and _INTEGER.fullmatch(text):
            number = int(text)
        if number is not None and -(1 << (bits - 1)) <= number < 1 << (bits - 1):
            return number
    if text is not None:
        raise ConfigError.of(name, value, f"Not a number of type {kind.value}")
    raise ConfigError.of(name, value, f"Expected a number of type {kind.value}, but it was a {_class_name(value)}")


def config_text(value: object, kind: ConfigType | None = None) -> str | None:
    """The value as Kafka writes it (`ConfigDef.convertToString`): a password stays hidden, a list has no blanks."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        texts = [config_text(each) or "null" for each in value]
        return ",".join(texts) if kind is LIST else "[" + ", ".join(texts) + "]"
    if isinstance(value, type):
        return f"{value.__module__}:{value.__qualname__}"
    if isinstance(value, Enum):
        return str(value.value)
    return str(value)


class _Embedded:
    def __init__(self, prefix: str, validator: Validator) -> None:
        self._prefix = prefix
        self._validator = validator

    def ensure_valid(self, name: str, value: Any) -> None:
        self._validator.ensure_valid(name.removeprefix(self._prefix), value)

    def __str__(self) -> str:
        return str(self._validator)


class _EmbeddedRecommender:
    def __init__(self, prefix: str, recommender: Recommender) -> None:
        self._prefix = prefix
        self._recommender = recommender

    def valid_values(self, name: str, parsed: Mapping[str, Any]) -> Sequence[object]:
        return self._recommender.valid_values(name.removeprefix(self._prefix), self._own(parsed))

    def visible(self, name: str, parsed: Mapping[str, Any]) -> bool:
        return self._recommender.visible(name.removeprefix(self._prefix), self._own(parsed))

    def _own(self, parsed: Mapping[str, Any]) -> dict[str, Any]:
        prefix = self._prefix
        return {key.removeprefix(prefix): value for key, value in parsed.items() if key.startswith(prefix)}
