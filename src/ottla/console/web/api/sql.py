"""SQL over topics, within the bounds of the server, with the masks and permissions of whoever asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.moment import QueryError
from ottla.console.web.access.audit import now_ms
from ottla.console.web.message import JSON_LINES, ApiError, Response, bad_request, encode, invalid
from ottla.console.web.messages.fields import plain

if TYPE_CHECKING:
    from ottla.console.sql.answer import Answer
    from ottla.console.web.context import Context
    from ottla.console.web.message import Body

ROWS_MAX: Final = 10_000
ROWS: Final = 1_000
RECORDS_MAX: Final = 1_000_000
SIZE_BYTES_MAX: Final = 512 * 1024 * 1024
SECONDS_MAX: Final = 60
CELL_LENGTH_MAX: Final = 256 * 1024
QUERY_LENGTH_MAX: Final = 100_000
_KEYS: Final = ("query", "max_rows", "max_records", "max_bytes", "max_seconds", "key_format", "value_format")


async def run(context: Context) -> Response:
    began = time.monotonic()
    found = await _answer(context)
    rows = [[_cell(cell) for cell in row] for row in found.rows]
    took_ms = int((time.monotonic() - began) * 1000)
    return Response({"columns": _columns(found), "rows": rows, "took_ms": took_ms, **_told(found)})


async def run_as_lines(context: Context) -> Response:
    found = await _answer(context)
    lines = [{"columns": _columns(found)}, *([_cell(cell) for cell in row] for row in found.rows), _told(found)]
    return Response(b"".join(encode(line) + b"\n" for line in lines), 200, [], JSON_LINES)


async def _answer(context: Context) -> Answer:
    body = context.request.object(*_KEYS)
    query = body.text("query")
    if len(query) > QUERY_LENGTH_MAX:
        raise bad_request(f"'query' has {len(query)} characters; {QUERY_LENGTH_MAX} are the most")
    context.details["query"] = query[:2_000]
    if not context.cluster.has_sql:
        raise _no_sql()
    from ottla.console.sql.answer import Settings, answer
    from ottla.console.sql.decoding import FORMATS

    formats = {key: body.text(key, "auto") for key in ("key_format", "value_format")}
    for key, form in formats.items():
        if form not in FORMATS:
            raise bad_request(f"'{key}' is one of {', '.join(FORMATS)}, not '{form}'")
    read: list[str] = []

    def check_topic(topic: str) -> None:
        read.append(topic)
        context.require("topic", "read", topic)

    mask = context.mask
    settings = Settings(
        context.cluster.optional_registry,
        formats["key_format"],
        formats["value_format"],
        limits=_limits(body),
        check_topic=check_topic,
        mask=mask if mask else None,
    )
    with context.console.searches:
        try:
            return await answer(context.cluster.reading, query, settings, now_ms())
        except QueryError as error:
            raise invalid(str(error)) from None
        except ModuleNotFoundError:
            raise _no_sql() from None
        finally:
            context.details["topics"] = read
    raise AssertionError("unreachable")


def _limits(body: Body) -> Any:
    from ottla.console.sql.answer import Limits

    return Limits(
        body.number("max_records", 1, RECORDS_MAX, RECORDS_MAX),
        body.number("max_bytes", 1, SIZE_BYTES_MAX, SIZE_BYTES_MAX),
        body.number("max_rows", 1, ROWS_MAX, ROWS),
        body.number("max_seconds", 1, SECONDS_MAX, SECONDS_MAX),
    )


def _no_sql() -> ApiError:
    return ApiError(404, "NOT_CONFIGURED", "SQL is not installed here", "pip install 'ottla[sql]'")


def _columns(found: Answer) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in zip(found.columns, found.types, strict=True)]


def _cell(value: Any) -> Any:
    shown = plain(value)
    if isinstance(shown, str) and len(shown) > CELL_LENGTH_MAX:
        return shown[:CELL_LENGTH_MAX] + "…"
    return shown


def _told(found: Answer) -> dict[str, Any]:
    return {
        "is_cut": found.is_cut,
        "records": found.records,
        "read": [
            {
                "topic": each.reference.topic,
                "latest": each.reference.latest,
                "ranges": {str(partition): list(ends) for partition, ends in each.ranges.items()},
                "again": str(each),
            }
            for each in found.extents
        ],
    }
