"""What a look at a cluster says, held against the one before: records a second, lag, sizes. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.clients.consumer import TopicPartition
    from ottla.console.operations.lag_snapshot import LagSnapshot

Values = dict[tuple[str, ...], float | None]


def values_of(now: LagSnapshot, before: LagSnapshot | None, seconds: float, sizes: Mapping[str, int] | None) -> Values:
    """By (`cluster`, what), (`topic`, name, what), (`group`, name, what) and (`group`, name, `lag`, topic)."""
    values: Values = {}
    produced = _by_topic(_grown(now.ends, before.ends)) if before is not None else None
    consumed: Counter[str] = Counter()
    topic_lag: Counter[str] = Counter()
    total_lag = 0
    for group_id, group in now.groups.items():
        lags = now.lags(group_id)
        by_topic = _by_topic(lags)
        total_lag += sum(by_topic.values())
        topic_lag.update(by_topic)
        values["group", group_id, "lag"] = sum(by_topic.values()) if lags else None
        for topic, lag in by_topic.items():
            values["group", group_id, "lag", topic] = lag
        earlier = before.groups.get(group_id) if before is not None else None
        if earlier is not None:
            read = _by_topic(_grown(group.committed, earlier.committed))
            consumed.update(read)
            values["group", group_id, "consumed_per_s"] = sum(read.values()) / seconds
    for name in now.topics:
        if produced is not None:
            values["topic", name, "records_per_s"] = produced[name] / seconds
            values["topic", name, "consumed_per_s"] = consumed[name] / seconds
        values["topic", name, "lag"] = topic_lag[name]
        if sizes is not None:
            values["topic", name, "size_bytes"] = sizes.get(name)
    values |= _of_cluster(now, total_lag, sizes)
    if produced is not None:
        own = (count for name, count in produced.items() if name in now.topics and not now.topics[name].internal)
        values["cluster", "records_per_s"] = sum(own) / seconds
    return values


def _of_cluster(now: LagSnapshot, total_lag: int, sizes: Mapping[str, int] | None) -> Values:
    partitions = [each for topic in now.topics.values() for each in topic.partitions.values()]
    values: Values = {
        ("cluster", "brokers"): len(now.brokers),
        ("cluster", "partitions"): len(partitions),
        ("cluster", "under_replicated"): sum(len(each.isr) < len(each.replicas) for each in partitions),
        ("cluster", "lag"): total_lag,
    }
    if sizes is not None:
        values["cluster", "size_bytes"] = sum(sizes.values())
    return values


def _grown(now: Mapping[TopicPartition, int], before: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """A partition that went back (a topic made anew, a group that was reset) has not grown."""
    return {where: max(0, offset - before[where]) for where, offset in now.items() if where in before}


def _by_topic(counts: Mapping[TopicPartition, int]) -> Counter[str]:
    by_topic: Counter[str] = Counter()
    for where, count in counts.items():
        by_topic[where.topic] += count
    return by_topic
