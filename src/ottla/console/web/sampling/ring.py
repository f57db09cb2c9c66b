"""Numbers over time, as many as there are samples in a ring: old ones make room for new ones. Pure."""

from __future__ import annotations

import math
from array import array
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: Final = math.nan


class Ring:
    """`record` once a sample; a series that nobody has recorded for as long as the ring is forgotten."""

    def __init__(self, samples_max: int, series_max: int) -> None:
        self._samples_max = samples_max
        self._series_max = series_max
        self._times: deque[int] = deque(maxlen=samples_max)
        self._series: dict[tuple[str, ...], array[float]] = {}
        self._recorded: dict[tuple[str, ...], int] = {}
        self._count = 0
        self.left_out = 0
        """Series of the last sample that found no room."""

    def record(self, at_ms: int, values: Mapping[tuple[str, ...], float | None]) -> None:
        slot = self._count % self._samples_max
        self._times.append(at_ms)
        for series in self._series.values():
            series[slot] = NOTHING
        self.left_out = 0
        for name, value in values.items():
            found = self._series.get(name)
            if found is None:
                if len(self._series) >= self._series_max:
                    self.left_out += 1
                    continue
                found = self._series[name] = array("d", [NOTHING]) * self._samples_max
            found[slot] = NOTHING if value is None else value
            self._recorded[name] = self._count
        self._count += 1
        for name in [each for each, at in self._recorded.items() if self._count - at > self._samples_max]:
            del self._recorded[name], self._series[name]

    @property
    def times_ms(self) -> list[int]:
        """The oldest first."""
        return list(self._times)

    def __contains__(self, name: tuple[str, ...]) -> bool:
        return name in self._series

    def read(self, name: tuple[str, ...]) -> list[float | None]:
        """As many as there are times."""
        there = len(self._times)
        series = self._series.get(name)
        if series is None:
            return [None] * there
        first = self._count - there
        values = (series[each % self._samples_max] for each in range(first, self._count))
        return [None if math.isnan(value) else round(value, 3) for value in values]

    def last(self, name: tuple[str, ...]) -> float | None:
        values = self.read(name)
        return values[-1] if values else None

    def names(self, *first: str) -> list[tuple[str, ...]]:
        return [each for each in self._series if each[: len(first)] == first]
