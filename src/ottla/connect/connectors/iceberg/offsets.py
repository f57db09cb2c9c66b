"""How far a table goes, in the properties of its snapshots: `ottla.offsets.<connector>.<topic>` = `0:12,1:7`.

A number is the next offset of a partition that is not in the table. Each snapshot of ours says all that is known, as
those before it may expire; one of somebody else's says nothing, and its parents are asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX: Final = "ottla.offsets."


def offsets_key(connector: str, topic: str) -> str:
    return f"{PREFIX}{connector}.{topic}"


def parse_offsets(text: str) -> dict[int, int]:
    """By partition."""
    return {int(partition): int(offset) for partition, _, offset in (each.partition(":") for each in text.split(","))}


def offsets_text(offsets: Mapping[int, int]) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def snapshots_back(table: Any) -> Iterator[Any]:
    """The current one of a table of PyIceberg's, and its parents, as far as they are kept."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None


def offsets_in(table: Any, key: str) -> dict[int, int]:
    """What was said last under that key; nothing where nobody said it."""
    for snapshot in snapshots_back(table):
        said = snapshot.summary.additional_properties.get(key) if snapshot.summary is not None else None
        if said:
            return parse_offsets(said)
    return {}


def all_offsets(table: Any) -> dict[str, str]:
    """The last word under each key: what a snapshot that changes no rows has to say on."""
    found: dict[str, str] = {}
    for snapshot in snapshots_back(table):
        if snapshot.summary is not None:
            for key, text in snapshot.summary.additional_properties.items():
                if key.startswith(PREFIX):
                    found.setdefault(key, text)
    return found
