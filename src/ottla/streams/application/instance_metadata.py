"""Where stores of an application can be asked (`StreamsMetadata`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.streams.application.group_leader import changelogs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.membership.assignment import HostInfo, HostPartitions
    from ottla.streams.record import TopicPartition
    from ottla.streams.topology.built import BuiltTopology


@dataclass(frozen=True, slots=True)
class StreamsMetadata:
    host_info: HostInfo
    state_store_names: frozenset[str]
    topic_partitions: frozenset[TopicPartition]
    standby_state_store_names: frozenset[str]
    standby_topic_partitions: frozenset[TopicPartition]


def instances_of(hosts: Mapping[HostInfo, HostPartitions], topology: BuiltTopology) -> list[StreamsMetadata]:
    everywhere = frozenset(each.store.name for each in topology.global_stores)
    return [
        StreamsMetadata(
            host,
            everywhere | _stores(topology, {topic for topic, _ in each.active}, sources=True),
            each.active,
            _stores(topology, {topic for topic, _ in each.standby}, sources=False),
            each.standby,
        )
        for host, each in sorted(hosts.items())
    ]


def _stores(topology: BuiltTopology, topics: set[str], *, sources: bool) -> frozenset[str]:
    """Active tasks are told by what they read, copies by their changelogs; a broker may tell of copies by sources."""
    logs = changelogs_of(topology)
    found: set[str] = set()
    for sub in topology.sub_topologies:
        of_sub = sub.source_topics if sources else sub.source_topics | logs[sub.id]
        by_pattern = any(pattern.fullmatch(topic) for pattern in sub.source_patterns for topic in topics)
        if of_sub & topics or by_pattern:
            found |= sub.stores.keys()
    return frozenset(found)
