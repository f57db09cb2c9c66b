"""What every handler works with: the registry, what the user may do, and how records are written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.errors import INVALID_SUBJECT, RegistryError, invalid_schema
from ottla.registry.rest.access import CONFIG, FORBIDDEN, READ, WRITE
from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.reference import Reference
from ottla.registry.subject import DEFAULT_CONTEXT, context_of, is_default_context, is_valid_subject, normal_subject
from ottla.registry.subject import qualified_by as qualified

if TYPE_CHECKING:
    from ottla.registry.registry import Registry
    from ottla.registry.rest.message import Request
    from ottla.registry.store.records import SchemaRecord


class Service:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.state = registry.state
        self.catalog = registry.catalog

    def allow(self, request: Request, operation: str, subject: str | None) -> None:
        """`RegistryError(FORBIDDEN)`; `None` stands for what concerns all subjects."""
        if not self.may(request, operation, subject):
            what = f"subject '{subject}'" if subject is not None else "what concerns all subjects"
            raise RegistryError(FORBIDDEN, f"{operation} is not allowed to you on {what}")

    def may(self, request: Request, operation: str, subject: str | None) -> bool:
        if self.registry.settings.access is None:
            return True
        resource = CONFIG if subject is None else f"Subject:{subject}"
        return request.user is not None and request.user.may(operation, resource)

    def subject(self, request: Request, operation: str = READ) -> str:
        """The one in the path."""
        subject = normal_subject(request.parameters["subject"])
        self.allow(request, operation, subject)
        return subject

    def valid_subject(self, request: Request) -> str:
        """One that a schema may be written under."""
        subject = self.subject(request, WRITE)
        if not is_valid_subject(subject):
            raise RegistryError(INVALID_SUBJECT, f"'{subject}' is no name for a subject")
        return subject

    def place(self, request: Request, operation: str) -> str | None:
        """Of a config or a mode: a subject, a context, or `None` for the default context."""
        text = request.parameters.get("subject")
        if text is None or is_default_context(text):
            self.allow(request, operation, None)
            return None
        subject = normal_subject(text)
        if operation == WRITE and not is_valid_subject(subject, for_settings=True):
            raise RegistryError(INVALID_SUBJECT, f"'{subject}' is no name for a subject")
        self.allow(request, operation, subject)
        return subject

    def normalizes(self, request: Request, subject: str) -> bool:
        return request.flag("normalize") or self.state.config_in_scope(subject).normalize is True

    def text(self, record: SchemaRecord, form: str | None) -> str:
        """In the form that is asked for; without one as it is stored, whether it can be parsed or not."""
        if not form or not form.strip():
            return record.text
        try:
            return self.catalog.parsed(record).formatted(form)
        except SchemaError as error:
            raise invalid_schema(f"The schema has no form '{form}': {error}") from None

    def contract(self, request: Request, record: SchemaRecord) -> dict[str, object]:
        """Schema, references, metadata and rules, without subject, version and id."""
        value: dict[str, object] = {"guid": record.guid, "schemaType": record.schema_type}
        references = self._references(request, record)
        if references:
            value["references"] = [each.to_json() for each in references]
        if record.metadata is not None:
            value["metadata"] = record.metadata.to_json()
        if record.rule_set is not None:
            value["ruleSet"] = record.rule_set.to_json()
        value["schema"] = self.text(record, request.text("format"))
        if record.timestamp_ms is not None:
            value["ts"] = record.timestamp_ms
        value["deleted"] = record.deleted
        return value

    def version(self, request: Request, record: SchemaRecord) -> dict[str, object]:
        place = {"subject": record.subject, "version": record.version, "id": record.id}
        return place | self.contract(request, record)

    def _references(self, request: Request, record: SchemaRecord) -> list[Reference]:
        if request.text("referenceFormat") != "qualified" or context_of(record.subject) == DEFAULT_CONTEXT:
            return list(record.references)
        return [
            Reference(each.name, qualified(record.subject, each.subject), each.version) for each in record.references
        ]
