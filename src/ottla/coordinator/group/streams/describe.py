"""StreamsGroupDescribe: a streams group as an administrator sees it. KIP-1071."""

from collections.abc import Iterable, Mapping

from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.streams.configured_topology import ConfiguredInternalTopic, ConfiguredTopology
from ottla.coordinator.group.streams.iteration_order import hash_order
from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import StreamsGroupMember
from ottla.coordinator.group.streams.tasks import TaskSet
from ottla.coordinator.group.streams.topology import StreamsTopology
from ottla.protocol.api.streams_group_describe import (
    Assignment,
    DescribedGroup,
    Endpoint,
    KeyValue,
    Member,
    Subtopology,
    TaskIds,
    TopicInfo,
    Topology,
)
from ottla.protocol.coordinator_record import streams_group_topology as record
from ottla.protocol.errors import ErrorCode


def describe_streams_group(groups: Groups, group_id: str) -> DescribedGroup:
    """`GROUP_ID_NOT_FOUND` also for groups of another type."""
    group = groups.committed(group_id)
    if not isinstance(group, StreamsGroup):
        return described_streams_group_error(
            group_id, ErrorCode.GROUP_ID_NOT_FOUND, f"There is no streams group {group_id}."
        )
    topology = _topology(group)
    if topology is None:
        return described_streams_group_error(group_id, ErrorCode.UNKNOWN_SERVER_ERROR)
    return DescribedGroup(
        error_code=ErrorCode.NONE,
        group_id=group_id,
        group_state=group.state.value,
        group_epoch=group.group_epoch,
        assignment_epoch=group.assignment_epoch,
        topology=topology,
        members=[_member(group, member) for member in group.members.values()],
    )


def described_streams_group_error(group_id: str, error: ErrorCode, message: str | None = None) -> DescribedGroup:
    return DescribedGroup(
        error_code=error,
        error_message=message,
        group_id=group_id,
        group_state="",
        group_epoch=0,
        assignment_epoch=0,
        members=[],
    )


# -- topology


def _topology(group: StreamsGroup) -> Topology | None:
    """With the partitions that were decided, if the topics are right; else as the members sent it."""
    if group.configured is not None and group.configured.is_ready:
        return _configured(group.configured)
    return None if group.topology is None else _unconfigured(group.topology)


def _configured(topology: ConfiguredTopology) -> Topology:
    return Topology(
        epoch=topology.epoch,
        subtopologies=[
            Subtopology(
                subtopology_id=each,
                source_topics=sorted(part.source_topics),
                repartition_sink_topics=sorted(part.repartition_sink_topics),
                state_changelog_topics=_configured_topics(part.state_changelog_topics),
                repartition_source_topics=_configured_topics(part.repartition_source_topics),
            )
            for each, part in (topology.subtopologies or {}).items()
        ],
    )


def _configured_topics(topics: Mapping[str, ConfiguredInternalTopic]) -> list[TopicInfo]:
    return [
        TopicInfo(
            name=name,
            partitions=topics[name].partitions,
            replication_factor=topics[name].replication_factor,
            topic_configs=[KeyValue(key=key, value=value) for key, value in topics[name].configs.items()],
        )
        for name in sorted(topics)
    ]


def _unconfigured(topology: StreamsTopology) -> Topology:
    return Topology(
        epoch=topology.epoch,
        subtopologies=[
            Subtopology(
                subtopology_id=each,
                source_topics=sorted(part.source_topics),
                repartition_sink_topics=sorted(part.repartition_sink_topics),
                state_changelog_topics=_topics(part.state_changelog_topics),
                repartition_source_topics=_topics(part.repartition_source_topics),
            )
            for each, part in sorted(topology.subtopologies.items())
        ],
    )


def _topics(topics: Iterable[record.TopicInfo]) -> list[TopicInfo]:
    return [
        TopicInfo(
            name=each.name,
            partitions=each.partitions,
            replication_factor=each.replication_factor,
            topic_configs=[KeyValue(key=config.key, value=config.value) for config in each.topic_configs],
        )
        for each in sorted(topics, key=lambda topic: topic.name)
    ]


# -- members


def _member(group: StreamsGroup, member: StreamsGroupMember) -> Member:
    endpoint, tags = member.user_endpoint, member.client_tags
    target = group.target.get(member.member_id, TaskSet())
    assigned = member.assigned
    return Member(
        member_id=member.member_id,
        member_epoch=member.member_epoch,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=None if endpoint is None else Endpoint(host=endpoint.host, port=endpoint.port),
        client_tags=[KeyValue(key=key, value=tags[key]) for key in hash_order(tags)],
        task_offsets=[],
        task_end_offsets=[],
        assignment=Assignment(
            active_tasks=_tasks(assigned.active),
            standby_tasks=_tasks(assigned.standby),
            warmup_tasks=_tasks(assigned.warmup),
        ),
        target_assignment=Assignment(
            active_tasks=_tasks(target.active),
            standby_tasks=_tasks(target.standby),
            warmup_tasks=_tasks(target.warmup),
        ),
        is_classic=False,
    )


def _tasks(tasks: Mapping[str, Iterable[int]]) -> list[TaskIds]:
    return [TaskIds(subtopology_id=each, partitions=sorted(tasks[each])) for each in sorted(tasks)]
