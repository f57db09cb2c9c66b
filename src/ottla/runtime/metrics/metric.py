"""What can be measured, declared once: a name, its kind, its labels; and one reading of it.

A `Metric` is a constant of the file that reads it, so that the reference page and the tests of dashboards know of every
one without a scrape. Names and labels are those that existing dashboards ask for: `docs/reference/metrics.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias


class Kind(Enum):
    COUNTER = "counter"
    """Only grows, until the process starts again."""
    GAUGE = "gauge"
    SUMMARY = "summary"
    """Quantiles of what was seen lately, with `_sum` and `_count` of all that was."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`help` is one line; `labels` are the names of the labels, in the order in which readings give their values."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    mbean: str = ""
    """What it is of Apache Kafka's, where it is anything."""


class Summary(NamedTuple):
    """The value of a `Kind.SUMMARY`: quantiles as (text of the quantile, value)."""

    observed: int
    total: float
    quantiles: Sequence[tuple[str, float]]


Reading: TypeAlias = tuple[Metric, tuple[str, ...], float | Summary]
"""A metric, the values of its labels (an empty one: the label is not there), and its value."""

Source: TypeAlias = Callable[[], Iterable[Reading]]
"""Reads when it is called. It may be read in slices, between which things change: it goes over copies of containers."""


def counter(name: str, text: str, *labels: str, mbean: str = "") -> Metric:
    return Metric(name, Kind.COUNTER, text, labels, mbean)


def gauge(name: str, text: str, *labels: str, mbean: str = "") -> Metric:
    return Metric(name, Kind.GAUGE, text, labels, mbean)


def summary(name: str, text: str, *labels: str, mbean: str = "") -> Metric:
    return Metric(name, Kind.SUMMARY, text, labels, mbean)
