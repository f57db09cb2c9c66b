"""What ails a cluster, and what to do: checks of brokers, quorum, partitions, disks, groups, transactions, features.

Each `judge_…` is pure: from what is known of the cluster to findings. `examine` asks and has them judge; a question
that is refused is a finding, too.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from ottla.clients.configs import describe_configs
from ottla.clients.consumer import TopicPartition, earliest_offsets, latest_offsets
from ottla.clients.errors import ClientError
from ottla.clients.groups import list_groups
from ottla.clients.offsets import fetch_offsets
from ottla.console.operations.brokers import describe_brokers
from ottla.console.operations.elections import leaderships
from ottla.console.operations.features import describe_features
from ottla.console.operations.group_members import SHARE
from ottla.console.operations.quorum import quorum_status
from ottla.console.operations.reassignments import ongoing_reassignments
from ottla.console.operations.transactions import TRANSACTION_TIMEOUT_MAX_MS, find_hanging
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from ottla.clients.client import KafkaClient
    from ottla.console.operations.brokers import BrokerDescription
    from ottla.console.operations.elections import Leadership
    from ottla.console.operations.features import Features
    from ottla.console.operations.quorum import QuorumStatus
    from ottla.console.operations.transactions import Hanging

NAMED_MAX = 5
"""How many of what ails are named; the others are counted."""
DISK_WARNING, DISK_PROBLEM = 0.85, 0.95
QUORUM_LAG_WARNING = 1000
"""Records by which a voter is behind."""
GROUPS_MAX = 500
"""How many groups are looked at."""
_INTERNAL = ("__consumer_offsets", "__transaction_state", "__share_group_state")
_THROTTLES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")


class Level(IntEnum):
    OK = 0
    NOTE = 1
    WARNING = 2
    PROBLEM = 3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    level: Level
    subject: str
    what: str
    advice: str = ""


def judge_brokers(brokers: Sequence[BrokerDescription]) -> list[Diagnosis]:
    found = []
    for each in brokers:
        name = f"broker {each.broker.broker_id}"
        if each.broker.fenced:
            what = f"{name} is fenced: it is not running, or does not reach the controller"
            advice = "start it, or `ottla brokers unregister` it if it will not come back"
            found.append(Diagnosis(Level.PROBLEM, "brokers", what, advice))
        elif each.unreachable is not None:
            what = f"{name} is active, and cannot be asked from here: {each.unreachable}"
            found.append(Diagnosis(Level.WARNING, "brokers", what, "check its advertised.listeners and the network"))
        for directory in each.log_directories:
            found += _judge_directory(
                name, directory.path, directory.error, directory.usable_bytes, directory.total_bytes
            )
            if directory.cordoned:
                what = f"{directory.path} of {name} is cordoned: it takes no new partitions"
                found.append(Diagnosis(Level.NOTE, "disks", what))
    return found


def _judge_directory(
    name: str, path: str, error: str | None, usable_bytes: int | None, total_bytes: int | None
) -> list[Diagnosis]:
    if error is not None:
        what = f"{path} of {name} is out of service: {error}"
        return [Diagnosis(Level.PROBLEM, "disks", what, "replace the disk, then restart the broker")]
    if not total_bytes or usable_bytes is None:
        return []
    used = 1 - usable_bytes / total_bytes
    if used < DISK_WARNING:
        return []
    level = Level.PROBLEM if used >= DISK_PROBLEM else Level.WARNING
    advice = "lower retention (`ottla topics alter`), or move replicas (`ottla reassign plan`)"
    return [Diagnosis(level, "disks", f"the disk of {path} of {name} is {used:.0%} full", advice)]


def judge_quorum(quorum: QuorumStatus) -> list[Diagnosis]:
    found = []
    voters = quorum.voters
    if len(voters) == 2 or (len(voters) > 2 and len(voters) % 2 == 0):
        what = f"{len(voters)} controllers vote: no more of them may fail than of {len(voters) - 1}"
        found.append(Diagnosis(Level.NOTE, "quorum", what, "let an odd number vote (`ottla quorum add` or `remove`)"))
    for voter in voters:
        if voter.lag > QUORUM_LAG_WARNING:
            what = f"controller {voter.node_id} is {voter.lag} records behind the leader"
            found.append(Diagnosis(Level.WARNING, "quorum", what, "see its log, and `ottla quorum status --watch`"))
    return found


def judge_partitions(partitions: Sequence[Leadership], min_isr: Mapping[str, int], brokers: int) -> list[Diagnosis]:
    """`brokers`: how many are active."""
    offline = [each for each in partitions if each.leader is None]
    online = [each for each in partitions if each.leader is not None]
    too_few = [each for each in online if len(each.isr) < min_isr.get(each.topic, 1)]
    under = [each for each in online if len(each.isr) < len(each.replicas) and each not in too_few]
    elsewhere = [each for each in online if each.leader != each.preferred and each.preferred in each.isr]
    single = sorted({each.topic for each in partitions if len(each.replicas) == 1}) if brokers > 1 else []
    internal = [topic for topic in single if topic in _INTERNAL]
    others = [topic for topic in single if not topic.startswith("__")]
    judged = [
        (Level.PROBLEM, offline, "without a leader: nobody can read or write there",
         "start their brokers; as a last resort `ottla elect-leaders --unclean`, which may lose records"),
        (Level.PROBLEM, too_few, "with fewer replicas in sync than min.insync.replicas: acks=all is refused",
         "start their brokers"),
        (Level.WARNING, under, "with replicas that are not in sync", "see whether their brokers run and keep up"),
        (Level.NOTE, elsewhere, "not led by the preferred replica", "`ottla elect-leaders --all`"),
    ]  # fmt: skip
    found = [
        Diagnosis(level, "partitions", f"{_count(which, 'partition')} {what}: {_named(map(_where, which))}", advice)
        for level, which, what, advice in judged
        if which
    ]
    more = "`ottla reassign plan --topic TOPIC --replication-factor 3`"
    if internal:
        what = f"only one replica of {_named(internal)}: groups and transactions stand still with its broker"
        found.append(Diagnosis(Level.WARNING, "partitions", what, more))
    if others:
        what = f"{_count(others, 'topic')} with one replica only: {_named(others)}"
        found.append(Diagnosis(Level.NOTE, "partitions", what, more))
    return found


def judge_features(features: Features) -> list[Diagnosis]:
    behind = [each for each in features.features if each.latest is not None and 0 < each.level < each.latest]
    if not behind:
        return []
    names = _named(f"{each.name} {each.level} of {each.latest}" for each in behind)
    return [Diagnosis(Level.NOTE, "features", f"not at the latest level: {names}", "`ottla features upgrade --latest`")]


def judge_transactions(hanging: Sequence[Hanging]) -> list[Diagnosis]:
    if not hanging:
        return []
    places = _named(f"{each.producer.topic}-{each.producer.partition}" for each in hanging)
    what = f"{_count(hanging, 'transaction')} that nobody will end: read_committed consumers wait in {places}"
    return [Diagnosis(Level.PROBLEM, "transactions", what, "`ottla transactions hanging`, then `… abort`")]


def judge_group(
    group_id: str,
    committed: Mapping[TopicPartition, int],
    first: Mapping[TopicPartition, int],
    following: Mapping[TopicPartition, int],
) -> list[Diagnosis]:
    """Whether what the group would read next is still there, or there yet."""
    gone = [where for where, offset in committed.items() if where in first and offset < first[where]]
    beyond = [where for where, offset in committed.items() if where in following and offset > following[where]]
    found = []
    if gone:
        lost = sum(first[where] - committed[where] for where in gone)
        what = f"group {group_id} has not read {lost} records that are deleted: {_named(map(_text, gone))}"
        found.append(
            Diagnosis(Level.WARNING, "groups", what, "it goes on by its auto.offset.reset; is retention too short?")
        )
    if beyond:
        what = f"group {group_id} stands behind the end of {_named(map(_text, beyond))}: was the topic made anew?"
        found.append(
            Diagnosis(Level.WARNING, "groups", what, f"`ottla groups reset-offsets {group_id} --to beginning`")
        )
    return found


async def examine(client: KafkaClient) -> list[Diagnosis]:
    """All checks; the worst first."""
    checks: list[tuple[str, Callable[[KafkaClient], Awaitable[list[Diagnosis]]]]] = [
        ("brokers", _brokers),
        ("quorum", _quorum),
        ("partitions", _partitions),
        ("reassignments", _throttles),
        ("transactions", _transactions),
        ("groups", _groups),
        ("features", _features),
    ]
    found: list[Diagnosis] = []
    for subject, check in checks:
        try:
            diagnoses = await check(client)
        except KafkaError as error:
            diagnoses = [
                Diagnosis(Level.WARNING, subject, f"could not be looked at: {error.message} [{error.code.name}]")
            ]
        except ClientError as error:
            diagnoses = [Diagnosis(Level.WARNING, subject, f"could not be looked at: {error}")]
        found += diagnoses or [Diagnosis(Level.OK, subject, "well")]
    return sorted(found, key=lambda each: -each.level)


async def _brokers(client: KafkaClient) -> list[Diagnosis]:
    return judge_brokers(await describe_brokers(client))


async def _quorum(client: KafkaClient) -> list[Diagnosis]:
    return judge_quorum(await quorum_status(client))


async def _partitions(client: KafkaClient) -> list[Diagnosis]:
    found = await leaderships(client)
    topics = sorted({each.topic for each in found})
    min_isr = {}
    for topic, entries in (await describe_configs(client, "topic", topics)).items() if topics else ():
        if not isinstance(entries, KafkaError):
            values = {entry.name: entry.value for entry in entries}
            min_isr[topic] = int(values.get("min.insync.replicas") or 1)
    return judge_partitions(found, min_isr, len(client.metadata.brokers))


async def _features(client: KafkaClient) -> list[Diagnosis]:
    return judge_features(await describe_features(client))


async def _throttles(client: KafkaClient) -> list[Diagnosis]:
    """Left behind by a reassignment, they slow down every replica that comes back."""
    await client.refresh_metadata([])
    brokers = [str(broker_id) for broker_id in client.metadata.brokers]
    described = await describe_configs(client, "broker", brokers)
    throttled = sorted(
        name
        for name, entries in described.items()
        if not isinstance(entries, KafkaError)
        and any(entry.name in _THROTTLES and entry.source == "dynamic broker" for entry in entries)
    )
    if not throttled or await ongoing_reassignments(client):
        return []
    what = f"replication is throttled on broker {_named(throttled)}, and nothing is being moved"
    keys = " ".join(f"--delete {key}" for key in _THROTTLES)
    return [Diagnosis(Level.WARNING, "reassignments", what, f"`ottla configs alter broker {throttled[0]} {keys}`")]


async def _transactions(client: KafkaClient) -> list[Diagnosis]:
    wheres = [
        TopicPartition(each.topic, each.partition) for each in await leaderships(client) if each.leader is not None
    ]
    now_ms = int(time.time() * 1000)
    hanging = await find_hanging(client, wheres, now_ms=now_ms, longer_than_ms=TRANSACTION_TIMEOUT_MAX_MS)
    return judge_transactions(hanging)


async def _groups(client: KafkaClient) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    groups = [group for group in await list_groups(client) if group.type.lower() != SHARE]
    committed = {
        group.group_id: {where: each.offset for where, each in (await fetch_offsets(client, group.group_id)).items()}
        for group in groups[:GROUPS_MAX]
    }
    known = await client.refresh_metadata(None)
    wheres = {
        where
        for offsets in committed.values()
        for where in offsets
        if where.topic in known.topics
        and where.partition in (there := known.topics[where.topic].partitions)
        and there[where.partition].leader >= 0
    }
    first = await earliest_offsets(client, wheres)
    ends = await latest_offsets(client, wheres)
    for group_id, offsets in committed.items():
        found += judge_group(group_id, offsets, first, ends)
    if len(groups) > GROUPS_MAX:
        found.append(Diagnosis(Level.NOTE, "groups", f"only {GROUPS_MAX} of {len(groups)} were looked at"))
    return found


def _named(names: Iterable[str]) -> str:
    there = list(Counter(names))
    rest = len(there) - NAMED_MAX
    return ", ".join(there[:NAMED_MAX]) + (f" and {rest} more" if rest > 0 else "")


def _count(which: Sequence[object], noun: str) -> str:
    return f"{len(which)} {noun}{'' if len(which) == 1 else 's'}"


def _where(each: Leadership) -> str:
    return f"{each.topic}-{each.partition}"


def _text(where: TopicPartition) -> str:
    return f"{where.topic}-{where.partition}"
