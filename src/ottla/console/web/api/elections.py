"""Elections of leaders: partitions that one would change, and electing the preferred replica, or any that is left."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.consumer import TopicPartition
from ottla.console.operations.elections import elect_leaders, leaderships
from ottla.console.web.message import Body, Response, bad_request

if TYPE_CHECKING:
    from ottla.console.operations.elections import Leadership
    from ottla.console.web.context import Context

PARTITIONS_MAX: Final = 10_000
PREFERRED: Final = "preferred"
UNCLEAN: Final = "unclean"


async def list_needed(context: Context) -> Response:
    """Partitions that another broker leads than is to lead them, or none."""
    found = await leaderships(context.client)
    shown = [
        _leadership(each) for each in found if each.leader != each.preferred and context.may_view("topic", each.topic)
    ]
    return Response({"partitions": shown[:PARTITIONS_MAX], "count": len(shown)})


async def elect(context: Context) -> Response:
    """What is elected, and where it could not be; nothing of that is an error of the request."""
    body = context.request.object("type", "partitions")
    kind = body.text("type", PREFERRED)
    if kind not in (PREFERRED, UNCLEAN):
        raise bad_request(f"'type' is {PREFERRED} or {UNCLEAN}, not '{kind}'")
    wheres = partitions_of(context, body)
    if not wheres and kind == UNCLEAN:
        raise bad_request("'partitions' is empty", "where records may be lost, each partition is named")
    context.details |= {"type": kind, "partitions": [f"{topic}-{index}" for topic, index in wheres] or "all"}
    if not wheres:
        found = await leaderships(context.client)
        wheres = [
            TopicPartition(each.topic, each.partition)
            for each in found
            if each.needs_election(unclean=False) and context.may_view("topic", each.topic)
        ]
    elections = await elect_leaders(context.client, wheres, unclean=kind == UNCLEAN) if wheres else []
    return Response({"elections": [asdict(each) for each in elections]})


def partitions_of(context: Context, body: Body) -> list[TopicPartition]:
    """`[{"topic", "partition"}]`, of topics that may be seen."""
    wheres: list[TopicPartition] = []
    for number, each in enumerate(body.list("partitions", at_most=PARTITIONS_MAX), 1):
        named = Body.of(each, f"partition {number}", ("topic", "partition"))
        where = TopicPartition(named.text("topic"), named.number("partition", 0, 2**31 - 1))
        context.require("topic", "view", where.topic)
        wheres.append(where)
    return list(dict.fromkeys(wheres))


def _leadership(each: Leadership) -> dict[str, Any]:
    return {
        "topic": each.topic,
        "partition": each.partition,
        "leader": each.leader,
        "preferred": each.preferred,
        "replicas": list(each.replicas),
        "isr": list(each.isr),
        "can_lead": each.needs_election(unclean=False),
    }
