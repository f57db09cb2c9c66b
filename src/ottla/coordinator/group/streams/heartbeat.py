"""StreamsGroupHeartbeat: a member joins with its topology, says what it has, learns its tasks, leaves. KIP-1071.

    member epoch 0   it joins; the first one's topology becomes the group's
    member epoch n   it is alive; what it shall have now, if that changed
    member epoch -1  it leaves (static members, and so -2, are not served by Kafka 4.3)

Each heartbeat takes the steps that are due, in one batch of records: the member's metadata, the topology, the group's
epoch, the target assignment, the member's own tasks. Source: GroupMetadataManager.streamsGroupHeartbeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from ottla.coordinator.group.classic_group import EMPTY, ClassicGroup
from ottla.coordinator.group.groups import Groups, initial_rebalance_timer, streams_rebalance_timer
from ottla.coordinator.group.records import group_metadata_tombstone
from ottla.coordinator.group.streams.config import (
    assignment_configs,
    heartbeat_interval_ms,
    initial_rebalance_delay_ms,
)
from ottla.coordinator.group.streams.configured_topology import (
    ConfiguredInternalTopic,
    ConfiguredTopology,
    StatusCode,
    configure,
)
from ottla.coordinator.group.streams.endpoints import partitions_by_endpoint
from ottla.coordinator.group.streams.fence import fence_member, schedule_rebalance_timeout, schedule_session_timeout
from ottla.coordinator.group.streams.reconcile import next_step
from ottla.coordinator.group.streams.records import current_record, group_record, member_record, topology_record
from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    UNREVOKED_TASKS,
    Endpoint,
    StreamsGroupMember,
)
from ottla.coordinator.group.streams.target import Target, assign_after_delay, update_target
from ottla.coordinator.group.streams.tasks import TaskSet
from ottla.coordinator.group.streams.topology import StreamsTopology, topology_of, topology_value
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, RequestingClient
from ottla.protocol.api.streams_group_heartbeat import (
    Status,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    TaskIds,
)
from ottla.protocol.errors import ErrorCode, KafkaError

METADATA_REFRESH_INTERVAL_MS = 2_147_483_647


@dataclass(slots=True)
class HeartbeatOutcome:
    """`missing`: internal topics that the broker is to make."""

    response: StreamsGroupHeartbeatResponse
    missing: Mapping[str, ConfiguredInternalTopic] = field(default_factory=dict)


def heartbeat_error(error: ErrorCode, message: str | None = None) -> HeartbeatOutcome:
    return HeartbeatOutcome(_response(error_code=error, error_message=message or None))


def _response(
    *,
    error_code: ErrorCode = ErrorCode.NONE,
    error_message: str | None = None,
    member_id: str = "",
    member_epoch: int = 0,
    interval_ms: int = 0,
) -> StreamsGroupHeartbeatResponse:
    return StreamsGroupHeartbeatResponse(
        error_code=error_code,
        error_message=error_message,
        member_id=member_id,
        member_epoch=member_epoch,
        heartbeat_interval_ms=interval_ms,
        acceptable_recovery_lag=0,
        task_offset_interval_ms=0,
        status=[],
        endpoint_information_epoch=0,
    )


def streams_group_heartbeat(
    groups: Groups, client: RequestingClient, request: StreamsGroupHeartbeatRequest
) -> CoordinatorResult[HeartbeatOutcome]:
    """Raises `KafkaError`; then nothing that is replicated has changed. `request` has been validated."""
    if request.member_epoch in (LEAVE_EPOCH, LEAVE_STATIC_EPOCH):
        return _leave(groups, request)
    records: list[CoordinatorRecord] = []
    group = _find_or_create(groups, request, records)
    return _Heartbeat(groups, group, client, request, records).decide()


def _find_or_create(
    groups: Groups, request: StreamsGroupHeartbeatRequest, records: list[CoordinatorRecord]
) -> StreamsGroup:
    """A new group is not in `groups` until its records are replayed: nothing volatile of this heartbeat stays."""
    group_id = request.group_id
    group = groups.by_id.get(group_id)
    joins = request.member_epoch == JOIN_EPOCH
    if joins and group is None:
        return StreamsGroup(group_id)
    if joins and isinstance(group, ClassicGroup) and group.state is EMPTY:
        records.append(group_metadata_tombstone(group_id))
        return StreamsGroup(group_id)
    if not isinstance(group, StreamsGroup):
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no streams group {group_id}.")
    limit = groups.config.streams_group_max_size
    if joins and len(group.members) >= limit:
        raise KafkaError(ErrorCode.GROUP_MAX_SIZE_REACHED, f"The group has {limit} members, as many as it may have.")
    return group


def _leave(groups: Groups, request: StreamsGroupHeartbeatRequest) -> CoordinatorResult[HeartbeatOutcome]:
    group = groups.by_id.get(request.group_id)
    if not isinstance(group, StreamsGroup):
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no streams group {request.group_id}.")
    if request.shutdown_application:
        _request_shutdown(group, request.member_id)
    _known_member(group, request.member_id)
    response = _response(member_id=request.member_id, member_epoch=request.member_epoch)
    return fence_member(groups, group, request.member_id, HeartbeatOutcome(response))


def _request_shutdown(group: StreamsGroup, member_id: str) -> None:
    if group.shutdown_requested_by is None:
        group.shutdown_requested_by = member_id


def _known_member(group: StreamsGroup, member_id: str) -> StreamsGroupMember:
    member = group.members.get(member_id)
    if member is None:
        raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} is not in group {group.group_id}.")
    return member


class _Heartbeat:
    """One heartbeat on its way to a decision; `records` grow step by step, what is replicated stays as it is."""

    def __init__(
        self,
        groups: Groups,
        group: StreamsGroup,
        client: RequestingClient,
        request: StreamsGroupHeartbeatRequest,
        records: list[CoordinatorRecord],
    ) -> None:
        self._groups = groups
        self._group = group
        self._client = client
        self._request = request
        self._records = records
        self._status: list[Status] = []
        self._now_ms = groups.clock.now_ms()

    def decide(self) -> CoordinatorResult[HeartbeatOutcome]:
        groups, group, request = self._groups, self._group, self._request
        group_id, member_id = group.group_id, request.member_id
        known = self._find_member()
        member = self._updated(known)
        is_changed = member != known
        if is_changed:
            self._records.append(member_record(group_id, member))
        topology = self._topology()
        if group.topology is not None and member.topology_epoch < group.topology.epoch:
            self._tell(StatusCode.STALE_TOPOLOGY, f"The group's topology has epoch {group.topology.epoch}.")
        configured, group_epoch, configs = self._advance(topology, bump=is_changed)
        delay_ms = initial_rebalance_delay_ms(groups, group_id)
        timer = initial_rebalance_timer(group_id)
        if group.is_empty and delay_ms > 0 and not groups.timers.is_scheduled(timer):
            groups.timers.schedule(timer, delay_ms, partial(assign_after_delay, groups, group_id))
        target = update_target(groups, group, group_epoch, member, configured, configs, self._records)
        if target.delayed is not None:
            self._tell(*target.delayed)
        member = self._reconcile(member, target)
        schedule_session_timeout(groups, group_id, member_id)
        if request.shutdown_application:
            _request_shutdown(group, member_id)
        response = self._answer(known, member)
        if configured.problem is not None:
            self._tell(*configured.problem)
        if group.shutdown_requested_by is not None:
            text = f"Member {group.shutdown_requested_by} asked the whole application to shut down."
            self._tell(StatusCode.SHUTDOWN_APPLICATION, text)
        response.status = self._status
        return CoordinatorResult(self._records, HeartbeatOutcome(response, configured.missing))

    def _tell(self, code: StatusCode, detail: str) -> None:
        self._status.append(Status(status_code=code, status_detail=detail))

    # -- the member

    def _find_member(self) -> StreamsGroupMember:
        request, member_id = self._request, self._request.member_id
        if request.member_epoch == JOIN_EPOCH:
            return self._group.members.get(member_id) or StreamsGroupMember(member_id=member_id)
        member = _known_member(self._group, member_id)
        epoch = request.member_epoch
        if epoch == member.member_epoch:
            return member
        # A member may be one epoch behind if it lost our answer, and has no more than it then would.
        lost_answer = (
            epoch < member.member_epoch
            and epoch == member.previous_member_epoch
            and _is_within(request.active_tasks, member.assigned.active)
            and _is_within(request.standby_tasks, member.assigned.standby)
            and _is_within(request.warmup_tasks, member.assigned.warmup)
        )
        if not lost_answer:
            message = f"Member {member_id} is in epoch {member.member_epoch}, not {epoch}; it must rejoin."
            raise KafkaError(ErrorCode.FENCED_MEMBER_EPOCH, message)
        return member

    def _updated(self, known: StreamsGroupMember) -> StreamsGroupMember:
        """What the request leaves out stays as it was."""
        request = self._request
        timeout_ms, endpoint, tags = request.rebalance_timeout_ms, request.user_endpoint, request.client_tags
        if tags is not None and len({each.key for each in tags}) < len(tags):
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
        return replace(
            known,
            rack_id=known.rack_id if request.rack_id is None else request.rack_id,
            rebalance_timeout_ms=known.rebalance_timeout_ms if timeout_ms == -1 else timeout_ms,
            topology_epoch=known.topology_epoch if request.topology is None else request.topology.epoch,
            client_id=self._client.client_id or "",
            client_host=f"/{self._client.client_host}",
            process_id=known.process_id if request.process_id is None else request.process_id,
            client_tags=known.client_tags if tags is None else {each.key: each.value for each in tags},
            user_endpoint=known.user_endpoint if endpoint is None else Endpoint(endpoint.host, endpoint.port),
        )

    def _reconcile(self, member: StreamsGroupMember, target: Target) -> StreamsGroupMember:
        if member.is_reconciled_to(target.epoch):
            return member
        group_id, request = self._group.group_id, self._request
        reported = None
        if request.active_tasks is not None and request.standby_tasks is not None and request.warmup_tasks is not None:
            reported = TaskSet(
                _reported(request.active_tasks), _reported(request.standby_tasks), _reported(request.warmup_tasks)
            )
        updated = next_step(self._group, member, target, reported)
        if updated == member:
            return member
        self._records.append(current_record(group_id, updated))
        if updated.state is UNREVOKED_TASKS:
            schedule_rebalance_timeout(self._groups, group_id, updated)
        else:
            self._groups.timers.cancel(streams_rebalance_timer(group_id, updated.member_id))
        return updated

    # -- topology and group

    def _topology(self) -> StreamsTopology:
        """The group's; the request's if the group has none yet."""
        group, sent = self._group, self._request.topology
        if sent is None:
            if group.topology is None:
                raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
            return group.topology
        value = topology_value(sent)
        topology = topology_of(value)
        if group.topology is None:
            self._records.append(topology_record(group.group_id, value))
            return topology
        if topology.epoch >= group.topology.epoch and topology != group.topology:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "The group has another topology, and cannot change it yet.")
        return group.topology

    def _advance(self, topology: StreamsTopology, *, bump: bool) -> tuple[ConfiguredTopology, int, dict[str, str]]:
        """(the topology held against the topics, the group's epoch, what the assignor is told)."""
        groups, group, request = self._groups, self._group, self._request
        configured, metadata_hash = group.configured, group.metadata_hash
        if group.topology is None or configured is None or group.metadata_has_expired(self._now_ms):
            image = groups.image()
            metadata_hash = groups.topic_hashes.group_hash(image, topology.required_topics())
            has_changed = metadata_hash != group.metadata_hash
            bump = bump or has_changed
            if group.topology is None or configured is None or has_changed:
                configured = group.configured = configure(topology, image.topics)
        validated_epoch = -1
        if configured.is_ready:
            validated_epoch = topology.epoch
            for tasks in (request.active_tasks, request.standby_tasks, request.warmup_tasks):
                _check_tasks(configured, tasks or ())
        configs = assignment_configs(groups, group.group_id)
        bump = bump or validated_epoch != group.validated_topology_epoch or configs != group.assignment_configs
        if not bump:
            return configured, group.group_epoch, configs
        epoch = group.group_epoch + 1
        self._records.append(group_record(group.group_id, epoch, metadata_hash, validated_epoch, configs))
        group.metadata_refresh = (self._now_ms + METADATA_REFRESH_INTERVAL_MS, epoch)
        return configured, epoch, configs

    # -- the answer

    def _answer(self, known: StreamsGroupMember, member: StreamsGroupMember) -> StreamsGroupHeartbeatResponse:
        groups, group, request = self._groups, self._group, self._request
        response = _response(
            member_id=member.member_id,
            member_epoch=member.member_epoch,
            interval_ms=heartbeat_interval_ms(groups, group.group_id),
        )
        if request.member_epoch == JOIN_EPOCH or member.assigned != known.assigned:
            response.active_tasks = _task_ids(member.assigned.active)
            response.standby_tasks = _task_ids(member.assigned.standby)
            response.warmup_tasks = _task_ids(member.assigned.warmup)
            if member.user_endpoint is not None:
                group.endpoint_epoch += 1
        if group.endpoint_epoch != request.endpoint_information_epoch:
            response.partitions_by_user_endpoint = partitions_by_endpoint(group, member, groups.image().topics)
        if group.group_id in groups.by_id:
            response.endpoint_information_epoch = group.endpoint_epoch
        return response


def _is_within(reported: list[TaskIds] | None, assigned: "Mapping[str, frozenset[int] | Mapping[int, int]]") -> bool:
    if reported is None:
        return False
    return all(
        each.subtopology_id in assigned and all(index in assigned[each.subtopology_id] for index in each.partitions)
        for each in reported
    )


def _reported(tasks: list[TaskIds]) -> dict[str, frozenset[int]]:
    by_id = {each.subtopology_id: frozenset(each.partitions) for each in tasks}
    if len(by_id) < len(tasks):
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
    return by_id


def _check_tasks(topology: ConfiguredTopology, tasks: "list[TaskIds] | tuple[()]") -> None:
    """`INVALID_REQUEST` for tasks that the topology does not have."""
    parts = topology.subtopologies or {}
    for each in tasks:
        part = parts.get(each.subtopology_id)
        if part is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"The topology has no subtopology {each.subtopology_id}.")
        for index in each.partitions:
            if not 0 <= index < part.task_count:
                message = f"Subtopology {each.subtopology_id} has {part.task_count} tasks, and none {index}."
                raise KafkaError(ErrorCode.INVALID_REQUEST, message)


def _task_ids(tasks: "Mapping[str, frozenset[int] | Mapping[int, int]]") -> list[TaskIds]:
    return [TaskIds(subtopology_id=each, partitions=sorted(tasks[each])) for each in sorted(tasks)]
