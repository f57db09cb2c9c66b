"""The buffer of a stream-table join with a grace period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.streams.store_context import ListedContext

from ottla.streams.errors import StreamsError
from ottla.streams.record import RawRecord
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.state.buffer_value import BufferValue
from ottla.streams.state.stores import Stores

if TYPE_CHECKING:
    from ottla.streams.state.time_ordered_buffer import TimeOrderedBuffer


def test_values_in_kafka_streams_bytes() -> None:
    raw = RawRecord("in", 2, 7, 9, None, None, (("h", None), ("i", b"x")))
    value = BufferValue(b"old", b"old", None, (9, raw.headers, raw))
    data = value.to_bytes()
    assert data.hex() == (
        "0000000000000009"
        "0000000000000007"
        "00000002"
        "696e"
        "00000002"
        "00000002"
        "00000001"
        "68"
        "ffffffff"
        "00000001"
        "69"
        "00000001"
        "78"
        "00000003"
        "6f6c64"
        "fffffffe"
        "ffffffff"
    )
    assert BufferValue.from_bytes(data + bytes(8)) == value


def opened(context: ListedContext) -> TimeOrderedBuffer:
    buffer = Stores.time_ordered_buffer_builder("join-Buffer", 10, Serdes.str(), Serdes.str()).build()
    buffer.open(context)
    return buffer


def put(buffer: TimeOrderedBuffer, context: ListedContext, key: str, timestamp_ms: int) -> bool:
    context.process(timestamp_ms, (("of", key.encode()),), offset=timestamp_ms)
    return buffer.put(key, f"{key}{timestamp_ms}", timestamp_ms, context.record.headers)


def evicted(buffer: TimeOrderedBuffer, context: ListedContext) -> list[Any]:
    seen: list[Any] = []

    def forward(key: Any, value: Any, timestamp_ms: int, headers: Any, /) -> None:
        assert context.record.timestamp_ms == timestamp_ms
        assert context.record.metadata is not None
        assert context.record.metadata.offset == timestamp_ms
        assert headers == (("of", key.encode()),)
        seen.append(value)

    buffer.evict(forward)
    return seen


def test_records_leave_in_order_when_their_grace_is_over() -> None:
    context = ListedContext()
    buffer = opened(context)
    for key, timestamp_ms in (("b", 5), ("a", 5), ("b", 5), ("c", 3), ("d", 14)):
        assert put(buffer, context, key, timestamp_ms)
    assert evicted(buffer, context) == ["c3"]
    assert context.record.timestamp_ms == 14
    assert put(buffer, context, "e", 4)
    assert not put(buffer, context, "e", 3)
    assert put(buffer, context, "f", 15)
    assert evicted(buffer, context) == ["e4", "a5", "b5", "b5"]
    assert evicted(buffer, context) == []
    restored = opened(context)
    restored.restore(context.logged)
    assert put(restored, context, "g", 40)
    assert evicted(restored, context) == ["d14", "f15"]


def test_a_null_key_cannot_wait() -> None:
    context = ListedContext()
    context.process(1)
    with pytest.raises(StreamsError, match="null key"):
        opened(context).put(None, "v", 1, ())
