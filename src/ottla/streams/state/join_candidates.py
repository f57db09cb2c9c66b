"""The records of a left or outer stream–stream join that have found no partner yet, in the order of their times.

    key     8 bytes of time ‖ 1 left, 0 right ‖ the record's key         value     a list of (1 left, 0 right ‖ value)

Java: `ListValueStore` with `TimestampedKeyAndJoinSide` and `LeftOrRightValue`; the changelog has the same bytes.
Records of one side, time and key share an entry, so a put adds to its list, and a put of None deletes the list.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.streams.serdes.list_serde import list_serde
from ottla.streams.serdes.serde import Serde
from ottla.streams.state.key_value_store import KeyValueConfig, TypedKeyValueStore
from ottla.streams.state.logged_builder import LoggedBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.record import Headers
    from ottla.streams.state.bytes_store import BytesStore
    from ottla.streams.state.store import StoreContext

_HEAD: Final = struct.Struct(">qb")
_LISTS: Final = list_serde(Serde[bytes](lambda topic, data, headers=(): data, lambda topic, data, headers=(): data))


class TimestampedKeyAndJoinSide(NamedTuple):
    key: Any
    timestamp_ms: int
    is_left: bool

    def __str__(self) -> str:
        return f"<{'left' if self.is_left else 'right'},{self.key}:{self.timestamp_ms}>"


class LeftOrRightValue(NamedTuple):
    is_left: bool
    value: Any

    def __str__(self) -> str:
        return f"<{'left' if self.is_left else 'right'},{self.value}>"


def candidate_key_serde(inner: Serde[Any]) -> Serde[TimestampedKeyAndJoinSide]:
    def serialize(topic: str, data: TimestampedKeyAndJoinSide | None, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        key, timestamp_ms, is_left = data
        return _HEAD.pack(timestamp_ms, is_left) + (inner.serializer(topic, key, headers) or b"")

    def deserialize(topic: str, data: bytes | None, headers: Headers = (), /) -> TimestampedKeyAndJoinSide | None:
        if data is None:
            return None
        timestamp_ms, is_left = _HEAD.unpack_from(data)
        key = inner.deserializer(topic, data[_HEAD.size :], headers)
        return TimestampedKeyAndJoinSide(key, timestamp_ms, is_left == 1)

    return Serde(serialize, deserialize)


def candidate_value_serde(left: Serde[Any], right: Serde[Any]) -> Serde[LeftOrRightValue]:
    def serialize(topic: str, data: LeftOrRightValue | None, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        is_left, value = data
        encoded = (left if is_left else right).serializer(topic, value, headers)
        return None if encoded is None else (b"\x01" if is_left else b"\x00") + encoded

    def deserialize(topic: str, data: bytes | None, headers: Headers = (), /) -> LeftOrRightValue | None:
        if not data:
            return None
        is_left = data[0] == 1
        return LeftOrRightValue(is_left, (left if is_left else right).deserializer(topic, data[1:], headers))

    return Serde(serialize, deserialize)


class JoinCandidates(TypedKeyValueStore):
    def __init__(self, config: KeyValueConfig, left: Serde[Any] | None, right: Serde[Any] | None) -> None:
        super().__init__(config)
        self._left = left
        self._right = right

    def open(self, context: StoreContext) -> None:
        key = self._config.key_serde or context.key_serde
        value = candidate_value_serde(self._left or context.value_serde, self._right or context.value_serde)
        self._open_typed(context, candidate_key_serde(key), value)
        self.bytes_store.open(context.directory)

    def put(self, key: Any, value: Any | None) -> None:
        encoded = self.key_bytes(key)
        if value is None:
            self.write(encoded, None, self._record.timestamp_ms)
            return
        before = self.bytes_store.get(encoded)
        entries = [] if before is None else _LISTS.deserializer(self._topic, before) or []
        entries.append(self.data_of(value))
        self.write(encoded, _LISTS.serializer(self._topic, entries), self._record.timestamp_ms)

    def joined(self, key: TimestampedKeyAndJoinSide) -> None:
        """A partner came: nothing waits under that key any more. Nothing is logged where nothing waited."""
        encoded = self.key_bytes(key)
        if self.bytes_store.get(encoded) is not None:
            self.write(encoded, None, self._record.timestamp_ms)

    def range(
        self, first: Any | None = None, last: Any | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """One pair for each entry of each list."""
        low = None if first is None else self.key_bytes(first)
        high = None if last is None else self.key_bytes(last)
        for encoded, data in self.range_of_bytes(low, high, reverse=reverse):
            key = self._deserialize_key(self._topic, encoded)
            for entry in _LISTS.deserializer(self._topic, data) or ():
                yield key, self._deserialize_value(self._topic, entry)


@dataclass(frozen=True, slots=True)
class JoinCandidatesBuilder(LoggedBuilder):
    """A `StoreBuilder`."""

    name: str
    make_bytes_store: Callable[[str], BytesStore]
    key_serde: Serde[Any] | None
    left_serde: Serde[Any] | None
    right_serde: Serde[Any] | None

    def build(self) -> JoinCandidates:
        config = KeyValueConfig(self.name, self.make_bytes_store, self.key_serde, None, timestamped=False)
        return JoinCandidates(config, self.left_serde, self.right_serde)
