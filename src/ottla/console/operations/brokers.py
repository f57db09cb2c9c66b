"""Brokers: who is registered, fenced or active (KIP-1073), what each leads and stores; unregister one (KIP-631)."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ottla.clients.client import KafkaClient
from ottla.clients.errors import ClientError, RetriableError
from ottla.protocol.api.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.api.describe_log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult
from ottla.protocol.api.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code

_FENCED_BROKERS = 2
"""The first version of DescribeCluster that tells of fenced brokers."""


@dataclass(frozen=True, slots=True)
class Broker:
    """As the controller has it registered."""

    broker_id: int
    host: str
    port: int
    rack: str | None
    fenced: bool


@dataclass(frozen=True, slots=True)
class LogDirectory:
    path: str
    error: str | None
    """The name of an error code: the directory is offline, or may not be described."""
    replicas: int
    replica_bytes: int
    total_bytes: int | None
    """Of the volume that it lies on, as `usable_bytes`; `None` if the broker does not say."""
    usable_bytes: int | None
    cordoned: bool


@dataclass(frozen=True, slots=True)
class BrokerDescription:
    broker: Broker
    leads: int
    replicas: int
    out_of_sync: int
    """Of its replicas, those that are not in sync."""
    log_directories: list[LogDirectory] = field(default_factory=list)
    unreachable: str | None = None
    """Why the log directories are not known, if they are not."""

    @property
    def replica_bytes(self) -> int | None:
        return None if self.unreachable else sum(each.replica_bytes for each in self.log_directories)


async def registered_brokers(client: KafkaClient) -> dict[int, Broker]:
    """By id; brokers that tell of active ones only are believed."""

    async def ask() -> DescribeClusterResponse:
        connection = await client.any_connection()
        version = connection.version_of(DescribeClusterRequest)
        request = DescribeClusterRequest(
            include_cluster_authorized_operations=False, include_fenced_brokers=version >= _FENCED_BROKERS
        )
        response = await connection.send(request, DescribeClusterResponse, timeout_ms=client.request_timeout_ms)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), response.error_message)
        return response

    response = await client.retry(ask)
    brokers = (Broker(each.broker_id, each.host, each.port, each.rack, each.is_fenced) for each in response.brokers)
    return {broker.broker_id: broker for broker in sorted(brokers, key=lambda broker: broker.broker_id)}


async def describe_brokers(client: KafkaClient, broker_ids: Iterable[int] | None = None) -> list[BrokerDescription]:
    """All, or these. `KafkaError(BROKER_ID_NOT_REGISTERED)` names who is registered. Fenced brokers are not asked."""
    brokers = await registered_brokers(client)
    wanted = list(brokers) if broker_ids is None else list(dict.fromkeys(broker_ids))
    for broker_id in wanted:
        if broker_id not in brokers:
            raise not_registered(broker_id, brokers)
    metadata = await client.refresh_metadata(None)
    leads: Counter[int] = Counter()
    replicas: Counter[int] = Counter()
    in_sync: Counter[int] = Counter()
    for topic in metadata.topics.values():
        for partition in topic.partitions.values():
            leads[partition.leader] += 1
            replicas.update(partition.replicas)
            in_sync.update(partition.isr)
    directories = await asyncio.gather(*(_log_directories(client, brokers[broker_id]) for broker_id in wanted))
    return [
        BrokerDescription(
            brokers[broker_id],
            leads[broker_id],
            replicas[broker_id],
            replicas[broker_id] - in_sync[broker_id],
            found if isinstance(found, list) else [],
            None if isinstance(found, list) else found,
        )
        for broker_id, found in zip(wanted, directories, strict=True)
    ]


async def log_directory_results(client: KafkaClient, broker_id: int) -> list[DescribeLogDirsResult]:
    """What lies in the log directories of one broker, as it says it."""
    response = await client.send_to(broker_id, DescribeLogDirsRequest(topics=None), DescribeLogDirsResponse)
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), f"broker {broker_id} does not tell of its log directories")
    return response.results


async def unregister_broker(client: KafkaClient, broker_id: int, *, active_too: bool = False) -> None:
    """Forget a broker that will not come back; an active one only with `active_too`.

    Its replicas stay where they are assigned, and out of sync, until they are reassigned.
    """
    brokers = await registered_brokers(client)
    if broker_id not in brokers:
        raise not_registered(broker_id, brokers)
    if not brokers[broker_id].fenced and not active_too:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"broker {broker_id} is active: stop it first")

    async def ask() -> UnregisterBrokerResponse:
        response = await client.send_any(UnregisterBrokerRequest(broker_id=broker_id), UnregisterBrokerResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), response.error_message)
        return response

    await client.retry(ask, unless=(ErrorCode.BROKER_ID_NOT_REGISTERED,))


def not_registered(broker_id: int, brokers: Iterable[int]) -> KafkaError:
    there = ", ".join(map(str, brokers))
    return KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"there is no broker {broker_id}; registered are {there}")


async def _log_directories(client: KafkaClient, broker: Broker) -> list[LogDirectory] | str:
    """Or why they are not known: a command that lists brokers must work while some are in trouble."""
    if broker.fenced:
        return "the broker is fenced"
    try:
        results = await log_directory_results(client, broker.broker_id)
    except (RetriableError, ClientError) as error:
        return str(error)
    except KafkaError as error:
        return error.code.name
    return [_log_directory(result) for result in sorted(results, key=lambda result: result.log_dir)]


def _log_directory(result: DescribeLogDirsResult) -> LogDirectory:
    partitions = [partition for topic in result.topics for partition in topic.partitions]
    return LogDirectory(
        result.log_dir,
        None if result.error_code == ErrorCode.NONE else error_code(result.error_code).name,
        len(partitions),
        sum(partition.partition_size for partition in partitions),
        result.total_bytes if result.total_bytes >= 0 else None,
        result.usable_bytes if result.usable_bytes >= 0 else None,
        result.is_cordoned,
    )
