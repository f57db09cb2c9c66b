"""What a thread of an instance is at (`ThreadMetadata`, `TaskMetadata`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.streams.application.owned_task import Phase

if TYPE_CHECKING:
    from ottla.streams.application.stream_thread import StreamThread
    from ottla.streams.membership.assignment import TaskId
    from ottla.streams.record import TopicPartition


@dataclass(frozen=True, slots=True)
class TaskMetadata:
    task_id: TaskId
    topic_partitions: frozenset[TopicPartition]


@dataclass(frozen=True, slots=True)
class ThreadMetadata:
    """`active_tasks` run or are being restored, `standby_tasks` are copies."""

    thread_name: str
    thread_state: str
    active_tasks: frozenset[TaskMetadata]
    standby_tasks: frozenset[TaskMetadata]


def metadata_of(thread: StreamThread) -> ThreadMetadata:
    tasks = list(thread.tasks.tasks.values())
    found = {
        is_copy: frozenset(
            TaskMetadata(each.id, frozenset(each.task.input_partitions))
            for each in tasks
            if (each.phase is Phase.COPY) is is_copy
        )
        for is_copy in (False, True)
    }
    return ThreadMetadata(thread.name, thread.state.value, found[False], found[True])
