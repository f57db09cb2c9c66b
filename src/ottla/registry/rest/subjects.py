"""/subjects and /subjects/{subject}: list, look up, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import schema_not_found, subject_not_found
from ottla.registry.rest.access import READ, WRITE
from ottla.registry.rest.message import Request, Response
from ottla.registry.store.delete import delete_subject
from ottla.registry.store.lookup import find_version_anywhere
from ottla.registry.store.request import SchemaRequest
from ottla.registry.store.state import has_properties
from ottla.registry.subject import ANY_CONTEXT

if TYPE_CHECKING:
    from ottla.registry.rest.service import Service


async def list_subjects(service: Service, request: Request) -> Response:
    prefix = request.text("subjectPrefix")
    wanted = []
    for subject in service.state.subjects_under(ANY_CONTEXT if prefix is None else prefix):
        is_deleted = not service.state.has_subjects(subject, deleted=False)
        if request.flag("deletedOnly"):
            fits = is_deleted
        else:
            fits = request.flag("deleted") or not is_deleted
        if fits and service.may(request, READ, subject):
            wanted.append(subject)
    return Response(request.page(wanted))


async def look_up(service: Service, request: Request) -> Response:
    subject = service.subject(request)
    deleted = request.flag("deleted") or request.flag("lookupDeletedSchema")
    found = find_version_anywhere(
        service.state,
        service.catalog,
        subject,
        SchemaRequest.from_json(request.json()),
        normalize=service.normalizes(request, subject),
        deleted=deleted,
    )
    if found is not None:
        return Response(service.version(request, found))
    raise schema_not_found() if service.state.has_subjects(subject, deleted=deleted) else subject_not_found(subject)


async def latest_with_metadata(service: Service, request: Request) -> Response:
    subject = service.subject(request)
    deleted = request.flag("deleted")
    wanted = dict(zip(request.query.get("key", []), request.query.get("value", []), strict=False))
    for record in reversed(service.state.versions(subject)):
        if (deleted or not record.deleted) and has_properties(record.metadata, wanted):
            return Response(service.version(request, record))
    raise schema_not_found() if service.state.has_subjects(subject, deleted=deleted) else subject_not_found(subject)


async def delete(service: Service, request: Request) -> Response:
    subject = service.subject(request, WRITE)
    permanent = request.flag("permanent")
    return Response(await service.registry.submit(lambda: delete_subject(service.state, subject, permanent=permanent)))
