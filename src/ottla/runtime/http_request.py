"""What an application of ASGI is asked, read within bounds; and how the path of a route is held against it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_BYTES_MAX: Final = 16 * 1024 * 1024


class BodyTooLargeError(Exception):
    """It has more than `BODY_BYTES_MAX`."""

    def __init__(self) -> None:
        super().__init__(f"A body has at most {BODY_BYTES_MAX} bytes")


def headers_of(scope: Scope) -> dict[str, str]:
    """By their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def path_of(scope: Scope) -> str:
    """As it came, without the query."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1").partition("?")[0]


def query_text(scope: Scope) -> str:
    text: bytes = scope["query_string"]
    return text.decode("latin-1")


def query_of(text: str) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return query


def segments_of(path: str) -> list[str]:
    """Decoded, without empty ones."""
    return [unquote(segment) for segment in path.split("/") if segment]


async def read_body(receive: Receive) -> bytes:
    """`BodyTooLargeError`."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLargeError
        if not message.get("more_body"):
            return bytes(body)


def match_path(path: str, segments: list[str]) -> dict[str, str] | None:
    """What the names of a route's path stand for (`{name}`, one segment each), or `None`."""
    pattern = path.split("/")[1:] if path != "/" else []
    if len(pattern) != len(segments):
        return None
    found: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            found[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return found
