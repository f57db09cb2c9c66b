"""/schemas: all of them, and each by its id or its guid, wherever it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import RegistryError, schema_not_found
from ottla.registry.rest.access import FORBIDDEN, READ
from ottla.registry.rest.message import NOT_FOUND, Request, Response
from ottla.registry.rest.versions import SCHEMAS_DEFAULT, SCHEMAS_MAX, TEXT
from ottla.registry.schema.fingerprint import guid_bytes
from ottla.registry.schema.parse import SCHEMA_TYPES
from ottla.registry.store.records import SchemaKey
from ottla.registry.subject import DEFAULT_CONTEXT, QualifiedSubject, context_of, qualified_by

if TYPE_CHECKING:
    from ottla.registry.rest.service import Service
    from ottla.registry.store.records import SchemaRecord


async def list_schemas(service: Service, request: Request) -> Response:
    prefix = request.text("subjectPrefix") or ""
    deleted, latest_only = request.flag("deleted"), request.flag("latestOnly")
    rule_type = request.text("ruleType")
    aliases = _aliases(service) if request.flag("aliases") else {}
    subjects = service.state.subjects_under(prefix)
    if aliases:
        subjects = sorted({*subjects, *(each for each, names in aliases.items() if _any_under(names, prefix))})
    found: list[dict[str, object]] = []
    for subject in subjects:
        if not service.may(request, READ, subject):
            continue
        records = [each for each in service.state.versions(subject) if deleted or not each.deleted]
        for record in records[-1:] if latest_only else records:
            if rule_type and not (record.rule_set is not None and record.rule_set.has_type(rule_type)):
                continue
            extra = {"aliases": aliases[subject]} if subject in aliases else {}
            found.append(service.version(request, record) | extra)
    return Response(request.page(found, SCHEMAS_DEFAULT, SCHEMAS_MAX))


async def get(service: Service, request: Request) -> Response:
    record = _by_id(service, request)
    value: dict[str, object] = {"subject": record.subject, "version": record.version, "id": record.id}
    value |= service.contract(request, record)
    if request.flag("fetchMaxId"):
        value["maxId"] = service.state.max_id(context_of(record.subject))
    return Response(value)


async def get_text(service: Service, request: Request) -> Response:
    return Response(service.text(_by_id(service, request), request.text("format")), content_type=TEXT)


async def subjects(service: Service, request: Request) -> Response:
    return Response(request.page(list(dict.fromkeys(each.subject for each in _places(service, request)))))


async def versions(service: Service, request: Request) -> Response:
    places = [{"subject": each.subject, "version": each.version} for each in _places(service, request)]
    return Response(request.page(places))


async def get_by_guid(service: Service, request: Request) -> Response:
    for context, schema_id in _ids_of_guid(service, request.parameters["guid"]):
        record = service.state.by_id(schema_id, str(QualifiedSubject(context, "")))
        if record is not None:
            _allow(service, request, record)
            return Response(service.contract(request, record))
    raise schema_not_found(request.parameters["guid"])


async def ids_by_guid(service: Service, request: Request) -> Response:
    found = _ids_of_guid(service, request.parameters["guid"])
    return Response([{"context": context, "id": schema_id} for context, schema_id in found])


async def types(service: Service, request: Request) -> Response:
    return Response(list(SCHEMA_TYPES))


def _by_id(service: Service, request: Request) -> SchemaRecord:
    schema_id = _id(request)
    record = service.state.by_id(schema_id, request.text("subject"))
    if record is None:
        raise schema_not_found(schema_id)
    _allow(service, request, record)
    return record


def _places(service: Service, request: Request) -> list[SchemaRecord]:
    """Every subject and version that has the id."""
    record = service.state.by_id(_id(request), request.text("subject"))
    if record is None:
        raise schema_not_found()
    places = service.state.places(context_of(record.subject), record.id)
    found = [service.state.record(SchemaKey(subject, version)) for subject, version in sorted(places.items())]
    deleted = request.flag("deleted")
    return [
        each
        for each in found
        if each is not None and (deleted or not each.deleted) and service.may(request, READ, each.subject)
    ]


def _allow(service: Service, request: Request, record: SchemaRecord) -> None:
    """Whoever may read one of the subjects where a schema stands may read it."""
    places = service.state.places(context_of(record.subject), record.id)
    if not any(service.may(request, READ, subject) for subject in places):
        raise RegistryError(FORBIDDEN, f"{READ} is not allowed to you on any subject that has this schema")


def _id(request: Request) -> int:
    try:
        return int(request.parameters["id"])
    except ValueError:
        raise RegistryError(NOT_FOUND, "An id is a number") from None


def _ids_of_guid(service: Service, guid: str) -> list[tuple[str, int]]:
    digest = guid_bytes(guid)
    if digest is None:
        return []
    contexts = (DEFAULT_CONTEXT, *service.state.contexts)
    found = ((context, service.state.id_of_guid(context, digest)) for context in contexts)
    return [(context, schema_id) for context, schema_id in found if schema_id is not None]


def _aliases(service: Service) -> dict[str, list[str]]:
    """Subject → the names that are its aliases."""
    found: dict[str, list[str]] = {}
    for name, config in service.state.configs.items():
        if name is not None and config.alias:
            found.setdefault(qualified_by(name, config.alias), []).append(name)
    return found


def _any_under(names: list[str], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in names)
