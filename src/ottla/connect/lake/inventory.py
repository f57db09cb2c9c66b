"""What a lake holds: its tables, how far they go, how large they are; from metadata alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.iceberg.offsets import offsets_in, offsets_key
from ottla.connect.lake.place import LAKE, MODE, TOPIC, lake_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.lake.place import Place


@dataclass(frozen=True, slots=True)
class LakeTable:
    name: str
    topic: str
    mode: str
    """`versions`: each record; `table`: the last of each key."""
    offsets: dict[int, int]
    """By partition: the first that is not here."""
    rows: int
    files: int
    size_bytes: int
    snapshots: int
    committed_ms: int | None
    """When it was changed last, in ms of the epoch."""
    columns: dict[str, str]
    """Types of Iceberg's by name."""
    partitioning: list[str]
    location: str
    metadata_location: str
    """What an engine without the catalog is pointed to."""


def inventory(place: Place, names: tuple[str, ...] = ()) -> Iterator[LakeTable]:
    """In order of their names. `ConnectError`."""
    for name, table in lake_tables(place, names):
        yield _described(name, table)


def _described(name: str, table: Any) -> LakeTable:
    snapshot = table.current_snapshot()
    totals = snapshot.summary.additional_properties if snapshot is not None and snapshot.summary is not None else {}
    topic = table.properties[TOPIC]
    schema = table.schema()
    return LakeTable(
        name,
        topic,
        table.properties.get(MODE, ""),
        offsets_in(table, offsets_key(LAKE, topic)),
        int(totals.get("total-records", 0)),
        int(totals.get("total-data-files", 0)),
        int(totals.get("total-files-size", 0)),
        len(table.metadata.snapshots),
        snapshot.timestamp_ms if snapshot is not None else None,
        {each.name: str(each.field_type) for each in schema.fields},
        [f"{each.transform}({schema.find_column_name(each.source_id)})" for each in table.spec().fields],
        table.location(),
        table.metadata_location,
    )
