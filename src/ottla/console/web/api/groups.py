"""Groups of every type: members, where they are and how far that is from the end, over time; moved and deleted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.errors import ClientError
from ottla.clients.groups import list_groups
from ottla.console.operations.groups import (
    OffsetReset,
    commit_targets,
    delete_groups,
    delete_offsets,
    describe_group,
    reset_offsets,
)
from ottla.console.operations.positions import parse_position
from ottla.console.operations.streams_topology import describe_topology
from ottla.console.operations.topics import find_topic
from ottla.console.web.access.audit import now_ms
from ottla.console.web.api.topics import offsets_of
from ottla.console.web.message import Body, Response, bad_request
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ottla.clients.consumer import TopicPartition
    from ottla.console.operations.lag_snapshot import LagSnapshot
    from ottla.console.web.context import Context

TOPICS_MAX: Final = 1_000
SAMPLE_AGE_S: Final = 10.0


async def list_all(context: Context) -> Response:
    listed, snapshot = await asyncio.gather(list_groups(context.client), _snapshot(context))
    shown = []
    for group in listed:
        if not context.may_view("group", group.group_id):
            continue
        sampled = snapshot.groups.get(group.group_id) if snapshot is not None else None
        lags = snapshot.lags(group.group_id) if snapshot is not None and sampled is not None else {}
        topics = None
        if sampled is not None:
            names = {where.topic for where in (*sampled.committed, *lags)}
            topics = sorted(name for name in names if context.may_view("topic", name))
        shown.append({
            "group_id": group.group_id,
            "type": group.type.lower() or "classic",
            "state": group.state,
            "protocol_type": group.protocol_type,
            "members": None if sampled is None else sampled.members,
            "lag": sum(lags.values()) if lags else None,
            "topics": topics,
        })  # fmt: skip
    return Response({"groups": shown})


async def get(context: Context) -> Response:
    group = await describe_group(context.client, context.parameter("group"))
    lags = [each.lag for each in group.offsets if each.lag is not None]
    return Response({
        "group_id": group.group_id,
        "type": group.type,
        "state": group.state,
        "protocol": group.protocol,
        "epoch": group.epoch,
        "coordinator": group.coordinator,
        "lag": sum(lags) if lags else None,
        "members": [
            {
                "member_id": each.member_id,
                "group_instance_id": each.group_instance_id,
                "client_id": each.client_id,
                "host": each.host,
                "epoch": each.epoch,
                "assignment": by_topic(each.assignment),
                "tasks": each.tasks,
            }
            for each in group.members
        ],
        "offsets": [
            {
                "topic": each.topic,
                "partition": each.partition,
                "committed": each.committed,
                "end": each.end,
                "lag": each.lag,
                "member_id": each.member_id,
            }
            for each in group.offsets
        ],
    })  # fmt: skip


async def delete(context: Context) -> Response:
    await delete_groups(context.client, [context.parameter("group")])
    return Response(None, 204)


async def forget_offsets(context: Context) -> Response:
    topic = context.request.needed("topic")
    context.details["topic"] = topic
    await delete_offsets(context.client, context.parameter("group"), [topic])
    return Response(None, 204)


async def reset(context: Context) -> Response:
    """A preview changes nothing, so it is not refused where nothing may be changed."""
    body = context.request.object("topics", "partition", "to", "offsets", "execute")
    execute = body.flag("execute")
    if execute:
        context.require_writable()
    if ("to" in body) == ("offsets" in body):
        raise bad_request("say either 'to' or 'offsets'")
    context.details["execute"] = execute
    changes = await (_to_offsets(context, body, execute) if "offsets" in body else _to(context, body, execute))
    shown = [
        {
            "topic": each.topic,
            "partition": each.partition,
            "before": each.before,
            "after": each.after,
            "change": None if each.before is None else each.after - each.before,
        }
        for each in changes
    ]
    return Response({"executed": execute, "changes": shown})


async def lag(context: Context) -> Response:
    group, ring = context.parameter("group"), context.cluster.sampler.ring
    topics = [name[3] for name in ring.names("group", group, "lag") if len(name) == 4]
    return Response({
        "interval_ms": int(context.cluster.sampler.interval_s * 1000),
        "times_ms": ring.times_ms,
        "total": ring.read(("group", group, "lag")),
        "topics": {topic: ring.read(("group", group, "lag", topic)) for topic in sorted(topics)},
    })  # fmt: skip


async def topology(context: Context) -> Response:
    found = await describe_topology(context.client, context.parameter("group"))
    group = await describe_group(context.client, context.parameter("group"))
    subtopologies = [
        {
            "id": each.id,
            "source_topics": each.source_topics,
            "repartition_source_topics": [_internal(*topic) for topic in each.repartition_sources],
            "repartition_sink_topics": each.repartition_sinks,
            "changelog_topics": [_internal(*topic) for topic in each.changelogs],
        }
        for each in found.subtopologies
    ]
    lags: dict[str, int] = {}
    for each in found.subtopologies:
        names = {*each.source_topics, *(name for name, _ in each.repartition_sources)}
        for offset in group.offsets:
            if offset.topic in names and offset.lag is not None:
                task = f"{each.id}_{offset.partition}"
                lags[task] = lags.get(task, 0) + offset.lag
    return Response({
        "group_id": found.group_id,
        "state": found.state,
        "epoch": found.epoch,
        "topology_epoch": found.topology_epoch,
        "subtopologies": subtopologies,
        "members": [
            {
                "member_id": each.member_id,
                "client_id": each.client_id,
                "host": each.host,
                "process_id": each.process_id,
                "epoch": each.epoch,
                "active": each.active,
                "standby": each.standby,
                "warmup": each.warmup,
            }
            for each in found.members
        ],
        "lag": lags,
    })  # fmt: skip


def by_topic(wheres: Iterable[TopicPartition]) -> list[dict[str, Any]]:
    topics: dict[str, list[int]] = {}
    for topic, partition in sorted(wheres):
        topics.setdefault(topic, []).append(partition)
    return [{"topic": topic, "partitions": partitions} for topic, partitions in topics.items()]


def _internal(name: str, partitions: int) -> dict[str, Any]:
    return {"name": name, "partitions": partitions}


async def _snapshot(context: Context) -> LagSnapshot | None:
    """Numbers are a help: without them the groups are listed all the same."""
    try:
        return await context.cluster.sampler.fresh(SAMPLE_AGE_S)
    except (KafkaError, ClientError):
        return None


async def _to(context: Context, body: Body, execute: bool) -> Sequence[OffsetReset]:
    try:
        position = parse_position(body.text("to"), now_ms())
    except ValueError as error:
        raise bad_request(f"'to': {error}") from None
    topics = body.texts("topics", at_most=TOPICS_MAX)
    context.details |= {"to": body.text("to"), "topics": topics}
    return await reset_offsets(
        context.client,
        context.parameter("group"),
        topics,
        position,
        partition=body.optional_number("partition", 0, 1_000_000),
        execute=execute,
    )


async def _to_offsets(context: Context, body: Body, execute: bool) -> Sequence[OffsetReset]:
    wanted = body.mapping("offsets")
    if not wanted or len(wanted) > TOPICS_MAX:
        raise bad_request(f"'offsets' names 1 to {TOPICS_MAX} topics")
    targets: dict[TopicPartition, int] = {}
    for name, offsets in wanted.items():
        if not isinstance(offsets, dict):
            raise bad_request(f"'offsets' of topic '{name}' is to be an object of offsets by partition")
        targets |= offsets_of(offsets, await find_topic(context.client, name), f"offsets.{name}")
    context.details["offsets"] = wanted
    return await commit_targets(context.client, context.parameter("group"), targets, execute=execute)
