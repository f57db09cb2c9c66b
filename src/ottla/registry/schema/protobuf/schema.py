"""A Protobuf schema, parsed: a `.proto` file, or its descriptor in base64, as serializers register it."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ottla.registry.schema.difference import Difference
from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.parsed import PROTOBUF, ParsedSchema
from ottla.registry.schema.protobuf.comparison import COMPATIBLE, DESCRIPTIONS, Side, changes
from ottla.registry.schema.protobuf.elements import SCALARS, Message, ProtoFile, all_fields
from ottla.registry.schema.protobuf.names import WELL_KNOWN, Names
from ottla.registry.schema.protobuf.normal import normal_file
from ottla.registry.schema.protobuf.parser import parse_proto
from ottla.registry.schema.protobuf.writer import write_proto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.registry.schema.reference import Reference

SERIALIZED: Final = "serialized"


class ProtobufSchema:
    schema_type = PROTOBUF

    def __init__(
        self,
        text: str,
        references: Sequence[Reference] = (),
        texts: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.references = tuple(references)
        self._texts = dict(texts or {})
        self.file = read_proto(text)
        self._imported = {name: read_proto(each) for name, each in self._texts.items()}
        self.names = Names(self.file, self._imported)
        if strict:
            self._check()

    @property
    def name(self) -> str | None:
        messages = self.file.messages
        if not messages:
            return None
        return f"{self.file.package}.{messages[0].name}" if self.file.package else messages[0].name

    @cached_property
    def canonical(self) -> str:
        return write_proto(self.file)

    def normalized(self) -> ProtobufSchema:
        text = write_proto(normal_file(self.file, self.names))
        return ProtobufSchema(text, sorted(set(self.references)), self._texts)

    def formatted(self, form: str) -> str:
        if form == SERIALIZED:
            from ottla.registry.schema.protobuf.to_descriptor import to_descriptor

            name = "default" if self.name is None else f"{self.name}.proto"
            descriptor = to_descriptor(self.file, self.names, name)
            return base64.b64encode(descriptor.SerializeToString(deterministic=True)).decode()
        return self.canonical

    def resolved_text(self) -> str:
        return "\n".join([self.canonical, *(write_proto(each) for each in self._imported.values())])

    def incompatibilities(self, previous: ParsedSchema, *, lenient: bool = False) -> list[Difference]:
        assert isinstance(previous, ProtobufSchema)
        found = changes(Side(previous.file, previous.names), Side(self.file, self.names))
        broken = [change for change in dict.fromkeys(found) if change.kind not in COMPATIBLE]
        return [Difference(kind, path, DESCRIPTIONS.get(kind, "")) for kind, path in broken]

    def top_level_fields(self) -> frozenset[str]:
        messages = self.file.messages
        return frozenset(field.name for field, _ in all_fields(messages[0])) if messages else frozenset()

    def _check(self) -> None:
        """Everything that is named must be there. `SchemaError`."""
        for name in (*self.file.imports, *self.file.public_imports):
            if name not in self._imported and not name.startswith(WELL_KNOWN):
                raise SchemaError(f"'{name}' is imported, and no reference has that name")
        for message in self.file.messages:
            self._check_message(message, self.file.package or "")

    def _check_message(self, message: Message, outer: str) -> None:
        scope = f"{outer}.{message.name}" if outer else message.name
        for field, _ in all_fields(message):
            if field.type not in SCALARS and field.group is None and self.names.find(field.type, scope) is None:
                raise SchemaError(
                    f"the field '{field.name}' of '{scope}' is of the type '{field.type}', which is not there"
                )
        for each in message.types:
            if isinstance(each, Message):
                self._check_message(each, scope)


def is_descriptor(text: str) -> bool:
    """Whether it looks like base64."""
    stripped = text.strip()
    return len(stripped) >= 2 and stripped.isascii() and not any(each in stripped for each in '{};" \n')


def read_proto(text: str) -> ProtoFile:
    """`SchemaError`."""
    if is_descriptor(text):
        try:
            data = base64.b64decode(text.strip(), validate=True)
        except ValueError:
            return parse_proto(text)
        from ottla.registry.schema.protobuf.from_descriptor import from_descriptor

        return from_descriptor(data)
    return parse_proto(text)
