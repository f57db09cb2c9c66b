"""A request and a response of the console's API, without a server; what is refused, under a code of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.console.operations.near_names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
JSON_LINES: Final = "application/x-ndjson"


class ApiError(Exception):
    """What is answered in place of what was asked for: `{"error": {"code", "message", "hint"}}`."""

    def __init__(self, status: int, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


def bad_request(message: str, hint: str | None = None) -> ApiError:
    return ApiError(400, "BAD_REQUEST", message, hint)


def invalid(message: str, hint: str | None = None) -> ApiError:
    """It was understood, and is refused."""
    return ApiError(422, "INVALID", message, hint)


def not_found(message: str, hint: str | None = None) -> ApiError:
    return ApiError(404, "NOT_FOUND", message, hint)


@dataclass(slots=True)
class Request:
    method: str
    path: str
    segments: list[str]
    """The path's, decoded."""
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    address: str
    """Where it comes from."""
    scheme: str = "http"
    body: bytes = b""
    parameters: dict[str, str] = field(default_factory=dict)
    """What the names in the route's path stand for."""

    def check_query(self, known: Sequence[str]) -> None:
        for name in self.query:
            if name not in known:
                raise bad_request(f"there is no parameter '{name}' here", did_you_mean(name, known).strip() or None)

    def text(self, name: str, default: str | None = None) -> str | None:
        """A parameter of the query; an empty one is none."""
        values = self.query.get(name)
        return values[0] if values and values[0] else default

    def texts(self, name: str, *, at_most: int) -> list[str]:
        values = [value for value in self.query.get(name, []) if value]
        if len(values) > at_most:
            raise bad_request(f"'{name}' may be given {at_most} times at most")
        return values

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise bad_request(f"the parameter '{name}' is missing")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise bad_request(f"'{name}' is true or false, not '{value}'")
        return value.lower() == "true"

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name)
        return default if value is None else whole_number(name, value, low, high)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name) or default
        if value not in choices:
            raise bad_request(f"'{name}' is one of {', '.join(choices)}, not '{value}'")
        return value

    def object(self, *known: str) -> Body:
        """The body, a JSON object with no other keys than these."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != JSON:
            raise bad_request(f"the body is to be {JSON}", "send the header Content-Type: application/json")
        try:
            value = json.loads(self.body)
            if b"\\u" in self.body:
                json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise bad_request("the body has half a character in it (a surrogate without the other)") from None
        except (ValueError, RecursionError) as error:
            raise bad_request(f"the body is not JSON: {error}") from None
        return Body.of(value, "the body", known)


class Body:
    """A JSON object whose parts are read by name and type; what is wrong is named by its place."""

    def __init__(self, value: dict[str, Any], where: str) -> None:
        self._value = value
        self._where = where

    @classmethod
    def of(cls, value: object, where: str, known: Sequence[str]) -> Body:
        if not isinstance(value, dict):
            raise bad_request(f"{where} is to be a JSON object")
        for key in value:
            if key not in known:
                hint = did_you_mean(key, known).strip() or f"there are {', '.join(known)}"
                raise bad_request(f"{where} has no key '{key}'", hint)
        return cls(value, where)

    def __contains__(self, name: str) -> bool:
        return self._value.get(name) is not None

    def any(self, name: str) -> Any:
        return self._value.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise self._wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if name in self else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._value.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self._value.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, f"a whole number from {low} to {high}")
        return value

    def optional_number(self, name: str, low: int, high: int) -> int | None:
        return self.number(name, low, high) if name in self else None

    def texts(self, name: str, *, at_most: int) -> list[str]:
        """A list of texts; none without it."""
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or len(value) > at_most:
            raise self._wrong(name, f"a list of {at_most} texts at most")
        return list(value)

    def list(self, name: str, *, at_most: int) -> list[Any]:
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > at_most:
            raise self._wrong(name, f"a list of {at_most} at most")
        return value

    def strings(self, name: str) -> dict[str, str]:
        """An object of texts; numbers and truth values become texts."""
        value = self._value.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "an object of texts")
        return {key: self._string(name, key, each) for key, each in value.items()}

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._value.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value

    def _string(self, name: str, key: str, value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        raise self._wrong(f"{name}.{key}", "a text")

    def _wrong(self, name: str, wanted: str) -> ApiError:
        state = "is missing" if self._value.get(name) is None and "." not in name else "is something else"
        return bad_request(f"'{name}' of {self._where} is to be {wanted}; it {state}")


def whole_number(name: str, text: str, low: int, high: int) -> int:
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdecimal() or not low <= int(text[:25]) <= high:
        raise bad_request(f"'{name}' is a whole number from {low} to {high}, not '{text}'")
    return int(text)


class Stream(Protocol):
    """Bytes as they come; `aclose` is always called at the end."""

    def __aiter__(self) -> Stream: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None: ...


@dataclass(slots=True)
class Response:
    """`body`: as JSON, `None` for none; or bytes of `content_type`; or a stream of them."""

    body: object = None
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = JSON
    stream: Stream | None = None

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else encode(self.body)


def encode(value: object) -> bytes:
    """JSON without spaces. A value that JSON has no form for is an error of ours."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
