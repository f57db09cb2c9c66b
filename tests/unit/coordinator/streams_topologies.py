"""What members of a streams group say of their application (KIP-1071), in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.protocol.api.streams_group_heartbeat import CopartitionGroup, KeyValue, Subtopology, TopicInfo, Topology

if TYPE_CHECKING:
    from collections.abc import Sequence


def internal_topic(name: str, partitions: int = 0, replication_factor: int = 0, **configs: str) -> TopicInfo:
    return TopicInfo(
        name=name,
        partitions=partitions,
        replication_factor=replication_factor,
        topic_configs=[KeyValue(key=key.replace("_", "."), value=value) for key, value in configs.items()],
    )


def subtopology(
    subtopology_id: str,
    *sources: str,
    changelogs: Sequence[TopicInfo] = (),
    repartition_sources: Sequence[TopicInfo] = (),
    repartition_sinks: Sequence[str] = (),
    copartitioned: Sequence[tuple[Sequence[int], Sequence[int]]] = (),
    regex: Sequence[str] = (),
) -> Subtopology:
    """`copartitioned`: (indexes of sources, indexes of repartition sources) for each group."""
    return Subtopology(
        subtopology_id=subtopology_id,
        source_topics=list(sources),
        source_topic_regex=list(regex),
        state_changelog_topics=list(changelogs),
        repartition_sink_topics=list(repartition_sinks),
        repartition_source_topics=list(repartition_sources),
        copartition_groups=[
            CopartitionGroup(source_topics=list(plain), source_topic_regex=[], repartition_source_topics=list(made))
            for plain, made in copartitioned
        ],
    )


def topology(*parts: Subtopology, epoch: int = 0) -> Topology:
    return Topology(epoch=epoch, subtopologies=list(parts))


def one_part(*, epoch: int = 0, stateful: bool = False) -> Topology:
    """Reads `t`, and keeps state in `t-changelog` if it is stateful."""
    return topology(subtopology("0", "t", changelogs=[internal_topic("t-changelog")] if stateful else ()), epoch=epoch)
