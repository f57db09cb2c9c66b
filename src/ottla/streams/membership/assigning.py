"""What the leader of a classic group answers: who runs what, where everything is, or why nothing can be assigned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.protocol.consumer_protocol import ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition
from ottla.streams.membership.assignment import NOTHING, Assignment, HostInfo, HostPartitions
from ottla.streams.membership.assignor import AssignorSettings, assign_tasks
from ottla.streams.membership.classic_metadata import AssignmentData, AssignmentError, encode_assignment
from ottla.streams.membership.internal_topics import sources_of
from ottla.streams.record import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.membership.assignment import TaskId
    from ottla.streams.membership.classic_metadata import MemberData
    from ottla.streams.topology.built import BuiltTopology

ASSIGNMENT_VERSION = 1


def assign(
    topology: BuiltTopology,
    partitions: Mapping[str, int],
    tasks: Mapping[TaskId, bool],
    members: Mapping[str, MemberData],
    end_offsets: Mapping[TaskId, int],
    settings: AssignorSettings,
    probing_rebalance_interval_ms: int,
) -> dict[str, bytes]:
    """Member ids and what SyncGroup carries to each. `partitions` has the counts of all topics that are there."""
    plan = assign_tasks(tasks, members, settings, end_offsets)
    sources = {sub.id: sources_of(sub, partitions) for sub in topology.sub_topologies}
    logs = {
        sub.id: {*(each.name for each in sub.changelog_topics.values()), *sub.source_topic_changelogs.values()}
        for sub in topology.sub_topologies
    }
    hosts: dict[HostInfo, HostPartitions] = {}
    for name, assignment in plan.assignments.items():
        if (endpoint := members[name].endpoint) is not None:
            known = hosts.get(endpoint, HostPartitions())
            hosts[endpoint] = HostPartitions(
                known.active | _partitions(assignment.active, sources, partitions),
                known.standby | _partitions(assignment.standby, logs, None),
            )
    first = min(members)
    shutdown = any(data.wants_shutdown for data in members.values())
    return {
        name: _wrap(
            AssignmentData(
                assignment,
                hosts,
                AssignmentError.SHUTDOWN_APPLICATION if shutdown else AssignmentError.NONE,
                probe_after_ms=probing_rebalance_interval_ms if name == first and not plan.is_stable else None,
            ),
            _partitions(assignment.active, sources, partitions),
        )
        for name, assignment in plan.assignments.items()
    }


def refuse(members: Iterable[str], error: AssignmentError, detail: str) -> dict[str, bytes]:
    return {name: _wrap(AssignmentData(NOTHING, {}, error, detail), frozenset()) for name in members}


def partitions_of(
    assignment: Assignment, topology: BuiltTopology, partitions: Mapping[str, int]
) -> frozenset[TopicPartition]:
    """What the active tasks read."""
    sources = {sub.id: sources_of(sub, partitions) for sub in topology.sub_topologies}
    return _partitions(assignment.active, sources, partitions)


def _partitions(
    tasks: Iterable[TaskId], topics: Mapping[int, Iterable[str]], counts: Mapping[str, int] | None
) -> frozenset[TopicPartition]:
    return frozenset(
        TopicPartition(topic, task.partition)
        for task in tasks
        for topic in topics[task.sub_topology]
        if counts is None or task.partition < counts.get(topic, 0)
    )


def _wrap(data: AssignmentData, partitions: frozenset[TopicPartition]) -> bytes:
    topics: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        topics.setdefault(topic, []).append(partition)
    assignment = ConsumerProtocolAssignment(
        assigned_partitions=[
            ConsumerProtocolAssignmentTopicPartition(topic=topic, partitions=each) for topic, each in topics.items()
        ],
        user_data=encode_assignment(data),
    )
    return ASSIGNMENT_VERSION.to_bytes(2, "big") + assignment.encode(ASSIGNMENT_VERSION)
