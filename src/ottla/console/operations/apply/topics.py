"""Topics, and the configs of everything, as a file asks for them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ottla.clients.configs import describe_configs
from ottla.clients.topics import BROKER_DEFAULT
from ottla.console.operations.apply.change import ALTER, CREATE, DELETE, Change, refuse
from ottla.console.operations.configs import alter_config
from ottla.console.operations.near_names import did_you_mean
from ottla.console.operations.topics import TopicSummary, add_partitions, create_topic, delete_topics, list_topics
from ottla.protocol.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.clients.client import KafkaClient
    from ottla.clients.configs import ConfigEntry
    from ottla.console.operations.apply.document import Resource, TopicWish

_OWN_SOURCES = {
    "topic": "dynamic topic",
    "group": "dynamic group",
    "client-metrics": "dynamic client metrics",
    "broker-logger": "dynamic broker logger",
}
_SET_BY_CLUSTER = ("min.insync.replicas",)
"""Written as the default of all brokers by eligible leader replicas (KIP-966), under which it cannot be removed."""


async def plan_topics(
    client: KafkaClient, wanted: list[TopicWish], *, prunes: bool, prunes_configs: bool
) -> list[Change]:
    there = {topic.name: topic for topic in await list_topics(client, include_internal=True)}
    known = [wish.name for wish in wanted if wish.name in there and (wish.configs or prunes_configs)]
    configs = await describe_configs(client, "topic", known) if known else {}
    changes: list[Change] = []
    for wish in wanted:
        if wish.name not in there:
            changes.append(_create(client, wish))
            continue
        changes += _partitions(client, wish, there[wish.name])
        if wish.name in configs:
            found = configs[wish.name]
            if isinstance(found, KafkaError):
                raise found
            changes += _configs(client, "topic", wish.name, wish.configs, found, prunes=prunes_configs)
    if prunes:
        names = {wish.name for wish in wanted}
        changes += [
            Change(DELETE, "topic", name, ["with all its records"], partial(delete_topics, client, [name]))
            for name, topic in sorted(there.items())
            if name not in names and not topic.internal
        ]
    return changes


async def plan_configs(
    client: KafkaClient, wanted: Mapping[Resource, dict[str, str]], *, prunes: bool, secrets: bool
) -> list[Change]:
    changes: list[Change] = []
    for resource, values in wanted.items():
        found = (await describe_configs(client, resource.kind, [resource.name]))[resource.name]
        if isinstance(found, KafkaError):
            changes.append(refuse(resource.kind, resource.name, found.message))
        else:
            changes += _configs(client, resource.kind, resource.name, values, found, prunes=prunes, secrets=secrets)
    return changes


def _create(client: KafkaClient, wish: TopicWish) -> Change:
    partitions = BROKER_DEFAULT if wish.partitions is None else wish.partitions
    factor = BROKER_DEFAULT if wish.replication_factor is None else wish.replication_factor
    details = [] if wish.partitions is None else [f"partitions: {partitions}"]
    details += [] if wish.replication_factor is None else [f"replication factor: {factor}"]
    details += [f"{key}: {value}" for key, value in wish.configs.items()]
    run = partial(
        create_topic, client, wish.name, partitions=partitions, replication_factor=factor, configs=wish.configs
    )
    return Change(CREATE, "topic", wish.name, details, run)


def _partitions(client: KafkaClient, wish: TopicWish, topic: TopicSummary) -> list[Change]:
    changes = []
    if wish.partitions is not None and wish.partitions < topic.partitions:
        why = f"it has {topic.partitions} partitions, and Kafka never takes some away ({wish.partitions} are asked for)"
        changes.append(refuse("topic", wish.name, why))
    elif wish.partitions is not None and wish.partitions > topic.partitions:
        details = [f"partitions: {topic.partitions} -> {wish.partitions}"]
        run = partial(add_partitions, client, wish.name, wish.partitions)
        changes.append(Change(ALTER, "topic", wish.name, details, run))
    if wish.replication_factor not in (None, topic.replication_factor):
        why = (
            f"its replication factor is {topic.replication_factor}, not {wish.replication_factor}:"
            f" `ottla reassign plan --topic {wish.name} --replication-factor {wish.replication_factor}` changes it"
        )
        changes.append(refuse("topic", wish.name, why))
    return changes


def _configs(
    client: KafkaClient,
    kind: str,
    name: str,
    values: Mapping[str, str],
    entries: list[ConfigEntry],
    *,
    prunes: bool,
    secrets: bool = False,
) -> list[Change]:
    """One change for all keys of a resource. A secret that is set is left alone, as nobody tells what it is."""
    there = {entry.name: entry for entry in entries}
    own_source = _OWN_SOURCES.get(kind, "dynamic broker" if name else "dynamic default broker")
    own = {entry.name: entry for entry in entries if entry.source == own_source}
    kept = _SET_BY_CLUSTER if kind == "broker" else ()
    setting: dict[str, str] = {}
    for key, value in values.items():
        if kind == "topic" and key not in there:
            return [refuse(kind, name, f"there is no config '{key}'.{did_you_mean(key, there)}")]
        before = own.get(key)
        if before is None or (secrets if before.sensitive else before.value != value):
            setting[key] = value
    deleted = sorted(key for key in own if key not in values and key not in kept) if prunes else []
    if not setting and not deleted:
        return []
    details = [f"{key}: {_shown(own.get(key))} -> {_new(there.get(key), value)}" for key, value in setting.items()]
    details += [f"{key}: {_shown(own[key])} -> (default)" for key in deleted]
    run = partial(alter_config, client, kind, name, values=setting, deleted=deleted)
    return [Change(ALTER, kind, name or "(default)", details, run)]


def _shown(entry: ConfigEntry | None) -> str:
    return "(default)" if entry is None else "(hidden)" if entry.sensitive else str(entry.value)


def _new(entry: ConfigEntry | None, value: str) -> str:
    return "(hidden)" if entry is not None and entry.sensitive else value
