"""From what a file asks for to the steps that bring a cluster there; what is there already is no step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ottla.clients.acls import AclFilter
from ottla.console.operations import acls
from ottla.console.operations.apply.change import ALTER, CREATE, DELETE, Change
from ottla.console.operations.apply.connectors import plan_connectors
from ottla.console.operations.apply.schemas import plan_schemas
from ottla.console.operations.apply.topics import plan_configs, plan_topics
from ottla.console.operations.apply.users import plan_users
from ottla.console.operations.quotas import alter_quotas, list_quotas

if TYPE_CHECKING:
    from collections.abc import Collection

    from ottla.clients.client import KafkaClient
    from ottla.console.operations.acls import Acl
    from ottla.console.operations.apply.document import Document, QuotaWish
    from ottla.console.operations.connectors import ConnectApi
    from ottla.registry.client.registry_client import RegistryClient


async def make_plan(
    client: KafkaClient,
    document: Document,
    *,
    registry: RegistryClient | None,
    connect: ConnectApi | None = None,
    prune: Collection[str] = (),
    secrets: bool = False,
) -> list[Change]:
    """In the order in which they can be done; what is pruned last.

    `prune`: sections (of those that the file has) of which goes what the file does not name; `configs` are the keys of
    topics and other resources that the file does name. `secrets`: set passwords again, which no broker tells.
    """
    changes: list[Change] = []
    if document.topics is not None:
        changes += await plan_topics(
            client, document.topics, prunes="topics" in prune, prunes_configs="configs" in prune
        )
    if document.configs is not None:
        changes += await plan_configs(client, document.configs, prunes="configs" in prune, secrets=secrets)
    if document.users is not None:
        changes += await plan_users(client, document.users, prunes="users" in prune, secrets=secrets)
    if document.acls is not None:
        changes += await _plan_acls(client, document.acls, prunes="acls" in prune)
    if document.quotas is not None:
        changes += await _plan_quotas(client, document.quotas, prunes="quotas" in prune)
    if document.schemas is not None and registry is not None:
        changes += plan_schemas(registry, document.schemas, prunes="schemas" in prune)
    if document.connectors is not None and connect is not None:
        changes += await plan_connectors(connect, document.connectors, prunes="connectors" in prune)
    return sorted(changes, key=lambda change: change.action == DELETE)


async def _plan_acls(client: KafkaClient, wanted: list[Acl], *, prunes: bool) -> list[Change]:
    there = set(await acls.list_acls(client, AclFilter()))
    changes = [
        Change(CREATE, "acl", _acl_name(each), run=partial(acls.create_acls, client, [each]))
        for each in wanted
        if each not in there
    ]
    if prunes:
        changes += [
            Change(DELETE, "acl", _acl_name(each), run=partial(acls.delete_acls, client, [acls.only(each)]))
            for each in sorted(there - set(wanted))
        ]
    return changes


def _acl_name(acl: Acl) -> str:
    prefix = "…" if acl.pattern_type == "PREFIXED" else ""
    host = "" if acl.host == acls.WILDCARD else f" from {acl.host}"
    resource = acl.resource_type.lower().replace("_", " ")
    return f"{acl.permission.lower()} {acl.principal}{host} {acl.operation} on {resource} {acl.resource_name}{prefix}"


async def _plan_quotas(client: KafkaClient, wanted: list[QuotaWish], *, prunes: bool) -> list[Change]:
    there = {_entity_name(each.entity): each for each in await list_quotas(client)}
    changes = []
    for wish in wanted:
        name = _entity_name(wish.entity)
        before = there[name].values if name in there else {}
        values: dict[str, float | None] = {k: v for k, v in wish.values.items() if before.get(k) != v}
        if prunes:
            values |= {key: None for key in before if key not in wish.values}
        if values:
            details = [f"{key}: {_amount(before.get(key))} -> {_amount(value)}" for key, value in values.items()]
            action = ALTER if before else CREATE
            changes.append(Change(action, "quota", name, details, partial(alter_quotas, client, wish.entity, values)))
    if prunes:
        names = {_entity_name(wish.entity) for wish in wanted}
        for name, quota in there.items():
            if name not in names and quota.values:
                gone: dict[str, float | None] = dict.fromkeys(quota.values)
                changes.append(Change(DELETE, "quota", name, run=partial(alter_quotas, client, quota.entity, gone)))
    return changes


def _amount(value: float | None) -> str:
    return "(none)" if value is None else f"{value:.15g}"


def _entity_name(entity: dict[str, str]) -> str:
    return ", ".join(f"{kind} {name or '(default)'}" for kind, name in sorted(entity.items(), reverse=True))
