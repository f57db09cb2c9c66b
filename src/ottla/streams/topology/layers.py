"""Where the boxes of a directed graph go so that it can be read: in rows, from what comes first to what comes last.

Rows by the longest way to a box; in each row boxes lie near what they are joined to (barycentres, as Sugiyama's method
has it). An edge over several rows has a place of its own in those between, so that no edge runs through a box.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

GAP: Final = 28.0
ROW_GAP: Final = 46.0
LANE: Final = 12.0
"""The width of an edge that passes by a row."""
SWEEPS: Final = 6


@dataclass(slots=True)
class Box:
    """`x` is its middle, `y` its upper edge, `floor` the lower edge of its row. An edge's lane has no key."""

    key: str | None
    width: float
    height: float
    row: int = 0
    x: float = 0.0
    y: float = 0.0
    floor: float = 0.0
    above: list[Box] = field(default_factory=list, repr=False)
    below: list[Box] = field(default_factory=list, repr=False)

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Layout:
    boxes: Mapping[str, Box]
    edges: Sequence[tuple[Box, ...]]
    """Each from its first box over its lanes to its last one."""
    width: float
    height: float


def lay_out(sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]) -> Layout:
    """`sizes`: width and height by key, in the order in which boxes lie where nothing else decides. No circles."""
    boxes = {key: Box(key, *size) for key, size in sizes.items()}
    _assign_rows(boxes, edges)
    rows: list[list[Box]] = [[] for _ in range(max((box.row for box in boxes.values()), default=-1) + 1)]
    for box in boxes.values():
        rows[box.row].append(box)
    ways = [_way(boxes[start], boxes[end], rows) for start, end in edges]
    for way in ways:
        for upper, lower in pairwise(way):
            upper.below.append(lower)
            lower.above.append(upper)
    _order(rows)
    _place(rows)
    width = max((box.x + box.width / 2 for row in rows for box in row), default=0.0)
    height = rows[-1][0].y + max(box.height for box in rows[-1]) if rows else 0.0
    return Layout(boxes, ways, width, height)


def _assign_rows(boxes: Mapping[str, Box], edges: Sequence[tuple[str, str]]) -> None:
    for _ in boxes:
        changed = False
        for start, end in edges:
            if boxes[end].row <= boxes[start].row:
                boxes[end].row = boxes[start].row + 1
                changed = True
        if not changed:
            return
    if edges:
        raise ValueError("a graph that leads back to itself has no rows")


def _way(start: Box, end: Box, rows: list[list[Box]]) -> tuple[Box, ...]:
    lanes = []
    for row in range(start.row + 1, end.row):
        lane = Box(None, LANE, 0.0, row)
        rows[row].append(lane)
        lanes.append(lane)
    return (start, *lanes, end)


def _order(rows: list[list[Box]]) -> None:
    """Down and up in turn, each row by the middle of the places of its neighbours; equal ones stay as they are."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            others = rows[row[0].row + (-1 if down else 1)]
            places = {id(box): float(place) for place, box in enumerate(others)}
            own = {id(box): float(place) for place, box in enumerate(row)}

            def middle(
                box: Box, places: Mapping[int, float] = places, own: Mapping[int, float] = own, down: bool = down
            ) -> float:
                neighbours = box.above if down else box.below
                return _mean([places[id(each)] for each in neighbours]) if neighbours else own[id(box)]

            row.sort(key=middle)


def _place(rows: list[list[Box]]) -> None:
    y = 0.0
    for row in rows:
        x = 0.0
        for box in row:
            box.x, box.y = x + box.width / 2, y
            x += box.width + GAP
        height = max(box.height for box in row)
        for box in row:
            box.floor = y + height
        y += height + ROW_GAP
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            _straighten(row, lambda box, down=down: box.above if down else box.below)  # type: ignore[misc]
    least = min((box.left for row in rows for box in row), default=0.0)
    for row in rows:
        for box in row:
            box.x -= least


def _straighten(row: list[Box], neighbours: Callable[[Box], list[Box]]) -> None:
    """As near to above or below their neighbours as the order and the gaps of the row allow."""
    wanted = [_mean([each.x for each in neighbours(box)]) if neighbours(box) else box.x for box in row]
    from_left, from_right = list(wanted), list(wanted)
    for at in range(1, len(row)):
        from_left[at] = max(wanted[at], from_left[at - 1] + _apart(row[at - 1], row[at]))
    for at in range(len(row) - 2, -1, -1):
        from_right[at] = min(wanted[at], from_right[at + 1] - _apart(row[at], row[at + 1]))
    for at, box in enumerate(row):
        box.x = (from_left[at] + from_right[at]) / 2


def _apart(left: Box, right: Box) -> float:
    return (left.width + right.width) / 2 + GAP


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
