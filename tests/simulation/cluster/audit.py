"""In the end, everything that is in the cluster is read, by an ordinary client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.simulation.cluster.workloads.workload import connected

from ottla.clients.consumer import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    READ_COMMITTED,
    READ_UNCOMMITTED,
    PartitionReader,
    TopicPartition,
    list_offsets,
)
from ottla.clients.offsets import fetch_offsets
from ottla.protocol.api.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.cluster.client import SimulatedClient

    from ottla.clients.client import KafkaClient

Records = dict[TopicPartition, list[tuple[int, bytes]]]
"""Offset and value, in order."""


@dataclass(slots=True)
class Found:
    records: Records = field(default_factory=dict)
    """Whatever became of their transactions."""
    committed: Records = field(default_factory=dict)
    starts: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    stable_ends: dict[TopicPartition, int] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    commits: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    share_starts: dict[TopicPartition, int] = field(default_factory=dict)


async def audit(
    client: SimulatedClient, topics: dict[str, int], groups: Iterable[str], share_group: str, found: Found
) -> None:
    kafka = await connected(client)
    found.topics.update((await kafka.refresh_metadata()).topics)
    every = [TopicPartition(topic, index) for topic in sorted(topics) for index in range(topics[topic])]
    for level, offsets in ((READ_UNCOMMITTED, found.ends), (READ_COMMITTED, found.stable_ends)):
        latest = await list_offsets(kafka, dict.fromkeys(every, LATEST_TIMESTAMP), isolation_level=level)
        offsets.update((where, each.offset) for where, each in latest.items())
    earliest = await list_offsets(kafka, dict.fromkeys(every, EARLIEST_TIMESTAMP))
    found.starts.update((where, each.offset) for where, each in earliest.items())
    found.records.update(await _read(kafka, found.starts, found.ends, READ_UNCOMMITTED))
    found.committed.update(await _read(kafka, found.starts, found.stable_ends, READ_COMMITTED))
    for group in groups:
        for where, committed in (await fetch_offsets(kafka, group)).items():
            found.commits[group, where] = committed.offset
    if share_group:
        found.share_starts.update(await kafka.retry(lambda: _share_starts(kafka, share_group)))
    kafka.close()


async def _share_starts(kafka: KafkaClient, group: str) -> dict[TopicPartition, int]:
    asked = DescribeShareGroupOffsetsRequestGroup(group_id=group, topics=None)
    coordinator = await kafka.coordinator(group)
    request = DescribeShareGroupOffsetsRequest(groups=[asked])
    answer = (await kafka.send_to(coordinator, request, DescribeShareGroupOffsetsResponse)).groups[0]
    every = [(topic.topic_name, each) for topic in answer.topics for each in topic.partitions]
    for code in (answer.error_code, *(each.error_code for _, each in every)):
        if code != ErrorCode.NONE:
            raise KafkaError(error_code(code), f"the offsets of share group {group}")
    return {TopicPartition(topic, each.partition_index): each.start_offset for topic, each in every}


async def _read(
    kafka: KafkaClient, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int], level: int
) -> Records:
    records: Records = {where: [] for where in starts}
    reader = PartitionReader(kafka, dict(starts), isolation_level=level, max_wait_ms=50)
    while any(reader.positions[where] < end for where, end in ends.items()):
        for record in await reader.poll():
            records[TopicPartition(record.topic, record.partition)].append((record.offset, record.value or b""))
    return records
