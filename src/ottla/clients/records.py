"""Records of partitions as a whole: deleted from the start on (KIP-107)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.clients.consumer import TopicPartition, by_leader
from ottla.protocol.api.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.clients.client import KafkaClient


async def delete_records(client: KafkaClient, before: Mapping[TopicPartition, int]) -> None:
    """Everything before these offsets. `KafkaError` names the partition that refuses."""

    async def ask() -> None:
        for leader, partitions in (await by_leader(client, before)).items():
            topics: dict[str, list[DeleteRecordsPartition]] = {}
            for where in partitions:
                asked = DeleteRecordsPartition(partition_index=where.partition, offset=before[where])
                topics.setdefault(where.topic, []).append(asked)
            request = DeleteRecordsRequest(
                topics=[DeleteRecordsTopic(name=name, partitions=each) for name, each in topics.items()],
                timeout_ms=int(client.request_timeout_ms),
            )
            response = await client.send_to(leader, request, DeleteRecordsResponse)
            for topic in response.topics:
                for partition in topic.partitions:
                    if partition.error_code != ErrorCode.NONE:
                        client.metadata.topics.pop(topic.name, None)
                        raise KafkaError(error_code(partition.error_code), f"{topic.name}-{partition.partition_index}")

    await client.retry(ask)
