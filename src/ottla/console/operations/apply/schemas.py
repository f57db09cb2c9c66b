"""Schemas as a file asks for them: registered in the order of the file, so that one can refer to one before it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from ottla.console.operations import schemas
from ottla.console.operations.apply.change import ALTER, CREATE, DELETE, Change, refuse

if TYPE_CHECKING:
    from collections.abc import Collection

    from ottla.console.operations.apply.document import SchemaWish
    from ottla.registry.client.registry_client import RegistryClient


def plan_schemas(registry: RegistryClient, wanted: list[SchemaWish], *, prunes: bool) -> list[Change]:
    there = schemas.list_subjects(registry)
    changes: list[Change] = []
    new: set[str] = set()
    for wish in wanted:
        level = schemas.get_level(registry, wish.subject)
        if wish.compatibility not in (None, level):
            details = [f"compatibility: {level or '(of the registry)'} -> {wish.compatibility}"]
            run = partial(asyncio.to_thread, schemas.set_level, registry, wish.compatibility, wish.subject)
            changes.append(Change(ALTER, "schema", wish.subject, details, run))
        if wish.schema is not None:
            changes += _version(registry, wish, there, new, level_changes=wish.compatibility not in (None, level))
    if prunes:
        names = {wish.subject for wish in wanted}
        changes += [
            Change(DELETE, "schema", name, run=partial(asyncio.to_thread, schemas.delete, registry, name))
            for name in there
            if name not in names
        ]
    return changes


def _version(
    registry: RegistryClient, wish: SchemaWish, there: Collection[str], new: set[str], *, level_changes: bool
) -> list[Change]:
    schema = wish.schema
    assert schema is not None
    refers_to_new = any(each.subject in new for each in schema.references)
    is_known = wish.subject in there
    if is_known and not refers_to_new:
        if schemas.registered(registry, wish.subject, schema, normalize=wish.normalize) is not None:
            return []
        if not level_changes:  # else only the registry can tell, then
            fits = schemas.check(registry, wish.subject, schema)
            if not fits.is_compatible:
                return [refuse("schema", wish.subject, "; ".join(["it is not compatible", *fits.messages[:3]]))]
    new.add(wish.subject)
    run = partial(asyncio.to_thread, registry.register, wish.subject, schema, normalize=wish.normalize)
    details = [f"a new version ({schema.schema_type})" if is_known else f"its first version ({schema.schema_type})"]
    return [Change(ALTER if is_known else CREATE, "schema", wish.subject, details, run)]
