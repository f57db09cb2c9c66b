"""Transactions: which there are, which hang, and how they are ended."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ottla.clients.consumer import TopicPartition
from ottla.console.operations.producers import partitions_of
from ottla.console.operations.transactions import (
    TRANSACTION_TIMEOUT_MAX_MS,
    describe_transaction,
    find_hanging,
    list_transactions,
    terminate,
)
from ottla.console.web.access.audit import now_ms
from ottla.console.web.api.groups import by_topic
from ottla.console.web.message import Response

if TYPE_CHECKING:
    from ottla.console.web.context import Context


async def list_all(context: Context) -> Response:
    found = await list_transactions(context.client)
    shown = [asdict(each) for each in found if context.may_view("transaction", each.transactional_id)]
    return Response({"transactions": shown})


async def get(context: Context) -> Response:
    found = await describe_transaction(context.client, context.parameter("transaction"))
    return Response({**asdict(found), "partitions": by_topic(found.partitions)})


async def abort(context: Context) -> Response:
    await terminate(context.client, context.parameter("transaction"))
    return Response(None, 204)


async def hanging(context: Context) -> Response:
    topic = context.request.text("topic")
    if topic is not None:
        wheres = await partitions_of(context.client, topic)
    else:
        metadata = await context.client.refresh_metadata(None)
        wheres = [
            TopicPartition(each.name, partition.index)
            for each in metadata.topics.values()
            for partition in each.partitions.values()
            if partition.leader >= 0
        ]
    found = await find_hanging(context.client, wheres, now_ms=now_ms(), longer_than_ms=TRANSACTION_TIMEOUT_MAX_MS)
    shown = [
        {
            "topic": each.producer.topic,
            "partition": each.producer.partition,
            "producer_id": each.producer.producer_id,
            "producer_epoch": each.producer.producer_epoch,
            "start_offset": each.producer.transaction_start_offset,
            "last_timestamp_ms": each.producer.last_timestamp_ms,
            "transactional_id": each.transactional_id,
        }
        for each in found
        if context.may_view("topic", each.producer.topic)
    ]
    return Response({"hanging": shown})
