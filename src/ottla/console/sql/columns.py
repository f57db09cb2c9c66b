"""Records as columns of Arrow: where a record stands, its key, its value, and the fields of values that are objects.

| column       | type                        | what it is                                                |
|--------------|-----------------------------|-----------------------------------------------------------|
| `_partition` | integer                     |                                                           |
| `_offset`    | bigint                      |                                                           |
| `_timestamp` | timestamp with time zone    |                                                           |
| `_key`       | varchar, or blob            | objects as JSON                                           |
| `_value`     | varchar, or blob            | the whole value; null for a tombstone                     |
| `_headers`   | list of (name, value)       | values are blobs                                          |
| each field   | as its values are           | where they have no type in common: varchar, JSON          |

What a query does not see is not decoded, and null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from ottla.console.sql.chunk import Chunk, own_type
from ottla.console.sql.fields import Fields
from ottla.console.sql.texts import one_text_type, text_column
from ottla.console.sql.usage import sees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.console.sql.decoding import Decoder
    from ottla.console.sql.usage import Names
    from ottla.protocol.record import Headers

PLACE: Final = ("_partition", "_offset", "_timestamp")
OWN: Final = (*PLACE, "_key", "_value", "_headers")


class Mask(Protocol):
    """Hides what whoever asks may not see; see `console.web.access.masking`."""

    def touches(self, topic: str, part: str | None = None) -> bool: ...

    def apply(self, topic: str, part: str, value: Any) -> tuple[Any, bool]: ...

    def header(self, topic: str, name: str, value: bytes | None) -> tuple[str | None, bool]: ...


class Columns:
    """Of one topic. Adding blocks: it decodes, and may ask the registry. `QueryError`: what is no such value."""

    def __init__(self, topic: str, key: Decoder, value: Decoder, names: Names, mask: Mask | None = None) -> None:
        self._topic = topic
        self._key = key
        self._value = value
        self._names = names
        self._mask = mask if mask is not None and mask.touches(topic) else None
        self._sees_fields = names is None or not names.issubset(OWN)
        self._fields = Fields(names, OWN)
        self._own: dict[str, list[Any]] = {name: [] for name in OWN}
        self._raw: list[Any] = []
        """Values as they are, for fields that are decoded once more."""
        self._length = 0

    def add(self, chunk: Chunk) -> None:
        if self._mask is not None:
            chunk.headers = [self._shown(each, self._mask) for each in chunk.headers]
        batch = chunk.to_arrow(has_headers=sees(self._names, "_headers"))
        for name in set(batch.schema.names).intersection(OWN):
            self._own[name].append(batch.column(name))
        if sees(self._names, "_key"):
            raw = batch.column("key")
            texts = self._texts(self._key, raw)
            self._own["_key"].append(text_column(self._values(self._key, chunk, raw)) if texts is None else texts)
        if self._sees_fields or sees(self._names, "_value"):
            self._add_values(chunk, batch.column("value"))
        self._length += len(chunk)

    def _add_values(self, chunk: Chunk, raw: Any) -> None:
        import pyarrow as pa

        texts = self._texts(self._value, raw)
        if texts is None:
            values = self._values(self._value, chunk, raw)
            self._fields.add(values)
            if sees(self._names, "_value"):
                texts = text_column(values)
                written = texts.cast(pa.binary())
                raw = written if written.equals(raw) else raw  # most are written as they are shown: kept once
        else:
            self._fields.add_none(len(chunk))
        if sees(self._names, "_value"):
            self._own["_value"].append(texts)
        self._raw.append(raw)

    def to_arrow(self) -> Any:
        """A `pyarrow.Table`."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for name, parts in self._own.items():
            if parts:
                columns[name] = pa.chunked_array(one_text_type(parts) if name in ("_key", "_value") else parts)
            else:
                columns[name] = pa.nulls(self._length, own_type(name) if sees(self._names, name) else None)
        return pa.table(columns | self._fields.columns(self._again, self._registered_fields()))

    def _registered_fields(self) -> dict[str, Any]:
        """Of topics that have no fields yet, and of those whose values are read by schemas."""
        if self._sees_fields and (self._value.has_registered or not self._fields):
            return self._value.registered_fields(self._topic)
        return {}

    def _texts(self, decoder: Decoder, raw: Any) -> Any:
        if self._mask is not None and self._mask.touches(self._topic, decoder.part):
            return None
        return decoder.texts(raw)

    def _values(self, decoder: Decoder, chunk: Chunk, raw: Any) -> list[Any]:
        values = decoder.values(chunk, raw)
        if self._mask is None:
            return values
        return [self._mask.apply(self._topic, decoder.part, each)[0] for each in values]

    def _shown(self, headers: Headers, mask: Mask) -> Headers:
        found: list[tuple[str, bytes | None]] = []
        for name, held in headers:
            shown, hidden = mask.header(self._topic, name, held)
            found.append((name, (shown or "").encode() if hidden else held))
        return found

    def _again(self) -> Iterator[list[Any]]:
        for partitions, offsets, raw in zip(self._own["_partition"], self._own["_offset"], self._raw, strict=True):
            chunk = Chunk(self._topic, partitions.to_pylist(), offsets.to_pylist(), values=raw.to_pylist())
            yield self._values(self._value, chunk, raw)
