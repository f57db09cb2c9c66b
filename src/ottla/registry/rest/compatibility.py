"""/compatibility: would this schema be taken?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import RegistryError, invalid_schema, version_not_found
from ottla.registry.rest.message import Request, Response, parse_version
from ottla.registry.store.catalog import LATEST
from ottla.registry.store.compatibility import against_history
from ottla.registry.store.lookup import canonical_request
from ottla.registry.store.records import SchemaKey
from ottla.registry.store.request import SchemaRequest

if TYPE_CHECKING:
    from ottla.registry.rest.service import Service
    from ottla.registry.store.records import SchemaRecord


async def with_version(service: Service, request: Request) -> Response:
    subject = service.subject(request)
    version = parse_version(request.parameters["version"])
    if version == LATEST:
        record = service.state.latest(subject)
    else:
        record = service.state.record(SchemaKey(subject, version))
        if record is None or record.deleted:
            raise version_not_found(version)
    return _answer(service, request, subject, [record] if record is not None else [])


async def with_all(service: Service, request: Request) -> Response:
    subject = service.subject(request)
    return _answer(service, request, subject, service.state.live_versions(subject))


def _answer(service: Service, request: Request, subject: str, history: list[SchemaRecord]) -> Response:
    verbose = request.flag("verbose")
    try:
        found = _check(service, request, subject, history)
    except RegistryError as error:
        if not verbose:
            raise
        found = [error.message]
    value: dict[str, object] = {"is_compatible": not found}
    if verbose:
        value["messages"] = found
    return Response(value)


def _check(service: Service, request: Request, subject: str, history: list[SchemaRecord]) -> list[str]:
    given = SchemaRequest.from_json(request.json())
    if given.is_empty:
        raise invalid_schema("Empty schema")
    config = service.state.config_in_scope(subject)
    normal, parsed = canonical_request(
        service.catalog,
        subject,
        given,
        strict=config.checks_new_schemas,
        normalize=service.normalizes(request, subject),
    )
    return against_history(service.catalog, config, parsed, normal.metadata, history)
