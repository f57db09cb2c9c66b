"""What a plugin takes, said in JSON Schema: as Connect's keys, and what is wrong with a configuration. Pure.

Singer's SDK tells it by `--about`, Airbyte's sources by `spec`. Known are the words that such specifications use: type,
enum, const, required, properties, items, oneOf, anyOf, allOf, pattern, bounds, additionalProperties.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import (
    BOOLEAN,
    DOUBLE,
    HIGH,
    LONG,
    MEDIUM,
    NO_DEFAULT_VALUE,
    PASSWORD,
    STRING,
    ConfigDef,
)
from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ottla.connect.api.config_def import ConfigType

DEPTH_MAX: Final = 20
_SECRET: Final = re.compile(r"password|secret|token|api_?key|private_?key|credentials_json|passphrase", re.IGNORECASE)
_KINDS: Final = {"boolean": BOOLEAN, "integer": LONG, "number": DOUBLE}
_CLASSES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


class Wrong(NamedTuple):
    """`path` is the name of the setting, dotted; "" is the whole."""

    path: str
    message: str


def define_settings(definition: ConfigDef, prefix: str, spec: Mapping[str, Any]) -> None:
    """A key for each setting: `PREFIX.name`, and `PREFIX.outer.inner` of those that are an object."""
    for path, node, is_required in _settings(spec, ""):
        kind = _config_type(path, node)
        default = NO_DEFAULT_VALUE if is_required and "default" not in node else _default(node, kind)
        description = node.get("description") or node.get("title") or f"The plugin's setting {path}."
        choices = node.get("enum")
        text = " ".join(str(description).split())
        if isinstance(choices, list):
            text += f" One of: {', '.join(map(str, choices))}."
        definition.define(
            f"{prefix}.{path}",
            kind,
            default,
            HIGH if is_required else MEDIUM,
            text,
            group="Plugin",
            display_name=str(node.get("title") or path),
        )


def _settings(node: Mapping[str, Any], path: str, depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    required = node.get("required")
    needed = set(required) if isinstance(required, list) else set()
    for name, child in _properties(node).items():
        inner = f"{path}.{name}" if path else name
        if _properties(child) and not child.get("oneOf") and depth < DEPTH_MAX:
            yield from _settings(child, inner, depth + 1)
        elif "const" not in child:
            yield inner, child, name in needed and not path


def _properties(node: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = node.get("properties")
    return (
        {str(name): each for name, each in found.items() if isinstance(each, dict)} if isinstance(found, dict) else {}
    )


def _kinds(node: Mapping[str, Any]) -> list[str]:
    kinds = node.get("type")
    return [kinds] if isinstance(kinds, str) else [each for each in kinds if isinstance(each, str)] if kinds else []


def _config_type(path: str, node: Mapping[str, Any]) -> ConfigType:
    if node.get("airbyte_secret") or node.get("writeOnly") or node.get("secret"):
        return PASSWORD
    kinds = [each for each in _kinds(node) if each != "null"]
    if len(kinds) == 1 and kinds[0] in _KINDS:
        return _KINDS[kinds[0]]
    return PASSWORD if _SECRET.search(path) and kinds == ["string"] else STRING


def _default(node: Mapping[str, Any], kind: ConfigType) -> object:
    default = node.get("default")
    if default is None or isinstance(default, str):
        return default if kind in (STRING, PASSWORD) or default is None else None
    if kind in (STRING, PASSWORD):
        return json.dumps(default)
    return default if isinstance(default, bool) is (kind is BOOLEAN) else None


# From text to settings


def read_settings(texts: Mapping[str, str], spec: Mapping[str, Any] | None, prefix: str) -> dict[str, Any]:
    """Settings by dotted names, each of the type that the spec says; text where there is none.

    `ConfigError` names the key: `PREFIX.name`.
    """
    found: dict[str, Any] = {}
    for path, text in texts.items():
        names = [path] if spec is None else _names(spec, path)
        node: Mapping[str, Any] = spec or {}
        inner = found
        for place, name in enumerate(names):
            node = _child(node, name)
            if place < len(names) - 1:
                inner = inner.setdefault(name, {})
                if not isinstance(inner, dict):
                    raise ConfigError.of(f"{prefix}.{path}", text, "another key says that it is no object")
        inner[names[-1]] = text if spec is None else _typed(f"{prefix}.{path}", text, node)
    return found


def _names(spec: Mapping[str, Any], path: str) -> list[str]:
    """`a.b` is `b` within `a`, unless the spec has a setting with a point in its name."""
    if path in _all_properties(spec):
        return [path]
    first, point, rest = path.partition(".")
    return [first, *_names(_child(spec, first), rest)] if point else [path]


def _child(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _all_properties(node).get(name, {})


def _all_properties(node: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Also those of each choice."""
    found = _properties(node)
    for key in ("oneOf", "anyOf", "allOf"):
        for choice in node.get(key) or ():
            if isinstance(choice, dict):
                found = {**_properties(choice), **found}
    return found


def _typed(key: str, text: str, node: Mapping[str, Any]) -> Any:
    kinds = set(_kinds(node))
    if not kinds and node.get("oneOf"):
        kinds = {kind for choice in node["oneOf"] if isinstance(choice, dict) for kind in _kinds(choice)}
    if not kinds or "string" in kinds:
        return text
    stripped = text.strip()
    if kinds & {"boolean"} and stripped.lower() in ("true", "false"):
        return stripped.lower() == "true"
    try:
        value = json.loads(stripped)
    except ValueError:
        if "array" in kinds:
            return [part.strip() for part in text.split(",") if part.strip()]
        raise ConfigError.of(key, text, f"expected {' or '.join(sorted(kinds - {'null'}))}, in JSON") from None
    if "array" in kinds and not isinstance(value, list) and "object" not in kinds:
        return [part.strip() for part in text.split(",") if part.strip()]
    return value


# What is wrong


def wrong_settings(spec: Mapping[str, Any], settings: object, path: str = "", depth: int = 0) -> list[Wrong]:
    if depth > DEPTH_MAX:
        return []
    found = list(_wrong_value(spec, settings, path))
    if found:
        return found
    if isinstance(settings, dict):
        found += _wrong_object(spec, settings, path, depth)
    if isinstance(settings, list) and isinstance(spec.get("items"), dict):
        for place, each in enumerate(settings):
            found += wrong_settings(spec["items"], each, f"{path}[{place}]", depth + 1)
    for part in spec.get("allOf") or ():
        if isinstance(part, dict):
            found += wrong_settings(part, settings, path, depth + 1)
    choices = [each for each in spec.get("oneOf") or spec.get("anyOf") or () if isinstance(each, dict)]
    if choices:
        found += _wrong_choice(choices, settings, path, depth)
    return found


def _wrong_value(spec: Mapping[str, Any], value: object, path: str) -> Iterator[Wrong]:
    kinds = _kinds(spec)
    if kinds and not any(_is_a(kind, value) for kind in kinds):
        yield Wrong(path, f"expected {' or '.join(kinds)}, not {_shown(spec, path, value)}")
        return
    if isinstance(spec.get("enum"), list) and value not in spec["enum"]:
        yield Wrong(path, f"must be one of: {', '.join(map(str, spec['enum']))}")
    if "const" in spec and value != spec["const"]:
        yield Wrong(path, f"must be {spec['const']!r}")
    if isinstance(value, str):
        pattern = spec.get("pattern")
        if isinstance(pattern, str) and not _matches(pattern, value):
            hint = spec.get("pattern_descriptor")
            yield Wrong(path, f"must match {hint or pattern}")
        yield from _wrong_bounds(spec, len(value), path, "minLength", "maxLength", "characters")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _wrong_bounds(spec, value, path, "minimum", "maximum", "")
    elif isinstance(value, list):
        yield from _wrong_bounds(spec, len(value), path, "minItems", "maxItems", "elements")


def _wrong_bounds(spec: Mapping[str, Any], number: float, path: str, low: str, high: str, what: str) -> Iterator[Wrong]:
    least, most = spec.get(low), spec.get(high)
    if isinstance(least, int | float) and number < least:
        yield Wrong(path, f"must be at least {least} {what}".rstrip())
    if isinstance(most, int | float) and number > most:
        yield Wrong(path, f"must be at most {most} {what}".rstrip())


def _wrong_object(spec: Mapping[str, Any], settings: Mapping[str, Any], path: str, depth: int) -> Iterator[Wrong]:
    properties = _properties(spec)
    for name in spec.get("required") or ():
        if name not in settings and "default" not in properties.get(name, {}):
            yield Wrong(f"{path}.{name}" if path else str(name), "is required, and not there")
    for name, value in settings.items():
        child = properties.get(name)
        inner = f"{path}.{name}" if path else str(name)
        if child is not None:
            yield from wrong_settings(child, value, inner, depth + 1)
        elif spec.get("additionalProperties") is False and not spec.get("oneOf"):
            yield Wrong(inner, f"is unknown; there are: {', '.join(properties) or 'none'}")


def _wrong_choice(choices: list[dict[str, Any]], value: object, path: str, depth: int) -> list[Wrong]:
    """What is wrong with the choice that was meant: the one whose constants agree, else the one with the least."""
    results = [wrong_settings(choice, value, path, depth + 1) for choice in choices]
    if any(not each for each in results):
        return []
    if isinstance(value, dict):
        for choice, result in zip(choices, results, strict=True):
            constants = {
                name: node.get("const", node["enum"][0] if len(node.get("enum") or ()) == 1 else None)
                for name, node in _properties(choice).items()
                if "const" in node or len(node.get("enum") or ()) == 1
            }
            if constants and all(value.get(name) == constant for name, constant in constants.items()):
                return result
    return min(results, key=len)


def _is_a(kind: str, value: object) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, _CLASSES.get(kind, (object,)))


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # written for another language


def _shown(spec: Mapping[str, Any], path: str, value: object) -> str:
    if spec.get("airbyte_secret") or _SECRET.search(path):
        return "what it is"
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:80]}…"
