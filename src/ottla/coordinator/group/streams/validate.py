"""What of a StreamsGroupHeartbeat can be wrong whatever the group. Source: GroupCoordinatorService (KIP-1071).

First what Apache Kafka 4.3 does not serve yet (static members, task offsets, warm-ups, source topics by regular
expressions), then what no version would take.
"""

from ottla.coordinator.group.streams.streams_member import JOIN_EPOCH, LEAVE_STATIC_EPOCH
from ottla.protocol.api.streams_group_heartbeat import StreamsGroupHeartbeatRequest
from ottla.protocol.errors import ErrorCode, KafkaError


def validate_heartbeat(request: StreamsGroupHeartbeatRequest) -> None:
    """`INVALID_REQUEST`, `STREAMS_INVALID_TOPOLOGY`."""
    _refuse_what_is_not_served(request)
    texts = {
        "MemberId": request.member_id,
        "GroupId": request.group_id,
        "InstanceId": request.instance_id,
        "RackId": request.rack_id,
    }
    for name, text in texts.items():
        if text is not None and not text.strip():
            raise _invalid(f"{name} must not be empty.")
    if request.member_epoch == JOIN_EPOCH:
        _check_join(request)
    elif request.member_epoch == LEAVE_STATIC_EPOCH:
        raise _invalid("Only a static member can leave for a while.")
    elif request.member_epoch < LEAVE_STATIC_EPOCH:
        raise _invalid(f"MemberEpoch cannot be {request.member_epoch}.")
    tasks = (request.active_tasks, request.standby_tasks, request.warmup_tasks)
    if any(each is not None for each in tasks) and any(each is None for each in tasks):
        raise _invalid("Tasks are reported of every kind or of none.")
    if request.member_epoch != JOIN_EPOCH and request.topology is not None:
        raise _invalid("Only who joins sends a Topology.")


def _refuse_what_is_not_served(request: StreamsGroupHeartbeatRequest) -> None:
    if request.instance_id is not None:
        raise _invalid("There are no static members of streams groups yet.")
    if request.task_offsets is not None or request.task_end_offsets is not None:
        raise _invalid("Offsets of tasks are not taken yet.")
    if request.warmup_tasks:
        raise _invalid("There are no warm-up tasks yet.")
    if request.topology is not None and any(each.source_topic_regex for each in request.topology.subtopologies):
        raise _invalid("Source topics cannot be given by regular expressions yet.")


def _check_join(request: StreamsGroupHeartbeatRequest) -> None:
    if request.rebalance_timeout_ms == -1:
        raise _invalid("Who joins must have a RebalanceTimeoutMs.")
    tasks = {
        "ActiveTasks": request.active_tasks,
        "StandbyTasks": request.standby_tasks,
        "WarmupTasks": request.warmup_tasks,
    }
    for name, each in tasks.items():
        if each is None or each:
            raise _invalid(f"Who joins has no tasks: {name} must be empty.")
    if request.topology is None:
        raise _invalid("Who joins must have a Topology.")
    for part in request.topology.subtopologies:
        for topic in part.state_changelog_topics:
            if topic.partitions != 0:
                message = f"Changelog topic {topic.name} has {topic.partitions} partitions; the broker decides on them."
                raise KafkaError(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)


def _invalid(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
