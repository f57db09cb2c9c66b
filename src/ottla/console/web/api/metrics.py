"""What the sampler has kept of the last hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.console.web.message import Response
from ottla.console.web.sampling.scrape import NAMES as BROKER_SERIES

if TYPE_CHECKING:
    from ottla.console.web.context import Context

NAMES_MAX: Final = 20
TOP_MAX: Final = 100
CLUSTER_SERIES: Final = ("records_per_s", "lag", "brokers", "under_replicated", "partitions", "size_bytes")
TOPIC_SERIES: Final = ("records_per_s", "consumed_per_s", "lag", "size_bytes")
GROUP_SERIES: Final = ("lag", "consumed_per_s")


async def get(context: Context) -> Response:
    topics = context.request.texts("topic", at_most=NAMES_MAX)
    groups = context.request.texts("group", at_most=NAMES_MAX)
    for resource, names in (("topic", topics), ("group", groups)):
        for name in names:
            context.require(resource, "view", name)
    sampler = context.cluster.sampler
    ring = sampler.ring

    def series(first: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Any]:
        return {name: ring.read((*first, name)) for name in names}

    brokers = sorted({name[1] for name in ring.names("broker")})
    return Response({
        "interval_ms": int(sampler.interval_s * 1000),
        "times_ms": ring.times_ms,
        "cluster": series(("cluster",), CLUSTER_SERIES),
        "topics": {name: series(("topic", name), TOPIC_SERIES) for name in topics},
        "groups": {name: series(("group", name), GROUP_SERIES) for name in groups},
        "brokers": {name: series(("broker", name), BROKER_SERIES) for name in brokers},
    })  # fmt: skip


async def top(context: Context) -> Response:
    count = context.request.number("count", 10, 1, TOP_MAX)
    ring = context.cluster.sampler.ring
    topics = [
        {
            "name": name[1],
            "records_per_s": ring.last(name),
            "lag": ring.last(("topic", name[1], "lag")),
        }
        for name in ring.names("topic")
        if name[2] == "records_per_s" and not name[1].startswith("__") and context.may_view("topic", name[1])
    ]
    groups = [
        {
            "name": name[1],
            "lag": ring.last(name),
            "consumed_per_s": ring.last(("group", name[1], "consumed_per_s")),
        }
        for name in ring.names("group")
        if name[2:] == ("lag",) and context.may_view("group", name[1])
    ]
    topics.sort(key=lambda each: (-_rank(each["records_per_s"]), each["name"]))
    groups.sort(key=lambda each: (-_rank(each["lag"]), each["name"]))
    return Response({"topics": topics[:count], "groups": groups[:count]})


def _rank(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else -1.0
