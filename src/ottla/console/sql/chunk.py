"""Some ten thousand records of a topic as columns: what is decoded at a time, and how it is kept until then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ottla.clients.column_reader import ConsumedBatch
    from ottla.protocol.record import Headers

RECORDS: Final = 32_768
SIZE_BYTES: Final = 16 * 1024 * 1024
"""A chunk is full with so many, or with keys and values of this size, and has at most one batch more."""


@dataclass(slots=True)
class Chunk:
    """All lists are of one length; `timestamps` in milliseconds since 1970."""

    topic: str
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, batch: ConsumedBatch, size_bytes: int) -> None:
        offsets, timestamps, keys, values, headers = batch.columns
        self.partitions += [batch.partition] * len(offsets)
        self.offsets += offsets
        self.timestamps += timestamps
        self.keys += keys
        self.values += values
        self.headers += headers
        self.size_bytes += size_bytes

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def is_full(self) -> bool:
        return len(self.offsets) >= RECORDS or self.size_bytes >= SIZE_BYTES

    def place(self, index: int) -> str:
        return f"{self.topic}-{self.partitions[index]} at offset {self.offsets[index]}"

    def to_arrow(self, *, has_headers: bool) -> Any:
        """A `pyarrow.RecordBatch`, keys and values as they are."""
        import pyarrow as pa

        columns = {
            "_partition": pa.array(self.partitions, own_type("_partition")),
            "_offset": pa.array(self.offsets, own_type("_offset")),
            "_timestamp": pa.array(self.timestamps, own_type("_timestamp")),
            "key": pa.array(self.keys, pa.binary()),
            "value": pa.array(self.values, pa.binary()),
        }
        if has_headers:
            columns["_headers"] = _header_column(self.headers)
        return pa.RecordBatch.from_pydict(columns)

    @classmethod
    def from_arrow(cls, topic: str, batch: Any) -> Chunk:
        """Of what `to_arrow` made, or a part of it."""
        import pyarrow as pa

        keys, values = batch.column("key").to_pylist(), batch.column("value").to_pylist()
        headers: list[Headers] = [()] * len(keys)
        if "_headers" in batch.schema.names:
            headers = [
                [(each["name"], each["value"]) for each in held] for held in batch.column("_headers").to_pylist()
            ]
        return cls(
            topic,
            batch.column("_partition").to_pylist(),
            batch.column("_offset").to_pylist(),
            batch.column("_timestamp").cast(pa.int64()).to_pylist(),
            keys,
            values,
            headers,
        )


def own_type(name: str) -> Any:
    """Of a column that every topic has; `_key` and `_value` may be binary as well."""
    import pyarrow as pa

    match name:
        case "_partition":
            return pa.int32()
        case "_offset":
            return pa.int64()
        case "_timestamp":
            return pa.timestamp("ms", "UTC")
        case "_headers":
            return pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
    return pa.string()


def _header_column(headers: list[Headers]) -> Any:
    import pyarrow as pa

    kind = own_type("_headers")
    try:
        return pa.array(headers, kind)
    except UnicodeEncodeError:  # a name that is not UTF-8
        return pa.array(
            [[(name.encode("utf-8", "replace").decode(), held) for name, held in each] for each in headers], kind
        )
