"""/subjects/{subject}/versions: list, get, register, delete; what refers to a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.registry.errors import INVALID_RULE_SET, RegistryError, subject_not_found, version_not_found
from ottla.registry.rest.access import WRITE
from ottla.registry.rest.message import Request, Response, parse_version
from ottla.registry.schema.parsed import PROTOBUF
from ottla.registry.schema.protobuf.schema import is_descriptor
from ottla.registry.schema.rule_set import RuleError
from ottla.registry.store.catalog import LATEST
from ottla.registry.store.delete import delete_version
from ottla.registry.store.records import SchemaKey
from ottla.registry.store.register import find_registered, register
from ottla.registry.store.request import SchemaRequest
from ottla.registry.subject import DEFAULT_CONTEXT, QualifiedSubject

if TYPE_CHECKING:
    from ottla.registry.rest.service import Service
    from ottla.registry.store.records import SchemaRecord

SCHEMAS_DEFAULT: Final = 1_000
SCHEMAS_MAX: Final = 1_000
TEXT: Final = "application/vnd.schemaregistry.v1+json"


async def list_versions(service: Service, request: Request) -> Response:
    subject = service.subject(request)
    deleted, deleted_only = request.flag("deleted"), request.flag("deletedOnly")
    if not service.state.has_subjects(subject, deleted=deleted or deleted_only):
        raise subject_not_found(subject)
    records = service.state.versions(subject)
    if request.flag("deletedAsNegative"):
        numbers = [-each.version if each.deleted else each.version for each in records]
    elif deleted_only:
        numbers = [each.version for each in records if each.deleted]
    else:
        numbers = [each.version for each in records if deleted or not each.deleted]
    return Response(request.page(numbers))


async def get(service: Service, request: Request) -> Response:
    record = find(service, service.subject(request), request, deleted=request.flag("deleted"))
    return Response(service.version(request, record))


async def get_text(service: Service, request: Request) -> Response:
    record = find(service, service.subject(request), request, deleted=request.flag("deleted"))
    return Response(service.text(record, request.text("format")), content_type=TEXT)


async def referenced_by(service: Service, request: Request) -> Response:
    record = find(service, service.subject(request), request, deleted=True)
    referring = service.state.referring(record.key, deleted=request.flag("deleted"))
    ids = sorted({(QualifiedSubject.parse(each.subject).context, each.id) for each in referring})
    return Response(request.page([schema_id for _, schema_id in ids], SCHEMAS_DEFAULT, SCHEMAS_MAX))


async def already_registered(service: Service, request: Request) -> Response | None:
    """What any instance can answer by what it has read; `None`: the leader must be asked."""
    subject = service.valid_subject(request)
    given = _given(request)
    found = find_registered(
        service.state, service.catalog, subject, given, normalize=service.normalizes(request, subject)
    )
    return None if found is None else _registered(service, request, found, given)


async def post(service: Service, request: Request) -> Response:
    subject = service.valid_subject(request)
    given = _given(request)
    normalize = service.normalizes(request, subject)
    force = request.flag("force")
    record = await service.registry.submit(
        lambda: register(service.state, service.catalog, subject, given, normalize=normalize, force=force)
    )
    return _registered(service, request, record, given)


async def delete(service: Service, request: Request) -> Response:
    subject = service.subject(request, WRITE)
    version = parse_version(request.parameters["version"])
    permanent = request.flag("permanent")
    return Response(
        await service.registry.submit(lambda: delete_version(service.state, subject, version, permanent=permanent))
    )


def find(service: Service, subject: str, request: Request, *, deleted: bool) -> SchemaRecord:
    """The version that the path names; an unqualified subject is looked for in every context. `RegistryError`."""
    version = parse_version(request.parameters["version"])
    record = _find_in(service, subject, version)
    if record is None or (record.deleted and not deleted):
        record = None
        if QualifiedSubject.parse(subject).context == DEFAULT_CONTEXT:
            places = (str(QualifiedSubject(context, subject)) for context in service.state.contexts)
            found = (_find_in(service, place, version) for place in places)
            record = next((each for each in found if each is not None and (deleted or not each.deleted)), None)
    if record is not None:
        return record
    if not service.state.has_subjects(subject, deleted=deleted):
        raise subject_not_found(subject)
    raise version_not_found(version)


def _find_in(service: Service, subject: str, version: int) -> SchemaRecord | None:
    if version == LATEST:
        return service.state.latest(subject)
    return service.state.record(SchemaKey(subject, version))


def _given(request: Request) -> SchemaRequest:
    given = SchemaRequest.from_json(request.json())
    if given.rule_set is not None:
        try:
            given.rule_set.validate()
        except RuleError as error:
            raise RegistryError(INVALID_RULE_SET, str(error)) from None
    return given


def _registered(service: Service, request: Request, record: SchemaRecord, given: SchemaRequest) -> Response:
    value = {"id": record.id, "version": record.version} | service.contract(request, record)
    if record.schema_type == PROTOBUF and not request.text("format") and is_descriptor(given.text):
        value["schema"] = given.text  # whoever sent a descriptor keeps the answer, and can read no other form
    return Response(value)
