"""Names of schemas and fields that Avro would refuse (`schema.name.adjustment.mode`, `field.name.adjustment.mode`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.]")
_NOT_IN_A_FIELD: Final = re.compile(r"[^A-Za-z0-9_]")


def schema_namer(mode: str) -> Callable[[str], str]:
    return _adjuster(mode, _NOT_IN_A_NAME)


def field_namer(mode: str) -> Callable[[str], str]:
    return _adjuster(mode, _NOT_IN_A_FIELD)


def code_of(match: re.Match[str]) -> str:
    """`_u002d` for a hyphen."""
    return f"_u{ord(match[0]):04x}"


def _adjuster(mode: str, wrong: re.Pattern[str]) -> Callable[[str], str]:
    """`none`, `avro` (an underscore for what is wrong), `avro_unicode` (its code: `_u002d`)."""
    if mode == "none":
        return lambda name: name

    def underscore(_match: re.Match[str]) -> str:
        return "_"

    if mode == "avro_unicode":
        wrong_or_underscore = re.compile(f"{wrong.pattern}|_")
        return lambda name: _digit_first(wrong_or_underscore.sub(code_of, name))
    return lambda name: _digit_first(wrong.sub(underscore, name))


def _digit_first(name: str) -> str:
    return "_" + name if name[:1].isdigit() else name
