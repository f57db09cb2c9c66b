"""Decoded values as texts: what `_key` and `_value` show, and fields whose values have no type in common."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def text_column(values: Sequence[Any]) -> Any:
    """A column of Arrow: strings; binary if some are bytes."""
    import pyarrow as pa

    if any(isinstance(each, bytes) for each in values):
        return pa.array(
            [each if isinstance(each, bytes | None) else _utf8(_text(each)) for each in values], pa.binary()
        )
    return string_column([None if each is None else _text(each) for each in values])


def json_column(values: Sequence[Any]) -> Any:
    return string_column([None if each is None else _json(each) for each in values])


def string_column(texts: Sequence[str | None]) -> Any:
    """Half a surrogate pair, which JSON can name and UTF-8 cannot, stays as JSON names it."""
    import pyarrow as pa

    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if each is None else _utf8(each) for each in texts], pa.binary()).cast(pa.string())


def one_text_type(parts: Sequence[Any]) -> list[Any]:
    """Of columns that `text_column` made: binary if one of them is."""
    import pyarrow as pa

    if any(pa.types.is_binary(each.type) for each in parts):
        return [each.cast(pa.binary()) for each in parts]
    return list(parts)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
