"""Sensors: what is recorded ever and lately, sample by sample, and scopes whose metrics come and go together."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import pytest

from ottla.runtime.metrics.sensor import Sensor, Statistic
from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import MetricsRegistry, average_and_maximum, rate_and_count
from ottla.streams.record import RawRecord
from ottla.streams.tasks.rocksdb_metrics import parse_statistics
from ottla.streams.tasks.task_metrics import consumed_bytes

if TYPE_CHECKING:
    from ottla.streams.metrics.registry import Definition

WINDOW_MS = 1000


def sensor(*, enabled: bool = True, samples: int = 2) -> Sensor:
    return Sensor(enabled=enabled, window_ms=WINDOW_MS, samples=samples)


def test_what_was_recorded_ever_stays_and_what_was_recorded_lately_goes() -> None:
    one = sensor()
    one.record(4, 0)
    one.record(8, 500)
    one.record(1, 1200)
    assert (one.measure(Statistic.COUNT, 1200), one.measure(Statistic.TOTAL, 1200)) == (3, 13)
    assert one.measure(Statistic.MAXIMUM, 1200) == 8
    assert one.measure(Statistic.MINIMUM, 1200) == 1
    assert one.measure(Statistic.AVERAGE, 1200) == pytest.approx(13 / 3)
    assert one.measure(Statistic.MAXIMUM, 2500) == 1  # of the sample that was recorded at 1200
    assert one.measure(Statistic.COUNT, 99_000) == 3
    assert isnan(one.measure(Statistic.MAXIMUM, 99_000))
    assert isnan(one.measure(Statistic.AVERAGE, 99_000))


def test_a_rate_covers_whole_samples() -> None:
    one = sensor()
    one.record(6, 0)
    assert one.measure(Statistic.RATE, 0) == 1.0  # the sample that is not there counts as a window
    assert one.measure(Statistic.SUM_RATE, 0) == 6.0
    one.record(6, 1500)
    assert one.measure(Statistic.RATE, 1500) == pytest.approx(2 / 1.5)
    assert one.measure(Statistic.SUM_RATE, 1500) == pytest.approx(12 / 1.5)
    assert one.measure(Statistic.RATE, 99_000) == 0


def test_a_ratio_is_the_part_of_the_time() -> None:
    one = sensor()
    one.record(100, 1000)
    one.record(300, 1400)
    assert one.measure(Statistic.RATIO, 1800) == 0.5
    assert one.measure(Statistic.RATIO, 1000) == 0.0


def test_many_at_once_are_as_many_by_themselves() -> None:
    alone, together = sensor(), sensor()
    for value in (3, 1, 2):
        alone.record(value, 10)
    together.record_many(3, 6, 1, 3, 10)
    for statistic in set(Statistic) - {Statistic.VALUE}:
        assert alone.measure(statistic, 20) == together.measure(statistic, 20)
    together.record_many(0, 0, 0, 0, 20)
    assert together.count == 3


def test_below_the_level_nothing_is_recorded_and_metrics_are_there_all_the_same() -> None:
    registry = MetricsRegistry(lambda: 0, level=RecordingLevel.INFO)
    definitions: list[Definition] = rate_and_count("call", "calls") + average_and_maximum("call-latency", "nanoseconds")
    scope = registry.scope()
    quiet = scope.sensor("group", {"b": "2", "a": "1"}, definitions, RecordingLevel.DEBUG)
    quiet.record(5, 0)
    found = {name.name: metric.value for name, metric in registry.metrics().items() if name.group == "group"}
    assert found["call-total"] == found["call-rate"] == 0
    assert isnan(found["call-latency-max"])
    assert {name.tags for name in registry.metrics() if name.group == "group"} == {(("a", "1"), ("b", "2"))}


def test_a_scope_takes_its_metrics_along_but_not_its_successors() -> None:
    registry = MetricsRegistry(lambda: 0)
    first, second = registry.scope(), registry.scope(published=False)
    first.gauge("group", {}, "state", "", lambda: "first")
    second.gauge("group", {}, "state", "", lambda: "second")
    states = [metric for name, metric in registry.metrics().items() if name.name == "state"]
    assert [each.value for each in states] == ["first"]
    second.publish()
    first.close()
    assert [metric.value for name, metric in registry.metrics().items() if name.name == "state"] == ["second"]
    second.close()
    assert {name.group for name in registry.metrics()} == {"kafka-metrics-count"}


def test_bytes_of_large_batches_are_those_of_every_64th_record() -> None:
    def record(number: int, size: int | None) -> RawRecord:
        return RawRecord("in", 0, number, 0, b"key", None if size is None else bytes(size), (("h", b"xy"),))

    frame = 8 + 8 + 4 + 2
    assert consumed_bytes([record(0, 5), record(1, None)]) == 2 * frame + 2 * (3 + 3) + 5 - 1
    assert consumed_bytes([record(number, 10) for number in range(320)]) == 320 * (frame + 6 + 10)


def test_statistics_of_rocksdb_are_read() -> None:
    text = "rocksdb.bytes.written COUNT : 35\nrocksdb.db.flush.micros P50 : 1.5 P100 : 8.000000 COUNT : 2 SUM : 9\n"
    found = parse_statistics(text)
    assert found["rocksdb.bytes.written"] == {"COUNT": 35}
    assert found["rocksdb.db.flush.micros"] == {"P50": 1.5, "P100": 8, "COUNT": 2, "SUM": 9}
