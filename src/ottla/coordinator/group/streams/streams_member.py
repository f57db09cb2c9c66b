"""One member of a streams group, as its two records say: what it is, and which tasks it has. A value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from ottla.coordinator.group.streams.tasks import NO_TASKS, OwnedTasks

LEAVE_EPOCH = -1
LEAVE_STATIC_EPOCH = -2
JOIN_EPOCH = 0


class MemberState(IntEnum):
    """Where a member stands on its way to its target assignment."""

    STABLE = 1
    UNREVOKED_TASKS = 2
    """It must give up tasks first."""
    UNRELEASED_TASKS = 3
    """It waits for tasks that others have not given up yet."""
    UNKNOWN = 127
    """Written by a version that knows more states."""


STABLE = MemberState.STABLE
UNREVOKED_TASKS = MemberState.UNREVOKED_TASKS
UNRELEASED_TASKS = MemberState.UNRELEASED_TASKS


@dataclass(slots=True, frozen=True)
class Endpoint:
    """Where the application answers interactive queries."""

    host: str
    port: int


@dataclass(slots=True, frozen=True, kw_only=True)
class StreamsGroupMember:
    """`process_id` tells instances of the application apart: members of one share a state directory."""

    member_id: str
    member_epoch: int = 0
    previous_member_epoch: int = 0
    state: MemberState = STABLE
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topology_epoch: int = -1
    process_id: str = ""
    user_endpoint: Endpoint | None = None
    client_tags: Mapping[str, str] = field(default_factory=dict)
    assigned: OwnedTasks = NO_TASKS
    pending_revocation: OwnedTasks = NO_TASKS

    def is_reconciled_to(self, assignment_epoch: int) -> bool:
        return self.state is STABLE and self.member_epoch == assignment_epoch

    def active_since(self, subtopology_id: str, partition: int) -> int | None:
        """The epoch in which it got a task that it has, or has not given up yet."""
        epoch = self.assigned.active.get(subtopology_id, {}).get(partition)
        return self.pending_revocation.active.get(subtopology_id, {}).get(partition) if epoch is None else epoch
