"""A key, a value or a header's value as the API shows it: decoded, masked, made what JSON can say, and cut to a page.

    bytes ─► decode (by registry, as JSON, as text, as hex) ─► mask ─► Decoded ─► filters look at it ─► FIELD

`auto` looks at each: an id that the registry knows, JSON that is an object or an array, text without control
characters, else hex. Where a role's mask touches the part, the form is always `auto`: bytes would show what is hidden.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ottla.console.operations.registered_values import schema_id_of
from ottla.registry.client.registry_client import RegistryClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.console.operations.registered_values import RegisteredValues
    from ottla.console.web.access.masking import Mask

AUTO: Final = "auto"
FORMATS: Final = (AUTO, "json", "text", "hex", "base64", "registry")
CUT_LENGTH: Final = 16 * 1024
"""Of a field's rendering on a page; what is longer is shown by its first `PREVIEW_LENGTH` characters."""
PREVIEW_LENGTH: Final = 4 * 1024
WHOLE_LENGTH_MAX: Final = 8 * 1024 * 1024
"""Of a field of a single message."""
DEPTH_MAX: Final = 100
SAFE_INTEGER: Final = 2**53 - 1
"""What JavaScript reads without rounding."""
_AS_LONG_AS_IT_IS: Final = ("json", "text")
_GROWTH: Final = 32
"""So many times longer than what was written is none of its renderings: a mask may put a hash in the place of `1`, and
`1e15` has sixteen digits."""
_KINDS: Final = {"AVRO": "avro", "JSON": "json_schema", "PROTOBUF": "protobuf"}
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""All but tabs and ends of lines."""


@dataclass(slots=True)
class Decoded:
    format: str
    value: Any
    size_bytes: int
    schema_id: int | None = None
    error: str | None = None
    masked: bool = False

    def contains(self, wanted: str) -> bool:
        """A text that is folded (`str.casefold`); in JSON also as people write it, with spaces behind `:` and `,`."""
        if isinstance(self.value, str):
            return wanted in self.value.casefold()
        if self.value is None:
            return False
        if wanted in self._rendered(",", ":").casefold():
            return True
        return ("," in wanted or ":" in wanted) and wanted in self._rendered(", ", ": ").casefold()

    def _rendered(self, comma: str, colon: str) -> str:
        try:
            return json.dumps(self.value, ensure_ascii=False, separators=(comma, colon), default=plain)
        except (TypeError, ValueError, RecursionError):
            return rendered(plain(self.value))

    def to_json(self, longest: int = CUT_LENGTH) -> dict[str, Any]:
        data, form, cut = plain(self.value), self.format, False
        if form not in _AS_LONG_AS_IT_IS or self.size_bytes * _GROWTH > longest:
            text = data if isinstance(data, str) else rendered(data)
            cut = len(text) > longest
            if cut:
                data, form = text[:PREVIEW_LENGTH], form if isinstance(data, str) else "text"
        return {
            "format": form,
            "data": data,
            "size_bytes": self.size_bytes,
            "schema_id": self.schema_id,
            "cut": cut,
            "masked": self.masked,
            "error": self.error,
        }


class FieldDecoder:
    """Of one part (`key` or `value`) of the records of one topic. Blocks where a schema is not known yet."""

    def __init__(self, topic: str, part: str, form: str, values: RegisteredValues | None, mask: Mask) -> None:
        self._topic = topic
        self._part = part
        self._masks = mask.touches(topic, part)
        self._mask = mask
        self._form = AUTO if self._masks else form
        self._values = values

    def __call__(self, data: bytes | None) -> Decoded:
        if data is None:
            return Decoded("null", None, 0)
        decoded = self._decode(data)
        if self._masks:
            decoded.value, decoded.masked = self._mask.apply(self._topic, self._part, decoded.value)
            if decoded.masked and not isinstance(decoded.value, dict | list):
                decoded.format = "text"
            decoded.error = None  # it may hold what is hidden
        return decoded

    def _decode(self, data: bytes) -> Decoded:
        match self._form:
            case "json":
                return self._or_guess(data, lambda: Decoded("json", json.loads(data), len(data)))
            case "text":
                return self._or_guess(data, lambda: Decoded("text", data.decode("utf-8"), len(data)))
            case "hex":
                return Decoded("hex", data.hex(), len(data))
            case "base64":
                return Decoded("base64", base64.b64encode(data).decode(), len(data))
            case "registry":
                return self._or_guess(data, lambda: self._registered(data))
        return self._guess(data)

    def _or_guess(self, data: bytes, decode: Callable[[], Decoded]) -> Decoded:
        try:
            return decode()
        except Exception as error:  # of a library that reads what anybody may have written
            return as_text(data, f"it is not {self._form}: {str(error)[:300]}")

    def _guess(self, data: bytes) -> Decoded:
        schema_id = schema_id_of(data) if self._values is not None else None
        if schema_id is not None and self._values is not None:
            try:
                if self._values.reader(schema_id) is not None:
                    return self._registered(data)
            except RegistryClientError as error:
                return as_text(data, f"the registry does not tell what schema {schema_id} is: {error}")
            except Exception as error:  # of a library that reads what anybody may have written
                return as_text(data, f"it does not fit schema {schema_id}: {str(error)[:300]}")
        if data[:1] in (b"{", b"["):
            try:
                return Decoded("json", json.loads(data), len(data))
            except (ValueError, RecursionError):
                pass
        return as_text(data)

    def _registered(self, data: bytes) -> Decoded:
        if self._values is None:
            raise ValueError("this cluster has no registry")
        schema_id = schema_id_of(data)
        if schema_id is None:
            raise ValueError("it does not begin with the id of a schema")
        reader = self._values.reader(schema_id)
        if reader is None:
            raise ValueError(f"the registry knows no schema {schema_id}")
        value = reader.read(self._topic, data)
        return Decoded(_KINDS[reader.kind], value, len(data), schema_id)


def as_text(data: bytes, error: str | None = None) -> Decoded:
    """Text where it can be read, else hex."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Decoded("hex", data.hex(), len(data), error=error)
    if _CONTROLS.search(text) is not None:
        return Decoded("hex", data.hex(), len(data), error=error)
    return Decoded("text", text, len(data), error=error)


def plain(value: Any, depth: int = 0) -> Any:
    """What JSON and JavaScript can say of it without loss: other numbers are texts, bytes base64, times ISO 8601."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else _digits(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth > DEPTH_MAX:
        return "… (nested too deeply)"
    if isinstance(value, dict):
        return {str(name): plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, depth + 1) for each in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0:
        return plain(int(value))  # what DuckDB makes of a sum of whole numbers
    return str(value) if isinstance(value, Decimal | UUID | timedelta) else repr(value)


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python converts
        return hex(value)


def rendered(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
