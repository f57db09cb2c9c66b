"""Schemas of the cluster's registry: subjects and their versions, checked, registered, deleted; levels."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlsplit

from ottla.console.operations.schemas import (
    LEVELS,
    TYPES,
    check,
    delete,
    find,
    get_level,
    list_subjects,
    readable,
    set_level,
)
from ottla.console.web.message import Body, Response, bad_request, not_found, whole_number
from ottla.registry.client.registry_client import Registered, RegistryClientError, Schema
from ottla.registry.schema.reference import Reference

if TYPE_CHECKING:
    from ottla.console.web.context import Context

VERSIONS_MAX: Final = 200
"""Of a subject, that are told in one answer."""
REFERENCES_MAX: Final = 200
SCHEMA_ID_MAX: Final = 2**31 - 1
_SCHEMA_KEYS: Final = ("schema", "schema_type", "references")


async def about(context: Context) -> Response:
    registry = context.cluster.registry

    def ask() -> dict[str, Any]:
        mode: str | None
        try:
            mode = str(registry.call("GET", "/mode").get("mode"))
        except RegistryClientError as error:
            if error.code == 0:
                raise
            mode = None  # of registries that have none
        return {"level": get_level(registry), "mode": mode}

    told = await asyncio.to_thread(ask)
    url = public_url(context.cluster.settings.registry or "")
    return Response({"url": url, **told, "types": list(TYPES), "levels": list(LEVELS)})


async def put_level(context: Context) -> Response:
    registry, level = context.cluster.registry, context.request.object("level").text("level")
    _check_level(level)
    context.details["level"] = level
    await asyncio.to_thread(set_level, registry, level)
    return Response(None, 204)


async def subjects(context: Context) -> Response:
    registry, deleted = context.cluster.registry, context.request.flag("deleted")

    def ask() -> list[dict[str, Any]]:
        there = list_subjects(registry)
        every = list_subjects(registry, deleted=True) if deleted else there
        return [{"name": name, "deleted": name not in there} for name in every if context.may_view("subject", name)]

    return Response({"subjects": await asyncio.to_thread(ask)})


async def get_subject(context: Context) -> Response:
    registry, subject = context.cluster.registry, context.parameter("subject")

    def ask() -> dict[str, Any]:
        find(registry, subject, None)  # says which are near where there is none
        numbers = cast("list[int]", registry.call("GET", f"/subjects/{quote(subject, safe='')}/versions"))
        own = get_level(registry, subject)
        return {
            "name": subject,
            "level": own,
            "effective_level": own or get_level(registry),
            "versions": [_schema(registry.version(subject, number)) for number in numbers[-VERSIONS_MAX:]],
        }

    return Response(await asyncio.to_thread(ask))


async def put_subject_level(context: Context) -> Response:
    registry, body = context.cluster.registry, context.request.object("level")
    level = body.optional_text("level")
    if level is not None:
        _check_level(level)
    context.details["level"] = level
    await asyncio.to_thread(set_level, registry, level, context.parameter("subject"))
    return Response(None, 204)


async def get_version(context: Context) -> Response:
    registry = context.cluster.registry
    version = _version(context.parameter("version"))
    found = await asyncio.to_thread(find, registry, context.parameter("subject"), version)
    return Response(_schema(found))


async def register(context: Context) -> Response:
    registry, subject = context.cluster.registry, context.parameter("subject")
    body = context.request.object(*_SCHEMA_KEYS, "normalize")
    schema, normalize = _given(body), body.flag("normalize")

    def ask() -> Registered:
        made = registry.register(subject, schema, normalize=normalize)
        return registry.version(subject, made.version or registry.look_up(subject, schema).version)

    found = await asyncio.to_thread(ask)
    context.details |= {"schema_id": found.id, "version": found.version}
    return Response(_schema(found), 201)


async def compatibility(context: Context) -> Response:
    registry, subject = context.cluster.registry, context.parameter("subject")
    body = context.request.object(*_SCHEMA_KEYS, "version")
    schema, version = _given(body), body.optional_number("version", 1, SCHEMA_ID_MAX)
    found = await asyncio.to_thread(lambda: check(registry, subject, schema, version=version))
    return Response({"compatible": found.is_compatible, "messages": found.messages})


async def delete_subject(context: Context) -> Response:
    return await _delete(context, None)


async def delete_version(context: Context) -> Response:
    return await _delete(context, whole_number("version", context.parameter("version"), 1, SCHEMA_ID_MAX))


async def get_schema(context: Context) -> Response:
    registry = context.cluster.registry
    schema_id = whole_number("id", context.parameter("id"), 0, SCHEMA_ID_MAX)

    def ask() -> dict[str, Any]:
        found = registry.schema(schema_id)
        used = cast("list[dict[str, Any]]", registry.call("GET", f"/schemas/ids/{schema_id}/versions"))
        shown = _schema(Registered(schema_id, None, "", 0, found))
        del shown["subject"], shown["version"]
        visible = [each for each in used if context.may_view("subject", str(each.get("subject")))]
        if not visible:  # of subjects that are not to be seen, its id opens no door
            raise not_found(f"there is no schema {schema_id}")
        return {**shown, "used_by": visible}

    return Response(await asyncio.to_thread(ask))


async def _delete(context: Context, version: int | None) -> Response:
    registry, subject = context.cluster.registry, context.parameter("subject")
    permanent = context.request.flag("permanent")
    context.details |= {"version": version, "permanent": permanent}
    gone = await asyncio.to_thread(lambda: delete(registry, subject, version, permanent=permanent))
    return Response({"versions": gone})


def public_url(url: str) -> str:
    """Without a name and a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _version(text: str) -> int | None:
    return None if text == "latest" else whole_number("version", text, 1, SCHEMA_ID_MAX)


def _check_level(level: str) -> None:
    if level not in LEVELS:
        raise bad_request(f"'level' is one of {', '.join(LEVELS)}, not '{level}'")


def _given(body: Body) -> Schema:
    kind = body.text("schema_type", TYPES[0])
    if kind not in TYPES:
        raise bad_request(f"'schema_type' is one of {', '.join(TYPES)}, not '{kind}'")
    references = []
    for number, each in enumerate(body.list("references", at_most=REFERENCES_MAX), 1):
        reference = Body.of(each, f"reference {number}", ("name", "subject", "version"))
        version = reference.number("version", -1, SCHEMA_ID_MAX)
        references.append(Reference(reference.text("name"), reference.text("subject"), version))
    return Schema(body.text("schema"), kind, tuple(references))


def _schema(found: Registered) -> dict[str, Any]:
    return {
        "id": found.id,
        "guid": found.guid,
        "subject": found.subject,
        "version": found.version,
        "schema_type": found.schema.schema_type,
        "schema": found.schema.text,
        "readable": readable(found.schema),
        "references": [
            {"name": each.name, "subject": each.subject, "version": each.version} for each in found.schema.references
        ],
    }
