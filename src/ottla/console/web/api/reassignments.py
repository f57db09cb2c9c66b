"""Reassignments: proposed, started with a throttle, followed, cancelled; and the throttles taken away when all is done.

Nothing of it is remembered here: what moves the controller knows, what is throttled the configs of the brokers say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.console.operations.partition_files import Assignment
from ottla.console.operations.reassignment_plan import PlanError
from ottla.console.operations.reassignment_proposal import propose_for, replaced_by
from ottla.console.operations.reassignments import (
    cancel_reassignments,
    ongoing_reassignments,
    reassignment_progress,
    start_reassignments,
)
from ottla.console.operations.replication_throttles import REPLICAS, remove_throttles, set_throttles, throttle_rates
from ottla.console.web.api.elections import PARTITIONS_MAX, partitions_of
from ottla.console.web.message import ApiError, Body, Response, bad_request, invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.console.operations.reassignments import Progress, Refusal
    from ottla.console.web.context import Context

TOPICS_MAX: Final = 1_000
BROKERS_MAX: Final = 1_000
FACTOR_MAX: Final = 100
BROKER_ID_MAX: Final = 2**31 - 1
RATE_MIN: Final = 1_024
"""Bytes a second: with less, a reassignment does not end."""
RATE_MAX: Final = 2**53 - 1
_DONE_MEANWHILE: Final = "NO_REASSIGNMENT_IN_PROGRESS"


async def list_all(context: Context) -> Response:
    moving = [each for each in await ongoing_reassignments(context.client) if context.may_view("topic", each.topic)]
    progress = await reassignment_progress(context.client, moving) if moving else []
    rates = await throttle_rates(context.client)
    return Response({
        "reassignments": [_progress(each) for each in progress],
        "throttles": {str(broker): rate for broker, rate in rates.items()},
    })  # fmt: skip


async def propose(context: Context) -> Response:
    """Changes nothing."""
    body = context.request.object("topics", "brokers", "replication_factor", "racks")
    topics = body.texts("topics", at_most=TOPICS_MAX)
    for topic in topics:
        context.require("topic", "view", topic)
    if not topics:
        there = (await context.client.refresh_metadata(None)).topics
        topics = sorted(name for name in there if context.may_view("topic", name))
    brokers = _brokers(body.list("brokers", at_most=BROKERS_MAX), "'brokers'") if "brokers" in body else None
    factor = body.optional_number("replication_factor", 1, FACTOR_MAX)
    try:
        found = await propose_for(
            context.client,
            topics,
            brokers=brokers,
            replication_factor=factor,
            racks=body.flag("racks", default=True),
        )
    except PlanError as error:
        raise invalid(f"there is no plan: {error}") from None
    if len(found.changed) > PARTITIONS_MAX:
        text = f"{len(found.changed)} partitions would change; {PARTITIONS_MAX} are the most at once"
        raise invalid(text, "name some of the topics")
    return Response({
        "changes": [
            {
                "topic": after.topic,
                "partition": after.partition,
                "replicas": list(before.replicas),
                "proposed": list(after.replicas),
            }
            for before, after in found.changed
        ],
        "partitions": len(found.current),
        "copied_replicas": found.copied_replicas,
    })  # fmt: skip


async def start(context: Context) -> Response:
    body = context.request.object("partitions", "throttle_bytes_per_s", "additional")
    plan = _plan(context, body)
    rate = body.optional_number("throttle_bytes_per_s", RATE_MIN, RATE_MAX)
    context.details |= {
        "partitions": {f"{each.topic}-{each.partition}": list(each.replicas) for each in plan},
        "throttle_bytes_per_s": rate,
    }
    moving = await ongoing_reassignments(context.client)
    if moving and not body.flag("additional"):
        text = f"{len(moving)} partitions are on the move already"
        raise ApiError(409, "CONFLICT", text, "wait, cancel them, or begin this beside them ('additional')")
    try:
        current = await replaced_by(context.client, plan)
    except PlanError as error:
        raise invalid(str(error)) from None
    await set_throttles(context.client, plan, current, moving, rate=rate)
    refused = await start_reassignments(context.client, plan)
    context.cluster.forget_configs()
    return Response({"started": len(plan) - len(refused), "refused": [_refusal(each) for each in refused]}, 202)


async def cancel(context: Context) -> Response:
    """Those that are named, or all that may be seen; the throttles stay until they are taken away."""
    wheres = partitions_of(context, context.request.object("partitions"))
    context.details["partitions"] = [f"{topic}-{index}" for topic, index in wheres] or "all"
    if not wheres:
        moving = await ongoing_reassignments(context.client)
        wheres = [each.where for each in moving if context.may_view("topic", each.topic)]
    refused = await cancel_reassignments(context.client, wheres) if wheres else []
    refused = [each for each in refused if each.error != _DONE_MEANWHILE]
    return Response({"cancelled": len(wheres) - len(refused), "refused": [_refusal(each) for each in refused]})


async def remove_all_throttles(context: Context) -> Response:
    """Of the active brokers, and of all topics that have some."""
    names = (await context.client.refresh_metadata(None)).topics
    context.cluster.forget_configs()
    configs = await context.cluster.topic_configs(names)
    throttled = [name for name, entries in configs.items() if any(entries.get(key) for key in REPLICAS)]
    removed = await remove_throttles(context.client, throttled)
    context.cluster.forget_configs()
    context.details["removed"] = removed
    return Response({"removed": removed})


def _plan(context: Context, body: Body) -> list[Assignment]:
    plan: dict[tuple[str, int], Assignment] = {}
    for number, each in enumerate(body.list("partitions", at_most=PARTITIONS_MAX), 1):
        where = f"partition {number}"
        named = Body.of(each, where, ("topic", "partition", "replicas"))
        topic, index = named.text("topic"), named.number("partition", 0, BROKER_ID_MAX)
        context.require("topic", "view", topic)
        replicas = _brokers(named.list("replicas", at_most=FACTOR_MAX), f"'replicas' of {where}")
        plan[topic, index] = Assignment(topic, index, tuple(replicas))
    if not plan:
        raise bad_request("'partitions' is empty", "POST /reassignments/plan proposes some")
    return list(plan.values())


def _brokers(ids: Sequence[Any], what: str) -> list[int]:
    wrong = [
        each for each in ids if isinstance(each, bool) or not isinstance(each, int) or not 0 <= each <= BROKER_ID_MAX
    ]
    if wrong or not ids or len(set(ids)) < len(ids):
        raise bad_request(f"{what} is to be a list of ids of brokers, each once")
    return list(ids)


def _progress(each: Progress) -> dict[str, Any]:
    moving = each.reassignment
    return {
        "topic": moving.topic,
        "partition": moving.partition,
        "replicas": list(moving.replicas),
        "adding": list(moving.adding),
        "removing": list(moving.removing),
        "bytes_left": each.bytes_left,
    }


def _refusal(each: Refusal) -> dict[str, Any]:
    return {"topic": each.topic, "partition": each.partition, "error": each.error, "message": each.message}
