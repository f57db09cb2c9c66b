"""A request and a response of the REST API, without a server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from ottla.registry.errors import INVALID_VERSION, RegistryError
from ottla.registry.store.catalog import LATEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.registry.rest.access import User

T = TypeVar("T")

V1_JSON: Final = "application/vnd.schemaregistry.v1+json"
ANY_VERSION_JSON: Final = "application/vnd.schemaregistry+json"
PLAIN_JSON: Final = "application/json"
OFFERED: Final = (V1_JSON, ANY_VERSION_JSON, PLAIN_JSON)
TAKEN: Final = (*OFFERED, "application/octet-stream")
FORWARDED: Final = "x-forward"

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
NOT_ACCEPTABLE: Final = 406
UNSUPPORTED_MEDIA_TYPE: Final = 415
_VERSION_MAX: Final = 2**31 - 1


@dataclass(slots=True)
class Request:
    method: str
    target: str
    """Path and query as they came."""
    segments: list[str]
    """The path's, decoded."""
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    user: User | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    """What the route's names stand for."""

    def text(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[0] if values else None

    def flag(self, name: str) -> bool:
        return (self.text(name) or "").lower() == "true"

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise RegistryError(NOT_FOUND, f"{name} is a number, not {text!r}") from None

    def json(self) -> dict[str, object]:
        """The body. `RegistryError`."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise RegistryError(BAD_REQUEST, f"The body is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise RegistryError(BAD_REQUEST, "The body is not a JSON object")
        return value

    def page(self, values: list[T], default: int = _VERSION_MAX, most: int = _VERSION_MAX) -> list[T]:
        """The part of a list that offset and limit ask for."""
        offset, limit = max(0, self.number("offset", 0)), self.number("limit", -1)
        size = limit if 0 < limit <= most else default
        return values[offset : offset + size]


@dataclass(slots=True)
class Response:
    body: object
    status: int = 200
    content_type: str | None = None
    """Of a body that is text already; else it is JSON of the type that was asked for."""
    headers: dict[str, str] = field(default_factory=dict)


def parse_version(text: str) -> int:
    """`LATEST` for `latest`. `RegistryError(INVALID_VERSION)`."""
    if text == "latest":
        return LATEST
    try:
        version = int(text)
    except ValueError:
        version = 0
    if version != LATEST and not 0 < version <= _VERSION_MAX:
        raise RegistryError(
            INVALID_VERSION, f"'{text}' is no version: it is a number between 1 and {_VERSION_MAX}, or latest"
        )
    return version


def accepted_type(accept: str | None) -> str | None:
    """The content type of the answer, by what the client takes; `None`: it takes none of ours."""
    if not accept:
        return V1_JSON
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        ranges[name.lower()] = weight

    def weight_of(offered: str) -> float:
        return ranges.get(offered, ranges.get("application/*", ranges.get("*/*", 0.0)))

    best = max(OFFERED, key=weight_of)
    return best if weight_of(best) > 0 else None


def is_taken(content_type: str | None) -> bool:
    return not content_type or content_type.partition(";")[0].strip().lower() in TAKEN
