"""Readings as text: Prometheus's exposition format, version 0.0.4.

    # HELP kafka_log_log_size …
    # TYPE kafka_log_log_size gauge
    kafka_log_log_size{topic="orders",partition="0"} 1024

All lines of a metric stand together, whatever the order of the readings.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.metric import Metric, Reading, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ottla.runtime.metrics.metric import Source

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SLICE_READINGS: Final = 500
"""So many are read before whatever else is due has its turn: a node with many partitions goes on serving."""

_SPECIAL = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_SPECIAL_IN_HELP = str.maketrans({"\\": "\\\\", "\n": "\\n"})


class Exposition:
    def __init__(self) -> None:
        self._lines: dict[Metric, list[str]] = {}

    def add(self, reading: Reading) -> None:
        metric, values, value = reading
        lines = self._lines.get(metric)
        if lines is None:
            lines = self._lines[metric] = []
        labels = ",".join(
            [f'{name}="{_escaped(text)}"' for name, text in zip(metric.labels, values, strict=True) if text]
        )
        if not isinstance(value, Summary):
            lines.append(f"{metric.name}{{{labels}}} {number(value)}" if labels else f"{metric.name} {number(value)}")
            return
        before = f"{labels}," if labels else ""
        lines += [f'{metric.name}{{{before}quantile="{text}"}} {number(at)}' for text, at in value.quantiles]
        around = f"{{{labels}}}" if labels else ""
        lines.append(f"{metric.name}_sum{around} {number(value.total)}")
        lines.append(f"{metric.name}_count{around} {value.observed}")

    def text(self) -> bytes:
        out: list[str] = []
        for metric, lines in self._lines.items():
            out.append(f"# HELP {metric.name} {metric.help.translate(_SPECIAL_IN_HELP)}")
            out.append(f"# TYPE {metric.name} {metric.kind.value}")
            out += lines
        out.append("")
        return "\n".join(out).encode()


async def expose(sources: Sequence[Source]) -> bytes:
    """Everything that the sources read, a slice at a time."""
    exposition = Exposition()
    unyielded = 0
    for source in sources:
        for reading in source():
            exposition.add(reading)
            unyielded += 1
            if unyielded >= SLICE_READINGS:
                unyielded = 0
                await asyncio.sleep(0)
    return exposition.text()


def expose_now(readings: Iterable[Reading]) -> bytes:
    exposition = Exposition()
    for reading in readings:
        exposition.add(reading)
    return exposition.text()


def number(value: float) -> str:
    """As Go reads it."""
    if isinstance(value, int):
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL) if '"' in text or "\\" in text or "\n" in text else text
