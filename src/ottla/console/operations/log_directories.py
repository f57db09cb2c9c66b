"""Log directories (KIP-113): how many bytes each replica has, in which directory of which broker."""

from collections.abc import Iterable
from dataclasses import dataclass

from ottla.clients.client import KafkaClient
from ottla.console.operations.brokers import log_directory_results, not_registered, registered_brokers
from ottla.console.operations.topics import find_topic
from ottla.protocol.errors import ErrorCode, error_code


@dataclass(frozen=True, slots=True)
class Replica:
    broker: int
    log_dir: str
    topic: str
    partition: int
    size_bytes: int
    offset_lag: int
    """How far it is behind: a replica that moves between directories behind the current one, another behind the
    high watermark."""
    future: bool
    """It is being copied into this directory, to replace the one that is elsewhere."""


@dataclass(frozen=True, slots=True)
class FailedDirectory:
    broker: int
    log_dir: str
    error: str


async def describe_log_directories(
    client: KafkaClient, *, brokers: Iterable[int] = (), topics: Iterable[str] = ()
) -> tuple[list[Replica], list[FailedDirectory]]:
    """Of these brokers and topics, or of all. `KafkaError` names a broker or topic that is not there."""
    wanted, named = list(dict.fromkeys(brokers)), set(topics)
    registered = await registered_brokers(client)
    for broker_id in wanted:
        if broker_id not in registered:
            raise not_registered(broker_id, registered)
    for topic in named:
        await find_topic(client, topic)
    replicas: list[Replica] = []
    failed: list[FailedDirectory] = []
    for broker_id in wanted or [each for each, broker in registered.items() if not broker.fenced]:
        for result in await log_directory_results(client, broker_id):
            if result.error_code != ErrorCode.NONE:
                failed.append(FailedDirectory(broker_id, result.log_dir, error_code(result.error_code).name))
            replicas += [
                Replica(
                    broker_id,
                    result.log_dir,
                    topic.name,
                    each.partition_index,
                    each.partition_size,
                    each.offset_lag,
                    each.is_future_key,
                )
                for topic in result.topics
                if not named or topic.name in named
                for each in topic.partitions
            ]
    return sorted(replicas, key=lambda r: (r.broker, r.log_dir, r.topic, r.partition, r.future)), failed
