"""What `POST /v1/sql` is asked: a query and what it may cost, never more than the server allows. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.decoding import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.console.sql.answer import Limits, Settings

QUERY_CHARACTERS_MAX: Final = 100_000
JSON: Final = "application/json"
_LIMITS: Final = {
    "max_records": "records",
    "max_bytes": "size_bytes",
    "max_rows": "rows",
    "max_seconds": "seconds",
}
"""What a request calls a limit, and what `Limits` does."""
_FORMATS: Final = ("key_format", "value_format")


class RequestError(ValueError):
    """It is not what can be asked; the text names what is wrong."""


@dataclass(frozen=True, slots=True)
class SqlRequest:
    query: str
    limits: Mapping[str, float] = field(default_factory=dict)
    """By their names in `Limits`."""
    formats: Mapping[str, str] = field(default_factory=dict)

    def within(self, settings: Settings) -> Settings:
        """What the server allows, and less where less is asked for."""
        return replace(
            settings,
            limits=_least(settings.limits, self.limits),
            key_format=self.formats.get("key_format", settings.key_format),
            value_format=self.formats.get("value_format", settings.value_format),
        )


def _least(allowed: Limits, asked: Mapping[str, float]) -> Limits:
    least: dict[str, Any] = {}
    for name, value in asked.items():
        bound = min(getattr(allowed, name), value)
        least[name] = bound if name == "seconds" else int(bound)
    return replace(allowed, **least)


def read_request(body: bytes, content_type: str) -> SqlRequest:
    """A JSON object; of any other type the body is the query itself, as `curl -d` sends it. `RequestError`."""
    if content_type.partition(";")[0].strip().lower() != JSON:
        try:
            return SqlRequest(_query(body.decode()))
        except UnicodeDecodeError as error:
            raise RequestError(f"the query is not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise RequestError('the body is not a JSON object such as {"query": "select …"}')
    unknown = told.keys() - {"query", *_LIMITS, *_FORMATS}
    if unknown:
        known = ", ".join(("query", *_LIMITS, *_FORMATS))
        raise RequestError(f"{', '.join(sorted(unknown))}: what can be said is {known}")
    return SqlRequest(
        _query(told.get("query")),
        {_LIMITS[name]: _limit(name, told[name]) for name in _LIMITS if name in told},
        {name: _format(name, told[name]) for name in _FORMATS if name in told},
    )


def _query(told: object) -> str:
    if not isinstance(told, str) or not told.strip():
        raise RequestError("query: there is none")
    if len(told) > QUERY_CHARACTERS_MAX:
        raise RequestError(f"query: it has {len(told)} characters, and may have {QUERY_CHARACTERS_MAX}")
    return told


def _limit(name: str, told: object) -> float:
    is_number = isinstance(told, int | float) and not isinstance(told, bool)
    if not is_number or not 0 < float(told) < float("inf"):  # type: ignore[arg-type]
        raise RequestError(f"{name}: it is a number above 0, not {json.dumps(told)}")
    return told  # type: ignore[return-value]


def _format(name: str, told: object) -> str:
    if not isinstance(told, str) or told not in FORMATS:
        raise RequestError(f"{name}: it is one of {', '.join(FORMATS)}, not {json.dumps(told)}")
    return told
