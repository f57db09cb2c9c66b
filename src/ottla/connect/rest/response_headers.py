"""Headers that every answer gets (`response.http.headers.config`, KIP-577): `action name:value, …`."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from ottla.connect.api.errors import ConfigError

KEY: Final = "response.http.headers.config"
_ACTIONS: Final = ("set", "add", "setDate", "addDate")


@dataclass(frozen=True, slots=True)
class ResponseHeader:
    action: str
    name: str
    value: str
    """Of a date: so many ms from now."""


def parse_response_headers(text: str) -> list[ResponseHeader]:
    """`ConfigError` says what is wrong with which."""
    parts = next(csv.reader([text], skipinitialspace=True), []) if text.strip() else []
    return [_parse(part.strip()) for part in parts]


def _parse(text: str) -> ResponseHeader:
    action, _, pair = text.partition(" ")
    name, colon, value = pair.partition(":")
    if not pair or not colon:
        raise ConfigError.of(KEY, text, "Expected: '[action] [header name]:[header value]'")
    if action.lower() not in {each.lower() for each in _ACTIONS}:
        raise ConfigError.of(KEY, text, f"Invalid header config action: '{action}'. Expected one of {_ACTIONS}")
    name = name.strip()
    if not name or any(character.isspace() for character in name):
        raise ConfigError.of(KEY, text, "The '[header name]' cannot contain whitespace")
    value = value.strip()
    if action.lower().endswith("date") and not value.removeprefix("-").isdecimal():
        raise ConfigError.of(KEY, text, "a date is so many ms from now")
    if not (name + value).isascii() or not value.isprintable():
        raise ConfigError.of(KEY, text, "a header is plain ASCII on one line")
    return ResponseHeader(action.lower(), name.lower(), value)


def add_response_headers(
    wanted: list[ResponseHeader], headers: list[tuple[bytes, bytes]], now_s: float | None = None
) -> list[tuple[bytes, bytes]]:
    """What was there, and those that are wanted."""
    for each in wanted:
        value = each.value
        if each.action.endswith("date"):
            value = formatdate((time.time() if now_s is None else now_s) + int(each.value) / 1000, usegmt=True)
        name = each.name.encode()
        if each.action.startswith("set"):
            headers = [header for header in headers if header[0].lower() != name]
        headers = [*headers, (name, value.encode())]
    return headers
