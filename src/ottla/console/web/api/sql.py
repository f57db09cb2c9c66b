"""SQL over topics, within the bounds of the server, with the masks and permissions of whoever asks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.lines import answer_lines, columns_of, read_of
from ottla.console.sql.moment import QueryError
from ottla.console.sql.request import RequestError, read_request
from ottla.console.web.access.audit import now_ms
from ottla.console.web.message import JSON_LINES, ApiError, Response, bad_request, invalid
from ottla.console.web.messages.fields import plain

if TYPE_CHECKING:
    from ottla.console.sql.answer import Answer
    from ottla.console.web.context import Context

ROWS_MAX: Final = 10_000
ROWS: Final = 1_000
"""Where nobody says how many."""
RECORDS_MAX: Final = 1_000_000
SIZE_BYTES_MAX: Final = 512 * 1024 * 1024
SECONDS_MAX: Final = 60
CELL_LENGTH_MAX: Final = 256 * 1024
NOTED_LENGTH_MAX: Final = 2_000
"""Of a query, in the audit log."""


async def run(context: Context) -> Response:
    began = time.monotonic()
    found = await _answer(context)
    rows = [[_cell(cell) for cell in row] for row in found.rows]
    return Response({
        "columns": columns_of(found),
        "rows": rows,
        "is_cut": found.is_cut,
        "records": found.records,
        "took_ms": int((time.monotonic() - began) * 1000),
        "read": [read_of(each) for each in found.extents],
    })  # fmt: skip


async def run_as_lines(context: Context) -> Response:
    found = await _answer(context)
    return Response("".join(answer_lines(found)).encode("utf-8", "replace"), 200, [], JSON_LINES)


async def _answer(context: Context) -> Answer:
    try:
        asked = read_request(context.request.body, context.request.headers.get("content-type", ""))
    except RequestError as error:
        raise bad_request(str(error)) from None
    context.details["query"] = asked.query[:NOTED_LENGTH_MAX]
    if not context.cluster.has_sql:
        raise _no_sql()
    from ottla.console.sql.answer import Limits, Settings, answer

    read: list[str] = []

    def check_topic(topic: str) -> None:
        read.append(topic)
        context.require("topic", "read", topic)

    limits = Limits(RECORDS_MAX, SIZE_BYTES_MAX, ROWS_MAX, SECONDS_MAX)
    mask = context.mask
    settings = asked.within(
        Settings(context.cluster.optional_registry, limits=limits, check_topic=check_topic, mask=mask if mask else None)
    )
    if "rows" not in asked.limits:
        settings = replace(settings, limits=replace(settings.limits, rows=ROWS))
    with context.console.searches:
        try:
            return await answer(context.cluster.reading, asked.query, settings, now_ms())
        except QueryError as error:
            raise invalid(str(error)) from None
        except ModuleNotFoundError:
            raise _no_sql() from None
        finally:
            context.details["topics"] = read
    raise AssertionError("unreachable")


def _no_sql() -> ApiError:
    return ApiError(404, "NOT_CONFIGURED", "SQL is not installed here", "pip install 'ottla[sql]'")


def _cell(value: Any) -> Any:
    shown = plain(value)
    if isinstance(shown, str) and len(shown) > CELL_LENGTH_MAX:
        return shown[:CELL_LENGTH_MAX] + "…"
    return shown
