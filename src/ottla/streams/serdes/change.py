"""Changes of a table on their way through a repartition topic (Java: `ChangedSerializer`, KIP-904).

    old ‖ 0        new ‖ 1        varint size of new ‖ new ‖ old ‖ 2

Java reads, but does not write yet, the same with a byte `is_latest` before the flag: 3, 4, 5. The varint is zigzag.
While an application is upgraded from before 3.5, a change goes as two records instead: `upgrade=True` refuses 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.protocol.varint import decode_varint, encode_varint
from ottla.streams.change import Change
from ottla.streams.errors import SerializationError
from ottla.streams.serdes.serde import Serde

if TYPE_CHECKING:
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Deserializer, Serializer

_OLD, _NEW, _BOTH = 0, 1, 2


class ChangeSerializer:
    def __init__(self, inner: Serializer[Any], *, upgrade: bool = False) -> None:
        self.inner = inner
        self._upgrade = upgrade

    def __call__(self, topic: str, data: Change | None, headers: Headers = (), /) -> bytes | None:
        assert data is not None
        new = None if data.new is None else self.inner(topic, data.new, headers)
        old = None if data.old is None else self.inner(topic, data.old, headers)
        if new is not None and old is not None:
            if self._upgrade:
                raise SerializationError(
                    "a change has old and new value, which must not be while `upgrade.from` is set"
                )
            return encode_varint(len(new)) + new + old + b"\x02"
        if new is not None:
            return new + b"\x01"
        if old is not None:
            return old + b"\x00"
        raise SerializationError(f"a change without old and new value must not go to {topic}")


class ChangeDeserializer:
    def __init__(self, inner: Deserializer[Any]) -> None:
        self.inner = inner

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> Change | None:
        if not data:
            raise SerializationError(f"{topic} should have changes of a table, but there is a record without a value")
        flag, end, is_latest = data[-1], len(data) - 1, True
        if flag > _BOTH:
            flag, end, is_latest = flag - 3, end - 1, _flag(data[-2])
        new = old = None
        if flag == _OLD:
            old = data[:end]
        elif flag == _NEW:
            new = data[:end]
        elif flag == _BOTH:
            size, start = decode_varint(data, 0)
            new, old = data[start : start + size], data[start + size : end]
        else:
            raise SerializationError(f"a change, read from {topic}, ends with {data[-1]}; only 0 to 5 are known")
        inner = self.inner
        return Change(
            None if new is None else inner(topic, new, headers),
            None if old is None else inner(topic, old, headers),
            is_latest,
        )


def _flag(byte: int) -> bool:
    if byte > 1:
        raise SerializationError(f"a change says {byte} of whether it is the latest; only 0 and 1 are known")
    return byte == 1


def change_serde(inner: Serde[Any], *, upgrade: bool = False) -> Serde[Change]:
    return Serde(ChangeSerializer(inner.serializer, upgrade=upgrade), ChangeDeserializer(inner.deserializer))
