"""What the pages show, asked of the cluster: rows for the screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ottla.clients.consumer import PartitionReader, earliest_offsets, latest_offsets
from ottla.clients.groups import list_groups
from ottla.console.cli.output import bytes_text, text_of, time_text
from ottla.console.operations.brokers import describe_brokers
from ottla.console.operations.groups import describe_group
from ottla.console.operations.health import examine
from ottla.console.operations.producers import partitions_of
from ottla.console.operations.topics import list_topics
from ottla.console.tui.screen import Detail, Page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ottla.clients.client import KafkaClient

    Rows = list[tuple[str, ...]]
    Load = Callable[[KafkaClient], Awaitable[Rows]]

TAIL_RECORDS = 50
"""How many records of each partition are shown before the live ones."""
KEPT_RECORDS = 2000
"""How many rows a live tail keeps."""
VALUE_CHARACTERS_MAX = 1000

PAGES = (
    Page("Topics", ("TOPIC", "PARTITIONS", "REPLICAS", "ID"), note="There are no topics yet."),
    Page("Groups", ("GROUP", "TYPE", "STATE", "PROTOCOL"), note="There are no groups yet."),
    Page("Brokers", ("BROKER", "ADDRESS", "STATE", "LEADS", "REPLICAS", "STORED"), note="No broker is known."),
    Page("Health", ("LEVEL", "SUBJECT", "WHAT"), note="The doctor is looking …"),
)


async def topics(client: KafkaClient) -> Rows:
    found = await list_topics(client, include_internal=True)
    return [(each.name, str(each.partitions), str(each.replication_factor), each.topic_id) for each in found]


async def groups(client: KafkaClient) -> Rows:
    return [
        (each.group_id, each.type or "classic", each.state, each.protocol_type) for each in await list_groups(client)
    ]


async def brokers(client: KafkaClient) -> Rows:
    return [
        (
            str(each.broker.broker_id),
            f"{each.broker.host}:{each.broker.port}",
            "fenced" if each.broker.fenced else "active",
            str(each.leads),
            str(each.replicas),
            bytes_text(each.replica_bytes) or "-",
        )
        for each in await describe_brokers(client)
    ]


async def health(client: KafkaClient) -> Rows:
    return [
        (each.level.name, each.subject, f"{each.what}{f'  -> {each.advice}' if each.advice else ''}")
        for each in await examine(client)
    ]


LOADS: dict[str, Load] = {"Topics": topics, "Groups": groups, "Brokers": brokers, "Health": health}


async def tail(client: KafkaClient, topic: str, detail: Detail, changed: Callable[[], None]) -> None:
    """The last records of a topic, and new ones as they come, until it is cancelled."""
    wheres = await partitions_of(client, topic)
    first = await earliest_offsets(client, wheres)
    ends = await latest_offsets(client, wheres)
    positions = {where: max(first[where], ends[where] - TAIL_RECORDS) for where in wheres}
    reader = PartitionReader(client, positions)
    while True:
        for record in await reader.poll():
            value = text_of(record.value)[:VALUE_CHARACTERS_MAX]
            where = f"{record.partition}:{record.offset}"
            detail.rows.append((where, time_text(record.timestamp), text_of(record.key), value))
        del detail.rows[:-KEPT_RECORDS]
        changed()


async def group_offsets(client: KafkaClient, group_id: str, detail: Detail, changed: Callable[[], None]) -> None:
    """Where a group stands, again and again."""
    while True:
        group = await describe_group(client, group_id)
        detail.title = f"{group_id}: {group.type} group, {group.state}, {len(group.members)} members"
        detail.rows = [
            (
                f"{each.topic}-{each.partition}",
                _number(each.committed),
                _number(each.end),
                _number(each.lag),
                each.member_id or "-",
            )
            for each in group.offsets
        ]
        changed()
        await asyncio.sleep(1)


async def broker_directories(client: KafkaClient, broker: str, detail: Detail, changed: Callable[[], None]) -> None:
    (described,) = await describe_brokers(client, [int(broker)])
    detail.rows = [
        (
            each.path,
            each.error or "online",
            str(each.replicas),
            bytes_text(each.replica_bytes) or "-",
            bytes_text(each.usable_bytes) or "-",
        )
        for each in described.log_directories
    ]
    changed()


DETAILS: dict[
    str, tuple[tuple[str, ...], Callable[[KafkaClient, str, Detail, Callable[[], None]], Awaitable[None]]]
] = {
    "Topics": (("WHERE", "TIME", "KEY", "VALUE"), tail),
    "Groups": (("PARTITION", "COMMITTED", "END", "LAG", "MEMBER"), group_offsets),
    "Brokers": (("LOG DIRECTORY", "STATE", "REPLICAS", "STORED", "FREE"), broker_directories),
}
"""What is opened of a row, by the title of its page."""


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
