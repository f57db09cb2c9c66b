"""StreamsGroupTargetAssignmentMember, record type 21 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct
from ottla.protocol.types import Int32


class StreamsGroupTargetAssignmentMemberKey(CoordinatorKey, record_type=21, versions="0", flexible="none"):
    """A member of a streams group."""

    group_id: str
    member_id: str


class TaskIds(Struct):
    subtopology_id: str
    partitions: list[Int32]


class StreamsGroupTargetAssignmentMemberValue(CoordinatorValue, record_type=21, versions="0", flexible="0+"):
    """The tasks that the member shall have."""

    active_tasks: list[TaskIds]
    standby_tasks: list[TaskIds]
    warmup_tasks: list[TaskIds]
