"""What a worker tells Prometheus: metrics of Kafka Connect, under the names that dashboards know.

The names are those of `ConnectMetricsRegistry` as Strimzi's rules for the JMX exporter write them. Counters of a task
begin anew with its process.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ottla.connect.store.status import State
from ottla.runtime.metrics.metric import Metric, counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.runtime.herder import Herder
    from ottla.runtime.metrics.metric import Reading

_BEAN: Final = "kafka.connect:type="


def _of_task(kind: str, name: str, text: str) -> Metric:
    """Totals only grow."""
    make = counter if name.endswith(("-total", "-failures", "-requests", "-skipped", "-retries")) else gauge
    full = f"kafka_connect_{kind.replace('-', '_')}_{name.replace('-', '_')}"
    return make(full, text, "connector", "task", mbean=f"{_BEAN}{kind}-metrics,connector=*,task=* {name}")


def _of_worker(name: str, text: str, *labels: str) -> Metric:
    full = f"kafka_connect_worker_{name.replace('-', '_')}"
    return gauge(full, text, *labels, mbean=f"{_BEAN}connect-worker-metrics{',connector=*' if labels else ''} {name}")


def _of_capture(name: str, text: str, *, total: bool = False) -> Metric:
    make = counter if total else gauge
    return make(f"ottla_connect_cdc_{name}", text, "connector", "task")


OF_TASKS: Final = {
    "source-record-poll-total": _of_task("source-task", "source-record-poll-total", "Records that the source gave."),
    "source-record-write-total": _of_task("source-task", "source-record-write-total", "Records that were written."),
    "source-record-active-count": _of_task("source-task", "source-record-active-count", "Records on their way."),
    "sink-record-read-total": _of_task("sink-task", "sink-record-read-total", "Records that were read."),
    "sink-record-send-total": _of_task("sink-task", "sink-record-send-total", "Records that the sink took."),
    "partition-count": _of_task("sink-task", "partition-count", "Partitions that are read."),
    "total-record-failures": _of_task("task-error", "total-record-failures", "Failures, those tried again too."),
    "total-records-skipped": _of_task("task-error", "total-records-skipped", "Records left out as wrong."),
    "total-retries": _of_task("task-error", "total-retries", "Operations that were tried again."),
    "deadletterqueue-produce-requests": _of_task(
        "task-error", "deadletterqueue-produce-requests", "Records sent to the dead letter queue."
    ),
    "deadletterqueue-produce-failures": _of_task(
        "task-error", "deadletterqueue-produce-failures", "Records that could not be sent there."
    ),
    "cdc-events-total": _of_capture("events_total", "Changes of rows that came from the database.", total=True),
    "cdc-reconnections-total": _of_capture("reconnections_total", "Connections that were lost.", total=True),
    "cdc-snapshot-running": _of_capture("snapshot_running", "1: the first snapshot is being taken."),
    "incremental-snapshot-tables-waiting": _of_capture(
        "incremental_snapshot_tables_waiting", "Tables of which a snapshot was asked for and is not complete."
    ),
    "replication-slot-lag-bytes": _of_capture("slot_lag_bytes", "Bytes of the log that are not confirmed yet."),
    "replication-slot-kept-wal-bytes": _of_capture("slot_kept_wal_bytes", "Bytes of the log that the slot keeps."),
    "replication-slot-wal-bound-bytes": _of_capture(
        "slot_wal_bound_bytes", "Beyond so many kept bytes the slot is lost (max_slot_wal_keep_size); -1: no bound."
    ),
}
"""By what a task's process calls them."""

CONNECTORS: Final = _of_worker("connector-count", "Connectors that run here.")
TASKS: Final = _of_worker("task-count", "Tasks that run here.")
TASK_STATES: Final = {
    State.RUNNING: _of_worker("connector-running-task-count", "Its tasks here that run.", "connector"),
    State.PAUSED: _of_worker("connector-paused-task-count", "Its tasks here that pause.", "connector"),
    State.FAILED: _of_worker("connector-failed-task-count", "Its tasks here that have failed.", "connector"),
    State.RESTARTING: _of_worker("connector-restarting-task-count", "Its tasks here that start anew.", "connector"),
    State.UNASSIGNED: _of_worker("connector-unassigned-task-count", "Its tasks here that are over.", "connector"),
}
TASKS_OF: Final = _of_worker("connector-total-task-count", "All its tasks here.", "connector")
STATUS: Final = gauge(
    "kafka_connect_connector_status",
    "1: the task is in that state.",
    "connector",
    "task",
    "status",
    mbean=f"{_BEAN}connector-task-metrics,connector=*,task=* status",
)
EPOCH: Final = gauge(
    "kafka_connect_worker_rebalance_epoch",
    "The generation of the group.",
    mbean=f"{_BEAN}connect-worker-rebalance-metrics epoch",
)
TASK_RESTARTS: Final = gauge(
    "ottla_connect_task_failures_in_a_row", "How often a task has failed since it was well.", "connector", "task"
)

METRICS: Final = (
    CONNECTORS,
    TASKS,
    *TASK_STATES.values(),
    TASKS_OF,
    STATUS,
    EPOCH,
    *OF_TASKS.values(),
    TASK_RESTARTS,
)


class ConnectMetrics:
    def __init__(self, herder: Herder) -> None:
        self._herder = herder

    def read(self) -> Iterator[Reading]:
        herder, worker = self._herder, self._herder.worker
        tasks = list(worker.tasks.items())
        yield CONNECTORS, (), len(worker.connectors)
        yield TASKS, (), len(tasks)
        yield EPOCH, (), herder.generation
        states: dict[str, Counter[State]] = {}
        for task_id, task in tasks:
            labels = (task_id.connector, str(task_id.task))
            status = herder.statuses.task(task_id)
            if status is not None:
                states.setdefault(task_id.connector, Counter())[status.state] += 1
                yield STATUS, (*labels, status.state.value.lower()), 1
            yield TASK_RESTARTS, labels, task.failures
            for name, value in task.metrics.items():
                if name in OF_TASKS:
                    yield OF_TASKS[name], labels, value
        for connector, counts in sorted(states.items()):
            yield TASKS_OF, (connector,), counts.total()
            for state, metric in TASK_STATES.items():
                yield metric, (connector,), counts[state]
