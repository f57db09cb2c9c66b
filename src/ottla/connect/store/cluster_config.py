"""All that the records of configurations say (`ClusterConfigState`); `replay` is its only writer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.connect.store.config_records import (
    CommitTasksRecord,
    ConnectorConfigRecord,
    SessionKey,
    TargetStateRecord,
    TaskConfigRecord,
    TaskCountRecord,
)
from ottla.connect.store.status import TargetState
from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from ottla.connect.store.config_records import ConfigRecord


@dataclass(slots=True)
class ClusterConfig:
    """Configurations are as they were given, before variables of config providers are resolved."""

    connectors: dict[str, dict[str, str]] = field(default_factory=dict)
    target_states: dict[str, TargetState] = field(default_factory=dict)
    task_counts: dict[str, int] = field(default_factory=dict)
    tasks: dict[TaskId, dict[str, str]] = field(default_factory=dict)
    applied: dict[str, dict[str, str]] = field(default_factory=dict)
    """The configuration of a connector by which its tasks were made."""
    inconsistent: set[str] = field(default_factory=set)
    """Connectors of whose tasks only some are known: they are made anew."""
    task_count_records: dict[str, int] = field(default_factory=dict)
    """How many tasks of a connector may have producers that write in transactions (KIP-618)."""
    pending_fencing: set[str] = field(default_factory=set)
    """Connectors whose tasks are newer than that: those before them are fenced before they start."""
    generations: dict[str, int] = field(default_factory=dict)
    """Counts, on this worker alone, how often the tasks of a connector were made."""
    session_key: SessionKey | None = None
    _uncommitted: dict[str, dict[TaskId, dict[str, str]]] = field(default_factory=dict)

    def task_ids(self, connector: str) -> list[TaskId]:
        if connector in self.inconsistent:
            return []
        return [TaskId(connector, number) for number in range(self.task_counts.get(connector, 0))]

    def target_state(self, connector: str) -> TargetState | None:
        return self.target_states.get(connector)

    def replay(self, record: ConfigRecord) -> None:
        match record:
            case ConnectorConfigRecord(name, properties):
                self._replay_connector(name, properties)
            case TargetStateRecord(name, state):
                if state is None:
                    self.target_states.pop(name, None)
                else:
                    self.target_states[name] = state
            case TaskConfigRecord(task_id, properties):
                self._uncommitted.setdefault(task_id.connector, {})[task_id] = properties
            case CommitTasksRecord(name, count):
                self._commit_tasks(name, count)
            case TaskCountRecord(name, tasks):
                if tasks is None:
                    self.task_count_records.pop(name, None)
                else:
                    self.task_count_records[name] = tasks
                self.pending_fencing.discard(name)
            case SessionKey():
                self.session_key = record
            case _:
                pass

    def _replay_connector(self, name: str, properties: dict[str, str] | None) -> None:
        if properties is not None:
            self.connectors[name] = properties
            self.target_states.setdefault(name, TargetState.STARTED)
            return
        self.connectors.pop(name, None)
        self.task_counts.pop(name, None)
        self.applied.pop(name, None)
        self._uncommitted.pop(name, None)
        self.inconsistent.discard(name)
        for task_id in [each for each in self.tasks if each.connector == name]:
            del self.tasks[task_id]

    def _commit_tasks(self, name: str, count: int) -> None:
        # Whatever becomes of them: the next commit is about those that come after this one.
        waiting = self._uncommitted.pop(name, {})
        self.pending_fencing.add(name)
        wanted = {TaskId(name, number) for number in range(count)}
        if waiting.keys() != wanted:
            # Compaction has left only some of them, or a worker died while it wrote: none can be trusted.
            self.inconsistent.add(name)
            return
        for task_id in [each for each in self.tasks if each.connector == name]:
            del self.tasks[task_id]
        self.tasks.update(waiting)
        self.inconsistent.discard(name)
        self.task_counts[name] = count
        self.generations[name] = self.generations.get(name, 0) + 1
        if name in self.connectors:
            self.applied[name] = self.connectors[name]
