"""Which partitions the application can be queried for where: members with an endpoint, and the topics of their tasks.

Told to members whose endpoint epoch is another than the group's. Source: EndpointToPartitionsManager (KIP-1071).
"""

from collections.abc import Iterable, Mapping

from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.coordinator.group.streams.streams_member import StreamsGroupMember
from ottla.metadata.image import TopicsImage
from ottla.protocol.api.streams_group_heartbeat import Endpoint, EndpointToPartitions, TopicPartition


def partitions_by_endpoint(
    group: StreamsGroup, updated: StreamsGroupMember, topics: TopicsImage
) -> list[EndpointToPartitions]:
    """`updated` is in its new state, the others as the group has them."""
    others = [member for member in group.members.values() if member.member_id != updated.member_id]
    return [
        EndpointToPartitions(
            user_endpoint=Endpoint(host=member.user_endpoint.host, port=member.user_endpoint.port),
            active_partitions=_partitions(group, member.assigned.active, topics),
            standby_partitions=_partitions(group, member.assigned.standby, topics),
        )
        for member in (*others, updated)
        if member.user_endpoint is not None
    ]


def _partitions(group: StreamsGroup, tasks: Mapping[str, Iterable[int]], topics: TopicsImage) -> list[TopicPartition]:
    """A topic with fewer partitions than there are tasks has the first of them. Without topics nothing is known."""
    parts = None if group.configured is None else group.configured.subtopologies
    found: list[TopicPartition] = []
    for each in sorted(tasks):
        part = None if parts is None else parts.get(each)
        if part is None:
            continue
        indexes = sorted(tasks[each])
        for name in sorted(part.source_topics | part.repartition_source_topics.keys()):
            topic = topics.by_name.get(name)
            if topic is not None:
                found.append(TopicPartition(topic=name, partitions=indexes[: len(topic.partitions)]))
    return found
