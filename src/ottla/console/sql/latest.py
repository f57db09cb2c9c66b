"""The last record of each key: what a compacted topic keeps. What is overwritten is let go unread.

Keys are those of the bytes, within their partition: as compaction sees them. Tombstones, and records without a key,
are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.console.sql.chunk import RECORDS, Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITING: Final = 4 * RECORDS
"""So many records wait, or as many as there are keys, until those that are overwritten are looked for."""


class Latest:
    """In the order in which records come."""

    def __init__(self, topic: str, *, has_headers: bool) -> None:
        self._topic = topic
        self._has_headers = has_headers
        self._kept: Any = None
        self._waiting: list[Any] = []
        self._waiting_count = 0

    def add(self, chunk: Chunk) -> None:
        import pyarrow as pa

        table = pa.Table.from_batches([chunk.to_arrow(has_headers=self._has_headers)])
        for name in ("key", "value"):  # together they may be more than two gigabytes
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.large_binary()))
        self._waiting.append(table)
        self._waiting_count += len(chunk)
        if self._waiting_count >= max(WAITING, 0 if self._kept is None else self._kept.num_rows):
            self._reduce()

    def chunks(self) -> Iterator[Chunk]:
        self._reduce()
        if self._kept is not None:
            for batch in self._kept.to_batches(max_chunksize=RECORDS):
                yield Chunk.from_arrow(self._topic, batch)

    def _reduce(self) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting if self._kept is None else [self._kept, *self._waiting])
        self._waiting, self._waiting_count = [], 0
        numbered = pa.table({
            "partition": table["_partition"], "key": table["key"], "at": pa.array(range(table.num_rows), pa.int64())
        })  # fmt: skip
        numbered = numbered.filter(pc.is_valid(numbered["key"]))
        last = numbered.group_by(["partition", "key"], use_threads=False).aggregate([("at", "max")])["at_max"]
        kept = table.take(last.take(pc.sort_indices(last)))
        self._kept = kept.filter(pc.is_valid(kept["value"])).combine_chunks()
