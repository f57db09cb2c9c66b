"""Readings on their way between processes: as what JSON can say, and back.

[[name, kind, help, [label, …], mbean, [[[text, …], value], …]], …]        a value: a number, or a summary's parts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.runtime.metrics.metric import Kind, Metric, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.runtime.metrics.metric import Reading


def encode_readings(readings: Iterable[Reading]) -> list[Any]:
    found: dict[Metric, list[Any]] = {}
    for metric, labels, value in readings:
        told = [value.observed, value.total, list(value.quantiles)] if isinstance(value, Summary) else value
        found.setdefault(metric, []).append([labels, told])
    return [[each.name, each.kind.value, each.help, each.labels, each.mbean, told] for each, told in found.items()]


def decode_readings(told: list[Any]) -> list[Reading]:
    """The opposite of `encode_readings`, through JSON."""
    readings: list[Reading] = []
    for name, kind, text, labels, mbean, values in told:
        metric = Metric(name, Kind(kind), text, tuple(labels), mbean)
        readings += [(metric, tuple(texts), _value(value)) for texts, value in values]
    return readings


def _value(told: Any) -> float | Summary:
    if not isinstance(told, list):
        assert isinstance(told, int | float)
        return told
    observed, total, quantiles = told
    return Summary(observed, total, [(text, at) for text, at in quantiles])
