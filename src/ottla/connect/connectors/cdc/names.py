"""Names of schemas and fields that Avro would refuse (`schema.name.adjustment.mode`, `field.name.adjustment.mode`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.]")
_NOT_IN_A_FIELD: Final = re.compile(r"[^A-Za-z0-9_]")
_TOPIC: Final = re.compile(r"[^A-Za-z0-9._-]")
TOPIC_LENGTH_MAX: Final = 249


def schema_namer(mode: str) -> Callable[[str], str]:
    return _adjuster(mode, _NOT_IN_A_NAME)


def field_namer(mode: str) -> Callable[[str], str]:
    return _adjuster(mode, _NOT_IN_A_FIELD)


def _adjuster(mode: str, wrong: re.Pattern[str]) -> Callable[[str], str]:
    """`none`, `avro` (an underscore for what is wrong), `avro_unicode` (its code: `_u002d`)."""
    if mode == "none":
        return lambda name: name

    def underscore(_match: re.Match[str]) -> str:
        return "_"

    def code(match: re.Match[str]) -> str:
        return f"_u{ord(match[0]):04x}"

    if mode == "avro_unicode":
        wrong_or_underscore = re.compile(f"{wrong.pattern}|_")
        return lambda name: _digit_first(wrong_or_underscore.sub(code, name))
    return lambda name: _digit_first(wrong.sub(underscore, name))


def _digit_first(name: str) -> str:
    return "_" + name if name[:1].isdigit() else name


def topic_name(*parts: str) -> str:
    """`prefix.schema.table`, with an underscore for what a topic's name cannot have."""
    name = _TOPIC.sub("_", ".".join(parts))
    if len(name) > TOPIC_LENGTH_MAX:
        raise ConfigError(f"the topic {name} would have {len(name)} characters; Kafka allows {TOPIC_LENGTH_MAX}")
    return name
