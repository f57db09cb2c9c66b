"""A way to a field (`SingleFieldPath`, KIP-821): V1 a name, V2 names with dots between them: `` a.`b.c`.d ``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import HIGH, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError
from ottla.connect.api.validators import CaseInsensitiveValidString
from ottla.connect.transforms.side import require_map, require_struct

if TYPE_CHECKING:
    from ottla.connect.data.schema import Field, Schema
    from ottla.connect.data.struct import Struct

FIELD_SYNTAX_VERSION: Final = "field.syntax.version"
V1: Final = "V1"
V2: Final = "V2"
_PURPOSE: Final = "nested field access"


def define_field_syntax(definition: ConfigDef) -> ConfigDef:
    return definition.define(
        FIELD_SYNTAX_VERSION,
        STRING,
        V1,
        HIGH,
        "V1: a field is a name. V2: names of fields within fields have dots between them; a name that has dots itself "
        "stands between backticks.",
        validator=CaseInsensitiveValidString(V1, V2),
    )


class FieldPath:
    def __init__(self, text: str, version: str) -> None:
        """Raises `ConfigError` where a backtick has no other."""
        self.text = text
        self.steps = [text] if version.upper() == V1 else _steps(text)

    def field_of(self, schema: Schema) -> Field | None:
        """The field there. Raises `DataError` where the way leads through what is no struct."""
        *way, last = self.steps
        for step in way:
            field = schema.field(step)
            if field is None:
                return None
            schema = field.schema
        return schema.field(last)

    def value_of(self, struct: Struct, with_default: bool) -> Any:
        """The value there, or `None`."""
        *way, last = self.steps
        for step in way:
            if struct.schema.field(step) is None:
                return None
            value = struct.get(step)
            if value is None:
                return None
            struct = require_struct(value, _PURPOSE)
        if struct.schema.field(last) is None:
            return None
        return struct.get(last) if with_default else struct.get_without_default(last)

    def value_in(self, value: dict[Any, Any]) -> Any:
        *way, last = self.steps
        for step in way:
            inner = value.get(step)
            if inner is None:
                return None
            value = require_map(inner, _PURPOSE)
        return value.get(last)


def _steps(path: str) -> list[str]:
    steps: list[str] = []
    at = 0
    while at < len(path):
        if path[at] == "`":
            step, at = _quoted(path, at)
        else:
            end = path.find(".", at)
            end = len(path) if end < 0 else end
            step, at = path[at:end], end + 1
        steps.append(step)
    if path.endswith("."):
        steps.append("")
    if not steps:
        raise ConfigError("A path to a field cannot be empty")
    return steps


def _quoted(path: str, start: int) -> tuple[str, int]:
    """The name between backticks, and where the next one begins. Only a backtick before a dot or at the end closes."""
    name = ""
    begin = end = start + 1
    while True:
        end = path.find("`", end)
        at_end = end >= len(path) - 1
        if end < 0 or (at_end and path[end - 1] == "\\"):
            raise ConfigError(
                f"Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick at position "
                f"{start} to escape it"
            )
        if at_end:
            return name + path[begin:end], end + 1
        if path[end + 1] != ".":
            end += 1
        elif path[end - 1] == "\\":
            name += path[begin : end - 1] + "`"
            end += 1
            begin = end
        else:
            return name + path[begin:end], end + 2
