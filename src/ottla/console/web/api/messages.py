"""Messages of a topic: by the page, one by one, as they come, and written."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.consumer import (
    READ_COMMITTED,
    READ_UNCOMMITTED,
    ConsumedRecord,
    TopicPartition,
    earliest_offsets,
    fetch,
    latest_offsets,
)
from ottla.console.operations.positions import parse_position, resolve
from ottla.console.operations.topics import find_topic
from ottla.console.web.access.audit import now_ms
from ottla.console.web.message import (
    EVENT_STREAM,
    ApiError,
    Body,
    Response,
    bad_request,
    encode,
    not_found,
    whole_number,
)
from ottla.console.web.messages.expression import ExpressionError, parse_expression
from ottla.console.web.messages.fields import FORMATS, WHOLE_LENGTH_MAX, FieldDecoder
from ottla.console.web.messages.filter import BOTH, ONLY, WITHOUT, MessageFilter, Wanted
from ottla.console.web.messages.search import NEWEST, ORDERS, Search, Window, decode_positions, decode_windows
from ottla.console.web.messages.tail import Followed, Tail
from ottla.console.web.messages.writing import HEADERS_MAX, encoded_input, produce_one
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import TimestampType, iterate_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.clients.client import TopicMetadata
    from ottla.console.web.context import Context

LIMIT_MAX: Final = 5_000
LIMIT: Final = 50
PARTITIONS_MAX: Final = 10_000
TIMESTAMP_MAX_MS: Final = 2**53 - 1
FILTERS: Final = ("partitions", "key", "value", "header", "where", "key_format", "value_format", "tombstones")
PAGE_QUERY: Final = ("order", "from", "to", "limit", "isolation", "cursor", *FILTERS)
TAIL_QUERY: Final = ("from", *FILTERS)
_TIMESTAMP_TYPES: Final = {TimestampType.CREATE_TIME: "create", TimestampType.LOG_APPEND_TIME: "append"}


async def get_page(context: Context) -> Response:
    request, name = context.request, context.parameter("topic")
    order = request.choice("order", ORDERS, NEWEST)
    limit = request.number("limit", LIMIT, 1, LIMIT_MAX)
    isolation = request.choice("isolation", ("uncommitted", "committed"), "uncommitted")
    level = READ_COMMITTED if isolation == "committed" else READ_UNCOMMITTED
    wanted = _wanted(context)
    _note(context, "order", "from", "to", "limit", "cursor")
    began = time.monotonic()
    with context.console.searches:
        topic = await find_topic(context.client, name)
        there = await _there(context, topic, level)
        windows = await _windows(context, topic, there)
        keep = _filter(context, wanted)
        search = Search(
            context.cluster.reading,
            name,
            windows,
            keep,
            order=order,
            limit=limit,
            filtered=not wanted.is_everything,
            isolation_level=level,
        )
        page = await search.run()
    told = {
        "messages": page.messages,
        "next": page.cursor,
        "ended": page.ended,
        "scanned": {
            "records": page.records,
            "bytes": page.size_bytes,
            "took_ms": int((time.monotonic() - began) * 1000),
        },
        "partitions": {
            str(index): {"first_offset": window.first, "next_offset": window.last} for index, window in there.items()
        },
    }
    return Response(await asyncio.to_thread(encode, told))


async def get_one(context: Context) -> Response:
    where = _where(context)
    wanted = Wanted()
    mask = context.mask
    record, kind = await _fetch_one(context, where)
    keep = _filter(context, wanted)
    found = await asyncio.to_thread(keep.look, record, WHOLE_LENGTH_MAX)
    assert found is not None, "nothing is filtered"
    raw = None
    if not mask.touches(where.topic):
        raw = {"key": _base64(record.key), "value": _base64(record.value)}
    return Response({**found.shown, "timestamp_type": kind, "raw": raw})


async def tail(context: Context) -> Response:
    request, name = context.request, context.parameter("topic")
    keep = _filter(context, _wanted(context))
    _note(context, "from")
    topic = await find_topic(context.client, name)
    resumed = request.headers.get("last-event-id")
    indexes = _partitions(context, topic)
    if resumed:
        positions = {each: at for each, at in decode_positions(resumed).items() if each in indexes}
    else:
        positions = await _at(context, request.text("from", "end") or "end", topic, indexes, "from")
    if not positions:
        raise bad_request("there is no partition to follow")
    following = Tail(context.client.twin(), name, positions, keep, context.over)
    stream = Followed.begin(context.console.tails, context.owner, following.events)
    return Response(None, 200, [], EVENT_STREAM, stream)


async def produce(context: Context) -> Response:
    name = context.parameter("topic")
    body = context.request.object("partition", "timestamp_ms", "key", "value", "headers", "copy_of")
    partition = body.optional_number("partition", 0, PARTITIONS_MAX)
    timestamp_ms = body.number("timestamp_ms", 0, TIMESTAMP_MAX_MS, now_ms())
    if "copy_of" in body:
        if any(part in body for part in ("key", "value", "headers")):
            raise bad_request("a copy has the key, value and headers of what it copies")
        key, value, headers = await _copied(context, Body.of(body.any("copy_of"), "'copy_of'", _COPY))
    else:
        registry = context.cluster.optional_registry
        key = await asyncio.to_thread(encoded_input, body.any("key"), "'key'", registry, name, is_key=True)
        value = await asyncio.to_thread(encoded_input, body.any("value"), "'value'", registry, name, is_key=False)
        headers = _headers(body.list("headers", at_most=HEADERS_MAX), name)
    written, offset = await produce_one(
        context.client, name, key, value, headers, timestamp_ms=timestamp_ms, partition=partition
    )
    context.details |= {"partition": written, "offset": offset}
    return Response({"partition": written, "offset": offset, "timestamp_ms": timestamp_ms}, 201)


async def check_expression(context: Context) -> Response:
    _expression(context.request.needed("where"))
    return Response({"ok": True})


_COPY: Final = ("topic", "partition", "offset")


async def _copied(
    context: Context, body: Body
) -> tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]:
    topic = body.text("topic", context.parameter("topic"))
    where, offset = TopicPartition(topic, body.number("partition", 0, PARTITIONS_MAX)), body.number("offset", 0, 2**62)
    context.details["copy_of"] = {"topic": topic, "partition": where.partition, "offset": offset}
    context.require("topic", "read", topic)
    if context.mask.touches(topic):
        raise ApiError(403, "FORBIDDEN", f"fields of topic '{topic}' are hidden from you: it cannot be copied")
    record, _ = await _fetch_one(context, where, offset)
    return record.key, record.value, record.headers


def _headers(listed: Sequence[Any], topic: str) -> list[tuple[str, bytes | None]]:
    headers: list[tuple[str, bytes | None]] = []
    for number, each in enumerate(listed, 1):
        header = Body.of(each, f"header {number}", ("name", "value"))
        value = encoded_input(header.any("value"), f"the value of header {number}", None, topic, is_key=False)
        headers.append((header.text("name"), value))
    return headers


def _note(context: Context, *names: str) -> None:
    """What was asked for, without what was searched for: that may be what is secret."""
    for name in names:
        value = context.request.text(name)
        if value is not None and name != "cursor":
            context.details[name] = value[:100]


def _wanted(context: Context) -> Wanted:
    request = context.request
    where = request.text("where")
    return Wanted(
        request.text("key") or "",
        request.text("value") or "",
        request.text("header") or "",
        None if where is None else _expression(where),
        request.choice("tombstones", (BOTH, ONLY, WITHOUT), BOTH),
    )


def _expression(text: str) -> Any:
    try:
        return parse_expression(text)
    except ExpressionError as error:
        raise bad_request(f"'where': {error}", 'for example: value.amount > 10 and key == "k1"') from None


def _filter(context: Context, wanted: Wanted) -> MessageFilter:
    request, cluster, mask = context.request, context.cluster, context.mask
    name = context.parameter("topic")
    key_format = request.choice("key_format", FORMATS, "auto")
    value_format = request.choice("value_format", FORMATS, "auto")
    key = FieldDecoder(name, "key", key_format, cluster.keys, mask)
    return MessageFilter(name, wanted, key, FieldDecoder(name, "value", value_format, cluster.values, mask), mask)


def _partitions(context: Context, topic: TopicMetadata) -> list[int]:
    text = context.request.text("partitions")
    if text is None:
        return list(topic.partitions)
    indexes = [whole_number("partitions", each.strip(), 0, PARTITIONS_MAX) for each in text.split(",")]
    for index in indexes:
        if index not in topic.partitions:
            raise bad_request(f"topic '{topic.name}' has partitions 0 to {len(topic.partitions) - 1}, not {index}")
    return list(dict.fromkeys(indexes))


async def _there(context: Context, topic: TopicMetadata, isolation_level: int) -> dict[int, Window]:
    """What each partition holds."""
    wheres = [TopicPartition(topic.name, index) for index in topic.partitions]
    starts = await earliest_offsets(context.client, wheres)
    ends = await latest_offsets(context.client, wheres, isolation_level=isolation_level)
    return {where.partition: Window(starts[where], ends[where]) for where in wheres}


async def _windows(context: Context, topic: TopicMetadata, there: dict[int, Window]) -> dict[int, Window]:
    """What is still to be seen: of the cursor, or of `from`, `to` and `partitions`; as far as it is there."""
    request = context.request
    cursor = request.text("cursor")
    if cursor is not None:
        asked = decode_windows(cursor)
    else:
        indexes = _partitions(context, topic)
        first = await _at(context, request.text("from", "beginning") or "", topic, indexes, "from")
        last = await _at(context, request.text("to", "end") or "", topic, indexes, "to")
        asked = {index: Window(first[index], last[index]) for index in indexes}
    return {
        index: Window(max(window.first, there[index].first), min(window.last, there[index].last))
        for index, window in asked.items()
        if index in there
    }


async def _at(context: Context, text: str, topic: TopicMetadata, indexes: Sequence[int], name: str) -> dict[int, int]:
    try:
        position = parse_position(text, now_ms())
    except ValueError as error:
        raise bad_request(f"'{name}': {error}") from None
    found = await resolve(context.client, position, [TopicPartition(topic.name, index) for index in indexes])
    return {where.partition: offset for where, offset in found.items()}


def _where(context: Context) -> TopicPartition:
    index = whole_number("partition", context.parameter("partition"), 0, PARTITIONS_MAX)
    return TopicPartition(context.parameter("topic"), index)


async def _fetch_one(
    context: Context, where: TopicPartition, offset: int | None = None
) -> tuple[ConsumedRecord, str | None]:
    """The record, and what its timestamp is. `ApiError(404)` says which comes next."""
    at = whole_number("offset", context.parameter("offset"), 0, 2**62) if offset is None else offset
    client = context.cluster.reading
    topic = await find_topic(client, where.topic)
    partition = topic.partitions.get(where.partition)
    if partition is None:
        raise not_found(f"topic '{where.topic}' has partitions 0 to {len(topic.partitions) - 1}")
    client.metadata.topics[where.topic] = topic
    later: int | None = None
    for _, _, data in await fetch(client, partition.leader, {where: at}, 0, wait_ms=0):
        code = error_code(data.error_code)
        if code is ErrorCode.OFFSET_OUT_OF_RANGE:
            continue
        if code is not ErrorCode.NONE:
            raise KafkaError(code, f"{where.topic}-{where.partition} at offset {at}")
        batches = data.records
        if not isinstance(batches, memoryview):
            continue
        for start, header in iterate_batches(batches, cut_is_end=True):
            if header.is_control:
                continue
            for each in iterate_records(batches, start, header):
                if each.offset == at:
                    found = ConsumedRecord(*where, at, each.timestamp, each.key, each.value, each.headers)
                    return found, _TIMESTAMP_TYPES.get(header.timestamp_type)
                if each.offset > at and later is None:
                    later = each.offset
    hint = "it was deleted or compacted away, or is not written yet"
    if later is not None:
        hint = f"the next there is {later}"
    raise not_found(f"{where.topic}-{where.partition} has no message at offset {at}", hint)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()
