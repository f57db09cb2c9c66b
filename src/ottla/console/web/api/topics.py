"""Topics: what there is, how large it is and how it is set; made, changed and deleted."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.consumer import TopicPartition, earliest_offsets, latest_offsets
from ottla.clients.errors import ClientError
from ottla.clients.records import delete_records as delete_records_before
from ottla.clients.topics import BROKER_DEFAULT
from ottla.console.operations.groups import describe_group
from ottla.console.operations.log_directories import describe_log_directories
from ottla.console.operations.positions import parse_position, resolve
from ottla.console.operations.producers import describe_producers, partitions_of
from ottla.console.operations.topics import (
    add_partitions,
    create_topic,
    delete_topics,
    describe_topic,
    find_topic,
    list_topics,
)
from ottla.console.operations.transactions import abort, open_at
from ottla.console.web.access.audit import now_ms
from ottla.console.web.message import Response, bad_request
from ottla.console.web.sampling.sampler import topic_sizes
from ottla.protocol.errors import KafkaError
from ottla.protocol.types import uuid_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.clients.client import TopicMetadata
    from ottla.console.web.context import Context

PARTITIONS_MAX: Final = 100_000
COUNTED_MAX: Final = 2_000
"""Up to so many partitions their offsets and sizes are asked for anew; of more the last sample's are told."""
GROUPS_LOOKED_AT_MAX: Final = 200


async def list_all(context: Context) -> Response:
    internal = context.request.flag("internal")
    await list_topics(context.client, include_internal=True)
    topics = {
        name: topic
        for name, topic in sorted(context.client.metadata.topics.items())
        if (internal or not topic.internal) and context.may_view("topic", name)
    }
    partitions = sum(len(topic.partitions) for topic in topics.values())
    if partitions <= COUNTED_MAX:
        records, sizes = await asyncio.gather(_records(context, topics), _sizes(context))
    else:
        records, sizes = _sampled_records(context), context.cluster.sampler.sizes or {}
    configs = await context.cluster.topic_configs(topics)
    readers = _readers(context)
    shown = [
        _summary(context, topic, records.get(name), sizes.get(name), configs.get(name, {}), readers.get(name))
        for name, topic in topics.items()
    ]
    return Response({"topics": shown})


async def create(context: Context) -> Response:
    body = context.request.object("name", "partitions", "replication_factor", "configs", "validate_only")
    name, validate_only = body.text("name"), body.flag("validate_only")
    context.resource_name = name
    context.require("topic", "create", name)
    configs = body.strings("configs")
    context.details |= {"configs": configs, "validate_only": validate_only}
    made = await create_topic(
        context.client,
        name,
        partitions=body.number("partitions", 1, PARTITIONS_MAX, BROKER_DEFAULT),
        replication_factor=body.number("replication_factor", 1, 1_000, BROKER_DEFAULT),
        configs=configs,
        validate_only=validate_only,
    )
    told = {
        "name": made.name,
        "topic_id": made.topic_id,
        "partitions": made.partitions,
        "replication_factor": made.replication_factor,
    }
    return Response(told, 200 if validate_only else 201)


async def get(context: Context) -> Response:
    name = context.parameter("topic")
    described = await describe_topic(context.client, name)
    topic = context.client.metadata.topics.get(name) or await find_topic(context.client, name)
    sizes = await _partition_sizes(context, name)
    total = sum(sizes.values()) if sizes else None
    configs = (await context.cluster.topic_configs([name])).get(name, {})
    records = sum((each.next_offset or 0) - (each.first_offset or 0) for each in described.partitions)
    return Response({
        **_summary(context, topic, records, total, configs, _readers(context).get(name)),
        "partition_list": [
            {**asdict(each), "size_bytes": sizes.get(each.partition)} for each in described.partitions
        ],
        "configs": described.configs,
    })  # fmt: skip


async def delete(context: Context) -> Response:
    await delete_topics(context.client, [context.parameter("topic")])
    return Response(None, 204)


async def add(context: Context) -> Response:
    name = context.parameter("topic")
    body = context.request.object("count", "validate_only")
    count, validate_only = body.number("count", 1, PARTITIONS_MAX), body.flag("validate_only")
    context.details |= {"count": count, "validate_only": validate_only}
    await add_partitions(context.client, name, count, validate_only=validate_only)
    return Response({"partitions": count})


async def delete_records(context: Context) -> Response:
    name = context.parameter("topic")
    body = context.request.object("before", "offsets")
    topic = await find_topic(context.client, name)
    if ("before" in body) == ("offsets" in body):
        raise bad_request("say either 'before' or 'offsets'")
    if "before" in body:
        try:
            position = parse_position(body.text("before"), now_ms())
        except ValueError as error:
            raise bad_request(f"'before': {error}") from None
        wheres = [TopicPartition(name, index) for index in topic.partitions]
        before = await resolve(context.client, position, wheres)
    else:
        before = offsets_of(body.mapping("offsets"), topic, "offsets")
    context.details["before"] = {str(where.partition): offset for where, offset in before.items()}
    await delete_records_before(context.client, before)
    starts = await earliest_offsets(context.client, before)
    return Response({"low_watermarks": {str(where.partition): start for where, start in starts.items()}})


async def groups(context: Context) -> Response:
    """Those that have committed there, or are assigned to it: as the last sample knows them, and then asked anew."""
    name = context.parameter("topic")
    snapshot = await context.cluster.sampler.fresh(10)
    ids = [
        group_id
        for group_id, group in snapshot.groups.items()
        if any(where.topic == name for where in (*group.committed, *group.told_lags))
        and context.may_view("group", group_id)
    ]
    found = []
    for group_id in ids[:GROUPS_LOOKED_AT_MAX]:
        try:
            group = await describe_group(context.client, group_id)
        except KafkaError:
            continue  # it is gone meanwhile
        lags = [each.lag for each in group.offsets if each.topic == name and each.lag is not None]
        found.append({
            "group_id": group_id,
            "type": group.type,
            "state": group.state,
            "lag": sum(lags) if lags else None,
            "members": len(group.members),
        })  # fmt: skip
    return Response({"groups": found})


async def producers(context: Context) -> Response:
    wheres = await partitions_of(context.client, context.parameter("topic"))
    found = await describe_producers(context.client, wheres)
    names = (
        "partition",
        "producer_id",
        "producer_epoch",
        "last_sequence",
        "last_timestamp_ms",
        "transaction_start_offset",
    )
    return Response({"producers": [{name: getattr(each, name) for name in names} for each in found]})


async def abort_transaction(context: Context) -> Response:
    body = context.request.object("partition", "start_offset")
    where = TopicPartition(context.parameter("topic"), body.number("partition", 0, PARTITIONS_MAX))
    start_offset = body.number("start_offset", 0, 2**62)
    context.details |= {"partition": where.partition, "start_offset": start_offset}
    await abort(context.client, await open_at(context.client, where, start_offset))
    return Response(None, 204)


def offsets_of(offsets: Mapping[str, Any], topic: TopicMetadata, where: str) -> dict[TopicPartition, int]:
    """`{"0": 12}` of a topic. `ApiError`."""
    found: dict[TopicPartition, int] = {}
    for index, offset in offsets.items():
        if not index.isdecimal() or int(index) not in topic.partitions:
            last = len(topic.partitions) - 1
            raise bad_request(f"'{where}': topic '{topic.name}' has partitions 0 to {last}, not '{index[:20]}'")
        if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < 2**63:
            raise bad_request(f"'{where}': the offset of partition {index} is to be a whole number, 0 or more")
        found[TopicPartition(topic.name, int(index))] = offset
    if not found:
        raise bad_request(f"'{where}' names no partition")
    return found


def _summary(
    context: Context,
    topic: TopicMetadata,
    records: int | None,
    size_bytes: int | None,
    configs: Mapping[str, str | None],
    readers: int | None,
) -> dict[str, Any]:
    partitions = topic.partitions.values()
    return {
        "name": topic.name,
        "topic_id": uuid_text(topic.topic_id),
        "internal": topic.internal,
        "partitions": len(partitions),
        "replication_factor": max((len(each.replicas) for each in partitions), default=0),
        "under_replicated": sum(len(each.isr) < len(each.replicas) for each in partitions),
        "offline": sum(each.leader < 0 for each in partitions),
        "records": records,
        "size_bytes": size_bytes,
        "cleanup_policy": configs.get("cleanup.policy"),
        "retention_ms": _number(configs.get("retention.ms")),
        "retention_bytes": _number(configs.get("retention.bytes")),
        "records_per_s": context.cluster.sampler.ring.last(("topic", topic.name, "records_per_s")),
        "groups": readers,
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdecimal() else None


async def _records(context: Context, topics: Mapping[str, TopicMetadata]) -> dict[str, int]:
    wheres = [
        TopicPartition(topic.name, each.index)
        for topic in topics.values()
        for each in topic.partitions.values()
        if each.leader >= 0
    ]
    if not wheres:
        return {}
    try:
        starts = await earliest_offsets(context.client, wheres)
        ends = await latest_offsets(context.client, wheres)
    except KafkaError:  # a topic is gone meanwhile, or may not be described
        return _sampled_records(context)
    counts: Counter[str] = Counter()
    for where in wheres:
        counts[where.topic] += ends[where] - starts[where]
    return dict(counts)


def _sampled_records(context: Context) -> dict[str, int]:
    last = context.cluster.sampler.last
    counts: Counter[str] = Counter()
    for where, end in last.ends.items() if last is not None else ():
        counts[where.topic] += end - (last.starts.get(where, end) if last is not None else end)
    return dict(counts)


async def _sizes(context: Context) -> dict[str, int]:
    try:
        replicas, _ = await describe_log_directories(context.client)
    except (KafkaError, ClientError):
        return {}  # not everybody may ask for them
    return topic_sizes(context.client, [(r.topic, r.partition, r.broker, r.size_bytes) for r in replicas])


async def _partition_sizes(context: Context, topic: str) -> dict[int, int]:
    try:
        replicas, _ = await describe_log_directories(context.client, topics=[topic])
    except (KafkaError, ClientError):
        return {}
    sizes: dict[int, int] = {}
    for each in replicas:
        sizes[each.partition] = max(sizes.get(each.partition, 0), each.size_bytes)
    return sizes


def _readers(context: Context) -> dict[str, int]:
    """How many groups have committed offsets in each topic, as the last sample knows."""
    last = context.cluster.sampler.last
    counts: Counter[str] = Counter()
    for group in last.groups.values() if last is not None else ():
        counts.update({where.topic for where in (*group.committed, *group.told_lags)})
    return dict(counts)
