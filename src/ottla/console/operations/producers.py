"""The producers that a partition remembers (KIP-664): ids, epochs, sequence numbers, and where a transaction began."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import TopicPartition, by_leader
from ottla.console.operations.topics import find_topic
from ottla.protocol.api.describe_producers import DescribeProducersRequest, DescribeProducersResponse, TopicRequest
from ottla.protocol.errors import ErrorCode, KafkaError, error_code


@dataclass(frozen=True, slots=True)
class ActiveProducer:
    topic: str
    partition: int
    producer_id: int
    producer_epoch: int
    last_sequence: int | None
    last_timestamp_ms: int | None
    coordinator_epoch: int | None
    """Of the last marker that was written for it."""
    transaction_start_offset: int | None
    """The first offset of the transaction that is open here; `None`: there is none."""


async def partitions_of(client: KafkaClient, topic: str, partition: int | None = None) -> list[TopicPartition]:
    """`KafkaError` when there is no such topic or partition."""
    there = (await find_topic(client, topic)).partitions
    if partition is not None and partition not in there:
        text = f"topic '{topic}' has partitions 0 to {len(there) - 1}, not {partition}"
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, text)
    return [TopicPartition(topic, index) for index in there if partition in (None, index)]


async def describe_producers(client: KafkaClient, wheres: Sequence[TopicPartition]) -> list[ActiveProducer]:
    """Asked of the leader of each partition."""

    async def ask() -> list[ActiveProducer]:
        found: list[ActiveProducer] = []
        for leader, partitions in (await by_leader(client, wheres)).items():
            response = await client.send_to(leader, _request(partitions), DescribeProducersResponse)
            for topic in response.topics:
                for each in topic.partitions:
                    if each.error_code != ErrorCode.NONE:
                        client.metadata.topics.pop(topic.name, None)
                        text = each.error_message or f"{topic.name}-{each.partition_index}"
                        raise KafkaError(error_code(each.error_code), text)
                    found += [
                        ActiveProducer(
                            topic.name,
                            each.partition_index,
                            state.producer_id,
                            state.producer_epoch,
                            _known(state.last_sequence),
                            _known(state.last_timestamp),
                            _known(state.coordinator_epoch),
                            _known(state.current_txn_start_offset),
                        )
                        for state in each.active_producers
                    ]
        return sorted(found, key=lambda each: (each.topic, each.partition, each.producer_id))

    return await client.retry(ask)


def _request(partitions: Iterable[TopicPartition]) -> DescribeProducersRequest:
    by_topic: dict[str, list[int]] = {}
    for topic, partition in partitions:
        by_topic.setdefault(topic, []).append(partition)
    topics = [TopicRequest(name=name, partition_indexes=indexes) for name, indexes in by_topic.items()]
    return DescribeProducersRequest(topics=topics)


def _known(value: int) -> int | None:
    return value if value >= 0 else None
