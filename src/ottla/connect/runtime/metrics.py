"""What a worker tells Prometheus: metrics of Kafka Connect, under the names that dashboards know.

The names are those of `ConnectMetricsRegistry` as Strimzi's rules for the JMX exporter write them. Counters of a task
begin anew with its process. What is a text in Kafka Connect (classes, versions, the leader's name) is not there.
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
_GROWING: Final = ("-total", "-failures", "-requests", "-skipped", "-retries", "-record-errors", "-logged")


def _of_task(kind: str, name: str, text: str) -> Metric:
    """Totals only grow."""
    make = counter if name.endswith(_GROWING) else gauge
    full = f"kafka_connect_{kind.replace('-', '_')}_{name.replace('-', '_')}"
    return make(full, text, "connector", "task", mbean=f"{_BEAN}{kind}-metrics,connector=*,task=* {name}")


def _of_worker(name: str, text: str, *labels: str) -> Metric:
    full = f"kafka_connect_worker_{name.replace('-', '_')}"
    make = counter if name.endswith("-total") else gauge
    return make(full, text, *labels, mbean=f"{_BEAN}connect-worker-metrics{',connector=*' if labels else ''} {name}")


def _of_capture(name: str, text: str, *, total: bool = False) -> Metric:
    make = counter if total else gauge
    return make(f"ottla_connect_cdc_{name}", text, "connector", "task")


_KINDS: Final = {
    "source-task": {
        "source-record-poll-total": "Records that the source gave.",
        "source-record-poll-rate": "Records a second that the source gave lately.",
        "source-record-write-total": "Records that were written.",
        "source-record-write-rate": "Records a second that were written lately.",
        "source-record-active-count": "Records on their way.",
        "source-record-active-count-max": "The most of them lately.",
        "source-record-active-count-avg": "Their average lately.",
        "poll-batch-max-time-ms": "The longest poll that gave something.",
        "poll-batch-avg-time-ms": "How long such a poll takes.",
        "transaction-size-min": "Records of the smallest transaction lately.",
        "transaction-size-max": "Records of the largest one.",
        "transaction-size-avg": "Records of one on average.",
    },
    "sink-task": {
        "sink-record-read-total": "Records that were read.",
        "sink-record-read-rate": "Records a second that were read lately.",
        "sink-record-send-total": "Records that the sink took.",
        "sink-record-send-rate": "Records a second that the sink took lately.",
        "sink-record-active-count": "Records that were read and are not committed.",
        "sink-record-active-count-max": "The most of them lately.",
        "sink-record-active-count-avg": "Their average lately.",
        "partition-count": "Partitions that are read.",
        "put-batch-max-time-ms": "The longest put.",
        "put-batch-avg-time-ms": "How long a put takes.",
        "offset-commit-seq-no": "The number of the latest commit of offsets.",
        "offset-commit-completion-total": "Commits of offsets that are done.",
        "offset-commit-completion-rate": "Those a second lately.",
        "offset-commit-skip-total": "Commits that came too late: none, each is waited for.",
        "offset-commit-skip-rate": "Those a second lately: none.",
    },
    "connector-task": {
        "running-ratio": "The part of its life in which it ran.",
        "pause-ratio": "The part of its life in which it paused.",
        "batch-size-max": "Records of the largest batch lately.",
        "batch-size-avg": "Records of a batch on average.",
        "offset-commit-max-time-ms": "The longest commit of offsets.",
        "offset-commit-avg-time-ms": "How long such a commit takes.",
        "offset-commit-success-percentage": "The part of the commits that succeeded lately: 0 to 1.",
        "offset-commit-failure-percentage": "The part that failed.",
    },
    "task-error": {
        "total-record-failures": "Failures, those tried again too.",
        "total-record-errors": "Failures for good.",
        "total-records-skipped": "Records left out as wrong.",
        "total-retries": "Operations that were tried again.",
        "total-errors-logged": "Errors that stand in the log.",
        "deadletterqueue-produce-requests": "Records sent to the dead letter queue.",
        "deadletterqueue-produce-failures": "Records that could not be sent there.",
        "last-error-timestamp": "When the latest error was, in ms since 1970.",
    },
}
_CAPTURE: Final = {
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
_PLUGIN: Final = {
    f"plugin-{name}-total": counter(f"ottla_connect_plugin_{name.replace('-', '_')}_total", text, "connector", "task")
    for name, text in {
        "runs": "How often the program of a plugin has run to its end.",
        "lines": "Lines of messages that it wrote.",
        "error-lines": "Lines that it wrote to its stderr, which stand in the log.",
        "misfits": "Records that did not fit the schema that it had told.",
    }.items()
}
OF_TASKS: Final = {
    **{name: _of_task(kind, name, text) for kind, described in _KINDS.items() for name, text in described.items()},
    **_CAPTURE,
    **_PLUGIN,
}
"""By what a task's process calls them."""

_ENDS: Final = {
    "attempts-total": "Starts of {} here.",
    "success-total": "Those that succeeded.",
    "failure-total": "Those that failed.",
    "success-percentage": "The part that succeeded lately: 0 to 1.",
    "failure-percentage": "The part that failed lately.",
}
CONNECTOR_STARTS: Final = {
    end: _of_worker(f"connector-startup-{end}", text.format("connectors")) for end, text in _ENDS.items()
}
TASK_STARTS: Final = {end: _of_worker(f"task-startup-{end}", text.format("tasks")) for end, text in _ENDS.items()}

REBALANCES: Final = {
    name: (counter if name.endswith("-total") else gauge)(
        f"kafka_connect_worker_rebalance_{name.replace('-', '_')}",
        text,
        mbean=f"{_BEAN}connect-worker-rebalance-metrics {name}",
    )
    for name, text in {
        "completed-rebalances-total": "Rebalances of the group that are over.",
        "rebalancing": "1: one is under way.",
        "rebalance-max-time-ms": "The longest lately.",
        "rebalance-avg-time-ms": "How long they take.",
        "time-since-last-rebalance-ms": "Since the latest.",
    }.items()
}

CONNECTORS: Final = _of_worker("connector-count", "Connectors that run here.")
TASKS: Final = _of_worker("task-count", "Tasks that run here.")
TASK_STATES: Final = {
    State.RUNNING: _of_worker("connector-running-task-count", "Its tasks here that run.", "connector"),
    State.PAUSED: _of_worker("connector-paused-task-count", "Its tasks here that pause.", "connector"),
    State.FAILED: _of_worker("connector-failed-task-count", "Its tasks here that have failed.", "connector"),
    State.RESTARTING: _of_worker("connector-restarting-task-count", "Its tasks here that start anew.", "connector"),
    State.UNASSIGNED: _of_worker("connector-unassigned-task-count", "Its tasks here that are over.", "connector"),
    State.DESTROYED: _of_worker("connector-destroyed-task-count", "Its tasks here that are forgotten.", "connector"),
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
    *CONNECTOR_STARTS.values(),
    *TASK_STARTS.values(),
    *REBALANCES.values(),
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
        for metrics, starts in ((CONNECTOR_STARTS, worker.connector_starts), (TASK_STARTS, worker.task_starts)):
            yield from ((metrics[end], (), value) for end, value in starts.values().items())
        if herder.rebalances is not None:
            yield from ((REBALANCES[name], (), value) for name, value in herder.rebalances.values().items())
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
