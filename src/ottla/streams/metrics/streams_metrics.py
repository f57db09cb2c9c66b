"""`ProcessorContext.metrics`: metrics of one's own beside the others (`org.apache.kafka.streams.StreamsMetrics`).

seen = context.metrics.add_rate_total_sensor("fraud", "detector", "seen", RecordingLevel.INFO)
seen.record()        `seen-rate` and `seen-total` in `stream-fraud-metrics`, with `fraud-id` and `thread-id`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.streams.metrics.registry import average_and_maximum, rate_and_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.runtime.metrics.sensor import Sensor, Statistic
    from ottla.streams.metrics.recording_level import RecordingLevel
    from ottla.streams.metrics.registry import Definition, Metric, MetricName, MetricsRegistry, MetricsScope


class RegisteredSensor:
    """A sensor of a user's. It stays until it is removed, as in Kafka Streams; asked for again it is the same one."""

    def __init__(self, sensor: Sensor, scope: MetricsScope) -> None:
        self._sensor = sensor
        self.scope: Final = scope

    @property
    def should_record(self) -> bool:
        """Whether its level is recorded: else there is no need to find out what to record."""
        return self._sensor.enabled

    def record(self, value: float = 1.0) -> None:
        self._sensor.record(value, self.scope.registry.clock_ms())

    def add(self, name: MetricName, statistic: Statistic) -> None:
        """One more metric of what is recorded (Java: `Sensor.add`)."""
        self.scope.measure(name, self._sensor, statistic)


class StreamsMetrics:
    """Of one thread; used by the processors of its tasks."""

    def __init__(self, registry: MetricsRegistry, thread_id: str) -> None:
        self._registry = registry
        self._thread_id = thread_id

    def metrics(self) -> dict[MetricName, Metric]:
        """All of the instance."""
        return self._registry.metrics()

    def add_rate_total_sensor(
        self,
        scope_name: str,
        entity_name: str,
        operation_name: str,
        recording_level: RecordingLevel,
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredSensor:
        """How often something happens: `<operation>-rate`, `<operation>-total`."""
        definitions = rate_and_count(operation_name, f"{operation_name} operations")
        return self._add(scope_name, entity_name, operation_name, definitions, recording_level, tags)

    def add_latency_rate_total_sensor(
        self,
        scope_name: str,
        entity_name: str,
        operation_name: str,
        recording_level: RecordingLevel,
        tags: Mapping[str, str] | None = None,
    ) -> RegisteredSensor:
        """How long it takes, too, in the unit in which that is recorded: `<operation>-latency-avg`, `…-max`."""
        definitions = rate_and_count(operation_name, f"{operation_name} operations")
        definitions += average_and_maximum(f"{operation_name}-latency", f"the latency of {operation_name}")
        return self._add(scope_name, entity_name, operation_name, definitions, recording_level, tags)

    def add_sensor(self, name: str, recording_level: RecordingLevel) -> RegisteredSensor:
        """One without metrics, to which `add` gives those that are wanted."""

        def make() -> RegisteredSensor:
            return RegisteredSensor(self._registry.make_sensor(recording_level), self._registry.scope())

        return self._registry.user_sensor((self._thread_id, "", name), make)

    def remove_sensor(self, sensor: RegisteredSensor) -> None:
        self._registry.forget_user_sensor(sensor)
        sensor.scope.close()

    def _add(
        self,
        scope_name: str,
        entity_name: str,
        operation_name: str,
        definitions: list[Definition],
        level: RecordingLevel,
        tags: Mapping[str, str] | None,
    ) -> RegisteredSensor:
        def make() -> RegisteredSensor:
            scope = self._registry.scope()
            of_entity = {"thread-id": self._thread_id, f"{scope_name}-id": entity_name, **(tags or {})}
            return RegisteredSensor(scope.sensor(f"stream-{scope_name}-metrics", of_entity, definitions, level), scope)

        return self._registry.user_sensor((self._thread_id, entity_name, operation_name), make)
