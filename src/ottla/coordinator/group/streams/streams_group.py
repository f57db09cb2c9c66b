"""The state of one streams group: replicated, but for what is marked volatile; replay alone changes what is replicated.

```
 Empty ──► NotReady ── topics fit the topology ──► Assigning ── a target assignment ──► Reconciling ──► Stable
            topics, topology ▲                        ▲   members, topics, configs change: group epoch +1    │
                             └────────────────────────┴──────────────────────────────────────────────────────┘
```

Epochs are those of consumer groups: the group's, the assignment's, each member's. The *validated topology epoch* says
for which topology the topics were right, -1 for none. Source: StreamsGroup (KIP-1071).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ottla.coordinator.group.streams.tasks import NO_TARGET, OwnedTasks, TaskSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.coordinator.group.streams.configured_topology import ConfiguredTopology
    from ottla.coordinator.group.streams.streams_member import StreamsGroupMember
    from ottla.coordinator.group.streams.topology import StreamsTopology

INITIAL_EPOCH = 1
NO_ASSIGNMENT_EPOCH = -1


class StreamsGroupState(Enum):
    EMPTY = "Empty"
    NOT_READY = "NotReady"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


_FILTER_NAMES = {StreamsGroupState.NOT_READY: "not_ready"}


@dataclass(slots=True)
class StreamsGroup:
    group_id: str
    group_epoch: int = INITIAL_EPOCH
    metadata_hash: int = 0
    validated_topology_epoch: int = 0
    assignment_epoch: int = INITIAL_EPOCH
    assignment_timestamp_ms: int = 0
    assignment_configs: Mapping[str, str] = field(default_factory=dict)
    topology: StreamsTopology | None = None
    members: dict[str, StreamsGroupMember] = field(default_factory=dict)
    target: dict[str, TaskSet] = field(default_factory=dict)
    # subtopology id -> partition -> the process that has the task active; the processes that have it standby, warm-up
    active_processes: dict[str, dict[int, str]] = field(default_factory=dict)
    standby_processes: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    warmup_processes: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    # Volatile: the topology held against the topics, and until when, and for which group epoch, that holds
    configured: ConfiguredTopology | None = None
    metadata_refresh: tuple[int, int] = (0, 0)
    # Volatile: who asked the whole application to stop; how often members' endpoints have got other tasks
    shutdown_requested_by: str | None = None
    endpoint_epoch: int = 0

    @property
    def is_empty(self) -> bool:
        return not self.members

    @property
    def state(self) -> StreamsGroupState:
        if not self.members:
            return StreamsGroupState.EMPTY
        if self.topology is None or self.topology.epoch != self.validated_topology_epoch:
            return StreamsGroupState.NOT_READY
        if self.group_epoch > self.assignment_epoch:
            return StreamsGroupState.ASSIGNING
        if all(member.is_reconciled_to(self.assignment_epoch) for member in self.members.values()):
            return StreamsGroupState.STABLE
        return StreamsGroupState.RECONCILING

    @property
    def state_filter_name(self) -> str:
        """What ListGroups takes for the state, in lower case."""
        return _FILTER_NAMES.get(self.state, self.state.value.lower())

    def is_subscribed_to(self, topic: str) -> bool:
        return bool(self.members) and self.topology is not None and self.topology.reader_of(topic) is not None

    def required_topics(self) -> set[str]:
        return set() if self.topology is None else self.topology.required_topics()

    def target_of(self, member_id: str) -> TaskSet:
        return self.target.get(member_id, NO_TARGET)

    # -- members

    def put_member(self, member: StreamsGroupMember) -> None:
        old = self.members.get(member.member_id)
        if old is not None:
            self._release(old)
        self.members[member.member_id] = member
        for tasks in (member.assigned, member.pending_revocation):
            self._hold(tasks, member.process_id)

    def remove_member(self, member_id: str) -> None:
        member = self.members.pop(member_id, None)
        if member is not None:
            self._release(member)
        if not self.members:
            self.shutdown_requested_by = None

    def _hold(self, tasks: OwnedTasks, process_id: str) -> None:
        for each, epochs in tasks.active.items():
            self.active_processes.setdefault(each, {}).update(dict.fromkeys(epochs, process_id))
        for held, copies in ((tasks.standby, self.standby_processes), (tasks.warmup, self.warmup_processes)):
            for each, indexes in held.items():
                by_index = copies.setdefault(each, {})
                for index in indexes:
                    by_index.setdefault(index, set()).add(process_id)

    def _release(self, member: StreamsGroupMember) -> None:
        process_id = member.process_id
        for tasks in (member.assigned, member.pending_revocation):
            for each, epochs in tasks.active.items():
                by_index = self.active_processes.get(each, {})
                for index in epochs:
                    # In a log that is not compacted yet the next one may come before the last word of this one.
                    if by_index.get(index) == process_id:
                        del by_index[index]
            for held, copies in ((tasks.standby, self.standby_processes), (tasks.warmup, self.warmup_processes)):
                for each, indexes in held.items():
                    for index in indexes:
                        copies.get(each, {}).get(index, set()).discard(process_id)

    # -- who has a task

    def active_process(self, subtopology_id: str, partition: int) -> str | None:
        return self.active_processes.get(subtopology_id, {}).get(partition)

    def has_copy(self, subtopology_id: str, partition: int, process_id: str) -> bool:
        """Whether a process has a task as a standby or warm-up."""
        return any(
            process_id in copies.get(subtopology_id, {}).get(partition, ())
            for copies in (self.standby_processes, self.warmup_processes)
        )

    # -- what is known of the topics

    def metadata_has_expired(self, now_ms: int) -> bool:
        deadline_ms, epoch = self.metadata_refresh
        return now_ms >= deadline_ms or self.group_epoch < epoch

    def request_metadata_refresh(self) -> None:
        self.metadata_refresh = (0, 0)
