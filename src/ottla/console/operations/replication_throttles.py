"""Throttles of replication, set for a reassignment and taken away after it (KIP-73).

Brokers get a rate, for what they send as leaders and for what they fetch as followers; topics say which replicas are
held to it: on the side of leaders those that are there, on the side of followers those that are to come.
"""

from collections.abc import Iterable, Sequence

from ottla.clients.client import KafkaClient
from ottla.clients.configs import DYNAMIC_BROKER
from ottla.clients.consumer import TopicPartition
from ottla.clients.errors import ClientError
from ottla.console.operations.brokers import registered_brokers
from ottla.console.operations.configs import alter_config, describe_config
from ottla.console.operations.partition_files import Assignment
from ottla.console.operations.reassignments import Reassignment
from ottla.protocol.errors import KafkaError

LEADER_RATE, FOLLOWER_RATE = "leader.replication.throttled.rate", "follower.replication.throttled.rate"
DIRECTORY_RATE = "replica.alter.log.dirs.io.max.bytes.per.second"
LEADER_REPLICAS, FOLLOWER_REPLICAS = "leader.replication.throttled.replicas", "follower.replication.throttled.replicas"
RATES = (LEADER_RATE, FOLLOWER_RATE, DIRECTORY_RATE)
REPLICAS = (LEADER_REPLICAS, FOLLOWER_REPLICAS)


async def set_throttles(
    client: KafkaClient,
    assignments: Sequence[Assignment],
    current: Sequence[Assignment],
    moving: Sequence[Reassignment],
    *,
    rate: int | None,
    directory_rate: int | None = None,
) -> None:
    """In bytes a second and broker. What moves already in these topics is held to it, too."""
    if rate is not None:
        sources, destinations = _moves(assignments, current, moving)
        for topic in sorted({where.topic for where in sources}):
            values = {LEADER_REPLICAS: _replicas(topic, sources), FOLLOWER_REPLICAS: _replicas(topic, destinations)}
            await alter_config(client, "topic", topic, values=values)
        rates = {LEADER_RATE: str(rate), FOLLOWER_RATE: str(rate)}
        involved = {broker for brokers in (*sources.values(), *destinations.values()) for broker in brokers}
        for broker in sorted(involved & await _active(client)):
            await alter_config(client, "broker", str(broker), values=rates)
    if directory_rate is not None:
        movers = {broker for each in assignments for broker in each.moves_into_directories()}
        for broker in sorted(movers & await _active(client)):
            await alter_config(client, "broker", str(broker), values={DIRECTORY_RATE: str(directory_rate)})


async def throttle_rates(client: KafkaClient) -> dict[int, int]:
    """By broker, what its replication is held to, in bytes a second: the lowest, where there are several."""
    rates: dict[int, int] = {}
    for broker in sorted(await _active(client)):
        try:
            entries = await describe_config(client, "broker", str(broker))
        except (ClientError, KafkaError):  # it went away meanwhile
            continue
        values = [
            int(each.value) for each in entries if each.name in RATES and each.source == DYNAMIC_BROKER and each.value
        ]
        if values:
            rates[broker] = min(values)
    return rates


async def remove_throttles(client: KafkaClient, topics: Iterable[str]) -> list[str]:
    """Of every active broker, and of these topics, if they are still there; the names of those that had some."""
    brokers = sorted(await _active(client))
    had = [f"broker {each}" for each in brokers if await _remove(client, "broker", str(each), RATES, DYNAMIC_BROKER)]
    wanted = sorted(set(topics))
    there = [topic for topic in wanted if topic in (await client.refresh_metadata(wanted)).topics]
    had += [f"topic {each}" for each in there if await _remove(client, "topic", each, REPLICAS, "dynamic topic")]
    return had


async def _remove(client: KafkaClient, kind: str, name: str, keys: Sequence[str], source: str) -> bool:
    entries = await describe_config(client, kind, name)
    deleted = [entry.name for entry in entries if entry.name in keys and entry.source == source]
    if deleted:
        await alter_config(client, kind, name, values={}, deleted=deleted)
    return bool(deleted)


async def _active(client: KafkaClient) -> set[int]:
    """A broker that is away takes no configs; it has no replicas that it could fetch, either."""
    await client.refresh_metadata([])
    return {broker.broker_id for broker in (await registered_brokers(client)).values() if not broker.fenced}


def _moves(
    assignments: Sequence[Assignment], current: Sequence[Assignment], moving: Sequence[Reassignment]
) -> tuple[dict[TopicPartition, list[int]], dict[TopicPartition, list[int]]]:
    """By partition: the replicas that are there, and those that are to come."""
    there = {each.where: list(each.replicas) for each in current}
    sources: dict[TopicPartition, list[int]] = {}
    destinations: dict[TopicPartition, list[int]] = {}
    topics = {each.topic for each in assignments}
    for each in moving:
        there[each.where] = [broker for broker in each.replicas if broker not in each.adding]
        if each.topic in topics:
            sources[each.where], destinations[each.where] = there[each.where], list(each.adding)
    for assignment in assignments:
        before = there[assignment.where]
        sources[assignment.where] = before
        destinations[assignment.where] = [broker for broker in assignment.replicas if broker not in before]
    return sources, destinations


def _replicas(topic: str, moves: dict[TopicPartition, list[int]]) -> str:
    """As the config wants it: `PARTITION:BROKER,…`."""
    return ",".join(
        f"{where.partition}:{broker}" for where in sorted(moves) if where.topic == topic for broker in moves[where]
    )
