"""StreamsGroupCurrentMemberAssignment, record type 22 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int8, Int32


class StreamsGroupCurrentMemberAssignmentKey(CoordinatorKey, record_type=22, versions="0", flexible="none"):
    """A member of a streams group."""

    group_id: str
    member_id: str


class TaskIds(Struct):
    subtopology_id: str
    partitions: list[Int32]
    assignment_epochs: list[Int32] | None = field(default_factory=list, nullable="0+", tag=0)


class StreamsGroupCurrentMemberAssignmentValue(CoordinatorValue, record_type=22, versions="0", flexible="0+"):
    """The tasks that the member has now."""

    member_epoch: Int32
    previous_member_epoch: Int32
    state: Int8
    active_tasks: list[TaskIds]
    standby_tasks: list[TaskIds]
    warmup_tasks: list[TaskIds]
    active_tasks_pending_revocation: list[TaskIds]
    standby_tasks_pending_revocation: list[TaskIds]
    warmup_tasks_pending_revocation: list[TaskIds]
