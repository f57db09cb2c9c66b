"""A JSON Schema, parsed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.difference import Difference
from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.json_schema.comparison import changes
from ottla.registry.schema.json_schema.documents import Documents, read_json
from ottla.registry.schema.json_schema.kinds import LENIENT, STRICT, description
from ottla.registry.schema.json_schema.loader import Loader, in_order
from ottla.registry.schema.json_schema.model import ObjectSchema, Reference, Schema, resolved
from ottla.registry.schema.parsed import JSON, ParsedSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.registry.schema.reference import Reference as SchemaReference

_LATEST_DRAFTS: Final = ("draft/2020-12", "draft/next")
_REFS: Final = ("$ref",)


class JsonSchema:
    schema_type = JSON

    def __init__(
        self,
        text: str,
        references: Sequence[SchemaReference] = (),
        texts: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.references = tuple(references)
        self._texts = dict(texts or {})
        self.value = read_json(text)
        self._documents = Documents(self.value, {name: read_json(each) for name, each in self._texts.items()})
        draft = self.value.get("$schema") if isinstance(self.value, dict) else None
        is_latest = isinstance(draft, str) and any(each in draft for each in _LATEST_DRAFTS)
        try:
            self.schema: Schema = Loader(self._documents, prefix_items=is_latest).load(self.value)
            if strict:
                _check_references(self.value, self._documents, "")
        except RecursionError:
            raise SchemaError("it is nested too deeply") from None

    @property
    def name(self) -> str | None:
        title = self.value.get("title") if isinstance(self.value, dict) else None
        return title if isinstance(title, str) else None

    @cached_property
    def canonical(self) -> str:
        return compact_json(self.value)

    def normalized(self) -> JsonSchema:
        return JsonSchema(compact_json(in_order(self.value)), sorted(set(self.references)), self._texts)

    def formatted(self, form: str) -> str:
        return self.canonical

    def resolved_text(self) -> str:
        """What is referred to stands beside it: two schemas are the same if they and all they need are."""
        return compact_json([self.value, *(read_json(text) for text in self._texts.values())])

    def incompatibilities(self, previous: ParsedSchema, *, lenient: bool = False) -> list[Difference]:
        assert isinstance(previous, JsonSchema)
        compatible = LENIENT if lenient else STRICT
        found = changes(previous.schema, self.schema, compatible)
        broken = [change for change in dict.fromkeys(found) if change.kind not in compatible]
        return [Difference(kind, path, description(kind)) for kind, path in broken]

    def top_level_fields(self) -> frozenset[str]:
        schema = resolved(self.schema) if isinstance(self.schema, Reference) else self.schema
        return frozenset(schema.properties) if isinstance(schema, ObjectSchema) else frozenset()


def _check_references(value: object, documents: Documents, base: str) -> None:
    """`SchemaError` for one that leads nowhere."""
    if isinstance(value, list):
        for each in value:
            _check_references(each, documents, base)
    if not isinstance(value, dict):
        return
    base = documents.base_of(value, base)
    for key in _REFS:
        reference = value.get(key)
        if isinstance(reference, str):
            documents.find(reference, base)
    for key, each in value.items():
        if key not in ("enum", "const", "default", "examples"):
            _check_references(each, documents, base)
