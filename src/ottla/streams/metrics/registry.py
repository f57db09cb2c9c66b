"""All metrics of one instance, by name, group and tags (`org.apache.kafka.streams.processor.internals.metrics`).

Whoever adds metrics holds a `MetricsScope`, and closes it when what it measures is gone.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.runtime.metrics.sensor import Sensor
from ottla.runtime.metrics.sensor import Statistic as Statistic
from ottla.streams.metrics.recording_level import RecordingLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Definition = tuple[str, Statistic, str]
"""A metric of a sensor: its name, what it says of the sensor, and its description."""

T = TypeVar("T")
DEFAULT_WINDOW_MS: Final = 30_000
DEFAULT_SAMPLES: Final = 2


@dataclass(frozen=True, slots=True)
class MetricName:
    """`tags` are sorted by their keys. Two names with other descriptions are the same name."""

    name: str
    group: str
    tags: tuple[tuple[str, str], ...]
    description: str = field(default="", compare=False)

    def tag(self, key: str) -> str | None:
        return dict(self.tags).get(key)


class Metric:
    """Its value is computed when it is asked for: a number, or a text of those that describe something."""

    __slots__ = ("_read", "name")

    def __init__(self, name: MetricName, read: Callable[[], Any]) -> None:
        self.name = name
        self._read = read

    @property
    def value(self) -> Any:
        return self._read()

    def __repr__(self) -> str:
        return f"<{self.name.group} {self.name.name} {dict(self.name.tags)}: {self.value!r}>"


class MetricsRegistry:
    def __init__(
        self,
        clock_ms: Callable[[], int] | None = None,
        stopwatch_ns: Callable[[], int] | None = None,
        *,
        level: RecordingLevel = RecordingLevel.INFO,
        window_ms: int = DEFAULT_WINDOW_MS,
        samples: int = DEFAULT_SAMPLES,
    ) -> None:
        """By default the wall clock, and a stopwatch that measures how long something takes."""
        self.clock_ms: Final = clock_ms or _wall_clock_ms
        self.stopwatch_ns: Final = stopwatch_ns or time.perf_counter_ns
        self.level: Final = level
        self._window_ms = window_ms
        self._samples = samples
        self._metrics: dict[MetricName, Metric] = {}
        self._user_sensors: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()
        self.scope().gauge("kafka-metrics-count", {}, "count", "how many metrics there are", lambda: len(self._metrics))

    @classmethod
    def configured(
        cls,
        config: Mapping[str, Any],
        clock_ms: Callable[[], int] | None = None,
        stopwatch_ns: Callable[[], int] | None = None,
    ) -> MetricsRegistry:
        """As `metrics.recording.level`, `metrics.sample.window.ms` and `metrics.num.samples` say."""
        return cls(
            clock_ms,
            stopwatch_ns,
            level=RecordingLevel[str(config.get("metrics.recording.level") or "INFO").upper()],
            window_ms=int(config.get("metrics.sample.window.ms") or DEFAULT_WINDOW_MS),
            samples=int(config.get("metrics.num.samples") or DEFAULT_SAMPLES),
        )

    def metrics(self) -> dict[MetricName, Metric]:
        with self._lock:
            return dict(self._metrics)

    def records(self, level: RecordingLevel) -> bool:
        return level <= self.level

    def scope(self, *, published: bool = True) -> MetricsScope:
        return MetricsScope(self, published=published)

    def add(self, metric: Metric) -> None:
        """What has the same name gives way: its owner is closing, and its successor has begun."""
        with self._lock:
            self._metrics[metric.name] = metric

    def remove(self, metrics: Iterable[Metric]) -> None:
        with self._lock:
            for metric in metrics:
                if self._metrics.get(metric.name) is metric:
                    del self._metrics[metric.name]

    def user_sensor(self, key: tuple[str, str, str], make: Callable[[], T]) -> T:
        """The one of that thread, entity and operation; made when there is none."""
        found: T | None = self._user_sensors.get(key)
        if found is None:
            found = self._user_sensors[key] = make()
        return found

    def forget_user_sensor(self, sensor: object) -> None:
        for key, each in list(self._user_sensors.items()):
            if each is sensor:
                del self._user_sensors[key]

    def make_sensor(self, level: RecordingLevel) -> Sensor:
        return Sensor(enabled=level <= self.level, window_ms=self._window_ms, samples=self._samples)


class MetricsScope:
    """The metrics of one client, thread, task or store, which come and go together."""

    def __init__(self, registry: MetricsRegistry, *, published: bool = True) -> None:
        """Those of an unpublished scope are recorded, and nobody sees them until `publish`."""
        self.registry: Final = registry
        self._metrics: list[Metric] = []
        self._published = published

    def sensor(
        self, group: str, tags: Mapping[str, str], definitions: Iterable[Definition], level: RecordingLevel
    ) -> Sensor:
        """A sensor whose metrics are there at any level, and stay empty where it is not recorded, as in Kafka."""
        registry = self.registry
        sensor = registry.make_sensor(level)
        for name, statistic, description in definitions:
            self._add(group, tags, name, description, _measurement(sensor, statistic, registry.clock_ms))
        return sensor

    def measure(self, name: MetricName, sensor: Sensor, statistic: Statistic) -> None:
        read = _measurement(sensor, statistic, self.registry.clock_ms)
        self._add(name.group, dict(name.tags), name.name, name.description, read)

    def gauge(self, group: str, tags: Mapping[str, str], name: str, description: str, read: Callable[[], Any]) -> None:
        self._add(group, tags, name, description, read)

    def _add(self, group: str, tags: Mapping[str, str], name: str, description: str, read: Callable[[], Any]) -> None:
        metric = Metric(MetricName(name, group, tuple(sorted(tags.items())), description), read)
        self._metrics.append(metric)
        if self._published:
            self.registry.add(metric)

    def publish(self) -> None:
        self._published = True
        for metric in self._metrics:
            self.registry.add(metric)

    def withdraw(self) -> None:
        """Nobody sees them, until they are published again."""
        self._published = False
        self.registry.remove(self._metrics)

    def close(self) -> None:
        self.registry.remove(self._metrics)
        self._metrics.clear()


def _measurement(sensor: Sensor, statistic: Statistic, clock_ms: Callable[[], int]) -> Callable[[], float]:
    return lambda: sensor.measure(statistic, clock_ms())


def _wall_clock_ms() -> int:
    return int(time.time() * 1000)


def rate_and_count(operation: str, what: str) -> list[Definition]:
    return [
        (f"{operation}-rate", Statistic.RATE, f"{what} a second"),
        (f"{operation}-total", Statistic.COUNT, f"{what} in all"),
    ]


def rate_and_total(operation: str, what: str) -> list[Definition]:
    """Where one recording says how many there were; the rate is that of recordings, as in Kafka Streams."""
    return [
        (f"{operation}-rate", Statistic.RATE, f"{what} a second"),
        (f"{operation}-total", Statistic.TOTAL, f"{what} in all"),
    ]


def average_and_maximum(operation: str, what: str) -> list[Definition]:
    return [
        (f"{operation}-avg", Statistic.AVERAGE, f"{what}, on average"),
        (f"{operation}-max", Statistic.MAXIMUM, f"{what}, at most"),
    ]
