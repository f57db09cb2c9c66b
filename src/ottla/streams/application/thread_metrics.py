"""What one thread measures: its passes, tasks and restoration (Kafka Streams' `ThreadMetrics` and state updater)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.runtime.metrics.sensor import Statistic
from ottla.streams.metrics.recording_level import RecordingLevel
from ottla.streams.metrics.registry import average_and_maximum, rate_and_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.runtime.metrics.sensor import Sensor
    from ottla.streams.metrics.registry import Definition, MetricsRegistry

THREAD_GROUP: Final = "stream-thread-metrics"
UPDATER_GROUP: Final = "stream-state-updater-metrics"
CLOSED: Final = rate_and_count("task-closed", "tasks closed")
_STATES: Final = (
    "CREATED",
    "STARTING",
    "PARTITIONS_REVOKED",
    "PARTITIONS_ASSIGNED",
    "RUNNING",
    "PENDING_SHUTDOWN",
    "DEAD",
)
"""In Kafka Streams' order, whose numbers `thread-state` has."""


class ThreadMetrics:
    """Times are given in nanoseconds, as the registry's stopwatch has them; latencies are shown in milliseconds."""

    def __init__(self, registry: MetricsRegistry, thread_id: str, process_id: str, updater_id: str) -> None:
        self.registry: Final = registry
        self.thread_id: Final = thread_id
        self._scope = registry.scope()
        self._tags = {"thread-id": thread_id}
        self._updater_tags = {"thread-id": updater_id}
        self._process_id = process_id
        self._blocked_ns = 0
        self.created = self._sensor(rate_and_count("task-created", "tasks made"))
        self.closed = self._sensor(CLOSED)
        self._processed = self._sensor(
            [
                ("process-rate", Statistic.SUM_RATE, "records processed a second"),
                ("process-total", Statistic.TOTAL, "records processed"),
            ]
        )
        self._process_latency = self._sensor(average_and_maximum("process-latency", "milliseconds a record"))
        self._process_records = self._sensor(average_and_maximum("process-records", "records processed in a pass"))
        self._poll_records = self._sensor(average_and_maximum("poll-records", "records that a poll brought"))
        self._latencies = {name: self._operation(name) for name in ("poll", "commit", "punctuate")}
        self._times = {name: self._ratio(name) for name in ("process", "poll", "commit", "punctuate")}
        self._gauge("blocked-time-ns-total", "nanoseconds of waiting for Kafka", lambda: self._blocked_ns)
        self._restored = self._scope.sensor(
            UPDATER_GROUP,
            self._updater_tags,
            [
                ("restore-records-rate", Statistic.SUM_RATE, "records restored a second"),
                ("restore-call-rate", Statistic.RATE, "reads of changelogs a second"),
            ],
            RecordingLevel.INFO,
        )
        self._updater_times = {
            name: self._updater_ratio(f"{name}-ratio", what)
            for name, what in {
                "active-restore": "restoring tasks that are to run",
                "standby-update": "keeping copies up to date",
                "idle": "doing neither",
            }.items()
        }

    def watch(self, state: Callable[[], str], counts: dict[str, Callable[[], int]]) -> None:
        """`state`: the name of the thread's; `counts`: how many tasks are restored, copied, …"""
        self._gauge("state", "the thread's state", state)
        self._scope.gauge(
            THREAD_GROUP,
            {**self._tags, "process-id": self._process_id},
            "thread-state",
            "the thread's state as a number",
            lambda: _STATES.index(state()),
        )
        for name, count in counts.items():
            self._scope.gauge(UPDATER_GROUP, self._updater_tags, name, "how many tasks", count)

    def started(self, now_ms: int) -> None:
        self._gauge("thread-start-time", "when the thread was started", lambda: now_ms)

    def close(self) -> None:
        self._scope.close()

    # What a pass of the loop did

    def polled(self, took_ns: int, records: int) -> None:
        now_ms = self.registry.clock_ms()
        self._blocked_ns += took_ns
        self._latencies["poll"].record(took_ns / 1e6, now_ms)
        if records:
            self._poll_records.record(records, now_ms)
        self._spent("poll", took_ns, now_ms)

    def processed(self, took_ns: int, records: int) -> None:
        now_ms = self.registry.clock_ms()
        self._process_records.record(records, now_ms)
        if records:
            self._processed.record(records, now_ms)
            self._process_latency.record(took_ns / 1e6 / records, now_ms)
        self._spent("process", took_ns, now_ms)

    def punctuated(self, took_ns: int, count: int) -> None:
        now_ms = self.registry.clock_ms()
        if count:
            self._latencies["punctuate"].record(took_ns / 1e6 / count, now_ms)
        self._spent("punctuate", took_ns, now_ms)

    def committed(self, took_ns: int, tasks: int) -> None:
        now_ms = self.registry.clock_ms()
        if tasks:
            self._blocked_ns += took_ns
            self._latencies["commit"].record(took_ns / 1e6 / tasks, now_ms)
        self._spent("commit", took_ns, now_ms)

    def restored(self, took_ns: int, records: int, *, is_active: bool) -> None:
        now_ms = self.registry.clock_ms()
        self._restored.record(records, now_ms)
        spent = "active-restore" if is_active else "standby-update"
        for name, sensor in self._updater_times.items():
            sensor.record(took_ns / 1e6 if name == spent else 0.0, now_ms)

    def rested(self, took_ns: int) -> None:
        """Nothing was to be restored."""
        now_ms = self.registry.clock_ms()
        for name, sensor in self._updater_times.items():
            sensor.record(took_ns / 1e6 if name == "idle" else 0.0, now_ms)

    def _spent(self, what: str, took_ns: int, now_ms: int) -> None:
        self._times[what].record(took_ns / 1e6, now_ms)

    def _operation(self, name: str) -> Sensor:
        return self._sensor(
            average_and_maximum(f"{name}-latency", "milliseconds") + rate_and_count(name, f"calls to {name}")
        )

    def _ratio(self, name: str) -> Sensor:
        return self._sensor([(f"{name}-ratio", Statistic.RATIO, f"the part of the time spent in {name}")])

    def _updater_ratio(self, name: str, what: str) -> Sensor:
        definitions = [(name, Statistic.RATIO, f"the part of the time spent {what}")]
        return self._scope.sensor(UPDATER_GROUP, self._updater_tags, definitions, RecordingLevel.INFO)

    def _sensor(self, definitions: list[Definition]) -> Sensor:
        return self._scope.sensor(THREAD_GROUP, self._tags, definitions, RecordingLevel.INFO)

    def _gauge(self, name: str, description: str, read: Callable[[], Any]) -> None:
        self._scope.gauge(THREAD_GROUP, self._tags, name, description, read)
