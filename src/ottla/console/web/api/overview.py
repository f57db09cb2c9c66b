"""A cluster at a glance, and what lies in its log directories."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.errors import ClientError
from ottla.console.operations.brokers import describe_brokers
from ottla.console.operations.features import describe_features
from ottla.console.operations.log_directories import describe_log_directories
from ottla.console.operations.quorum import quorum_json, quorum_status
from ottla.console.web.api.brokers import broker_json
from ottla.console.web.message import Response
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ottla.clients.client import ClusterMetadata
    from ottla.console.operations.brokers import BrokerDescription
    from ottla.console.operations.quorum import QuorumStatus
    from ottla.console.web.context import Context

NAMED_MAX: Final = 100
"""Partitions in trouble that are named; all are counted."""
DISK_WARNING: Final = 0.85
_FIRST_LEVEL: Final = 7
_RELEASES: Final = """
    3.3-IV3 3.4-IV0 3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2 3.7-IV0 3.7-IV1 3.7-IV2 3.7-IV3 3.7-IV4 3.8-IV0
    3.9-IV0 4.0-IV0 4.0-IV1 4.0-IV2 4.0-IV3 4.1-IV0 4.1-IV1 4.2-IV0 4.2-IV1 4.3-IV0
""".split()  # noqa: SIM905
"""What the levels of metadata.version are called."""


async def overview(context: Context) -> Response:
    client, sampler = context.client, context.cluster.sampler
    metadata = await client.refresh_metadata(None)
    found = await asyncio.gather(
        describe_brokers(client), _or_none(quorum_status(client)), _or_none(describe_features(client))
    )
    brokers, quorum, features = found
    levels = {each.name: each.level for each in features.features} if features is not None else {}
    level = levels.get("metadata.version")
    own = [topic for topic in metadata.topics.values() if not topic.internal]
    troubled = _troubled(metadata)
    last = sampler.last
    records = None
    if last is not None:
        names = {topic.name for topic in own}
        records = sum(end - last.starts.get(where, end) for where, end in last.ends.items() if where.topic in names)
    known_sizes = [each.replica_bytes for each in brokers if each.replica_bytes is not None]
    offline = sum(each["leader"] < 0 for each in troubled)
    return Response({
        "name": context.cluster.name,
        "cluster_id": metadata.cluster_id,
        "metadata_version": None if level is None else _release(level),
        "controller_id": metadata.controller_id,
        "topics": sum(context.may_view("topic", topic.name) for topic in own),
        "partitions": sum(len(topic.partitions) for topic in own),
        "groups": None if last is None else len(last.groups),
        "records": records,
        "size_bytes": sum(known_sizes) if known_sizes else None,
        "under_replicated": [each for each in troubled if context.may_view("topic", each["topic"])][:NAMED_MAX],
        "under_replicated_count": len(troubled),
        "offline_count": offline,
        "brokers": [broker_json(each, metadata.controller_id) for each in brokers],
        "quorum": None if quorum is None else quorum_json(quorum),
        "problems": _problems(brokers, quorum, len(troubled), offline, sampler.failure),
    })  # fmt: skip


async def list_log_directories(context: Context) -> Response:
    topic = context.request.text("topic")
    replicas, failed = await describe_log_directories(context.client, topics=[topic] if topic else [])
    shown = [asdict(each) for each in replicas if context.may_view("topic", each.topic)]
    return Response({"replicas": shown, "failed": [asdict(each) for each in failed]})


async def _or_none(asked: Awaitable[Any]) -> Any:
    """What a part of the page needs, and the rest can do without."""
    try:
        return await asked
    except (KafkaError, ClientError):
        return None


def _release(level: int) -> str:
    at = level - _FIRST_LEVEL
    return _RELEASES[at] if 0 <= at < len(_RELEASES) else f"level {level}"


def _troubled(metadata: ClusterMetadata) -> list[dict[str, Any]]:
    return [
        {
            "topic": topic.name,
            "partition": each.index,
            "leader": each.leader,
            "replicas": list(each.replicas),
            "isr": list(each.isr),
        }
        for topic in metadata.topics.values()
        for each in topic.partitions.values()
        if each.leader < 0 or len(each.isr) < len(each.replicas)
    ]


def _problems(
    brokers: list[BrokerDescription], quorum: QuorumStatus | None, troubled: int, offline: int, failure: str | None
) -> list[dict[str, str]]:
    """The worst first; `ottla doctor` looks deeper."""
    found: list[dict[str, str]] = []

    def tell(severity: str, text: str, hint: str) -> None:
        found.append({"severity": severity, "text": text, "hint": hint})

    if offline:
        tell("error", f"{offline} partitions have no leader", "start the brokers that have their replicas")
    for each in brokers:
        name = f"broker {each.broker.broker_id}"
        if each.broker.fenced:
            tell("error", f"{name} is fenced: it is not running, or does not reach the controller", "start it")
        for directory in each.log_directories:
            if directory.error is not None:
                tell("error", f"{name}: {directory.path} is offline ({directory.error})", "look at its disk")
            total, usable = directory.total_bytes, directory.usable_bytes
            if total and usable is not None and 1 - usable / total > DISK_WARNING:
                text = f"{name}: the volume of {directory.path} is {100 * (1 - usable / total):.0f} % full"
                tell("warning", text, "shorten retention, or give it room")
    if troubled > offline:
        tell("warning", f"{troubled - offline} partitions have replicas that are not in sync", "see Brokers")
    if quorum is not None and len(quorum.voters) == 2:
        tell("warning", "the quorum has two voters: if either fails, nothing can be changed", "have one, or three")
    if failure is not None:
        tell("warning", f"the cluster could not be sampled: {failure}", "rates and lag have gaps until it can")
    return found
