"""Whether what was written with an original `.proto` can be read with an updated one: fields go by their numbers, and
types of one encoding may stand for each other.

Paths are `#/Message/Inner/3`; a field in a oneof is `#/Message/oneof/3`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.registry.schema.protobuf.elements import SCALARS, Enum, Field, Message, OneOf, ProtoFile, all_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.schema.protobuf.elements import TypeElement
    from ottla.registry.schema.protobuf.names import NamedType, Names

COMPATIBLE: Final = frozenset(
    (
        "MESSAGE_ADDED",
        "MESSAGE_MOVED",
        "ENUM_ADDED",
        "ENUM_REMOVED",
        "ENUM_CONST_ADDED",
        "ENUM_CONST_CHANGED",
        "ENUM_CONST_REMOVED",
        "FIELD_ADDED",
        "FIELD_REMOVED",
        "FIELD_NAME_CHANGED",
        "FIELD_STRING_OR_BYTES_LABEL_CHANGED",
        "ONEOF_ADDED",
        "ONEOF_REMOVED",
        "ONEOF_FIELD_ADDED",
        "ONEOF_FIELD_MOVED_TO_TOP_LEVEL",
    )
)
DESCRIPTIONS: Final = {
    "PACKAGE_CHANGED": "the package of the {reader} schema is not that of the {writer} one",
    "MESSAGE_REMOVED": "the {reader} schema lacks the message {path} of the {writer} one",
    "FIELD_KIND_CHANGED": "the field {path} is a scalar, a message or a map in one schema, and another in the other",
    "FIELD_SCALAR_KIND_CHANGED": "the field {path} of the {reader} schema is encoded otherwise in the {writer} one",
    "FIELD_NAMED_TYPE_CHANGED": "the field {path} is another message in the {reader} schema than in the {writer} one",
    "FIELD_NUMERIC_LABEL_CHANGED": "the number at {path} is repeated in one schema and not in the other",
    "REQUIRED_FIELD_ADDED": "the field {path}, which the {reader} schema requires, is not in the {writer} one",
    "REQUIRED_FIELD_REMOVED": "the field {path}, which the {writer} schema requires, is not in the {reader} one",
    "ONEOF_FIELD_REMOVED": "the field {path} of a oneof of the {writer} schema is not in the {reader} one",
    "MULTIPLE_FIELDS_MOVED_TO_ONEOF": (
        "fields of the oneof {path} of the {reader} schema can be there together in the {writer} one"
    ),
    "FIELD_MOVED_TO_EXISTING_ONEOF": (
        "a field of the oneof {path} of the {reader} schema can be there beside the others in the {writer} one"
    ),
}

_NUMBERS: Final = ("int32", "int64", "uint32", "uint64", "bool")
_ENCODINGS: Final = {
    **dict.fromkeys(_NUMBERS, "varint"),
    **dict.fromkeys(("sint32", "sint64"), "zigzag"),
    **dict.fromkeys(("string", "bytes"), "bytes"),
    **dict.fromkeys(("fixed32", "sfixed32"), "fixed32"),
    **dict.fromkeys(("fixed64", "sfixed64"), "fixed64"),
    "float": "float",
    "double": "double",
}


class Change(NamedTuple):
    kind: str
    path: str


class Side(NamedTuple):
    """One of the two schemas."""

    file: ProtoFile
    names: Names


def changes(original: Side, update: Side) -> list[Change]:
    comparison = _Comparison(original, update)
    if original.file.package != update.file.package:
        comparison.add("PACKAGE_CHANGED", "", ())
    comparison.types(original.file.types, update.file.types, "")
    return comparison.found


class _Place(NamedTuple):
    """The message that a field is in, on both sides, and its local name."""

    local: str
    original_scope: str
    update_scope: str


class _Comparison:
    def __init__(self, original: Side, update: Side) -> None:
        self._original = original
        self._update = update
        self._under_way: set[tuple[int, int]] = set()
        self.found: list[Change] = []
        self._packages = (original.file.package or "", update.file.package or "")

    def add(self, kind: str, local: str, path: tuple[str, ...]) -> None:
        self.found.append(Change(kind, "#/" + "/".join(filter(None, (*local.split("."), *path)))))

    def types(self, original: Sequence[TypeElement], update: Sequence[TypeElement], outer: str) -> None:
        old_messages, new_messages = _messages(original), _messages(update)
        for name in dict.fromkeys([*old_messages, *new_messages]):
            local = f"{outer}.{name}" if outer else name
            if name not in new_messages:
                self.add("MESSAGE_REMOVED", local, ())
            elif name not in old_messages:
                self.add("MESSAGE_ADDED", local, ())
            else:
                self.message(old_messages[name][1], new_messages[name][1], local)
                if old_messages[name][0] != new_messages[name][0]:
                    self.add("MESSAGE_MOVED", local, ())
        old_enums = {each.name: each for each in original if isinstance(each, Enum)}
        new_enums = {each.name: each for each in update if isinstance(each, Enum)}
        for name in dict.fromkeys([*old_enums, *new_enums]):
            local = f"{outer}.{name}" if outer else name
            if name not in new_enums:
                self.add("ENUM_REMOVED", local, ())
            elif name not in old_enums:
                self.add("ENUM_ADDED", local, ())
            else:
                self._enum(old_enums[name], new_enums[name], local)

    def _enum(self, original: Enum, update: Enum, local: str) -> None:
        old = {each.number: each.name for each in original.constants}
        new = {each.number: each.name for each in update.constants}
        for number in dict.fromkeys([*old, *new]):
            if number not in new:
                self.add("ENUM_CONST_REMOVED", local, (str(number),))
            elif number not in old:
                self.add("ENUM_CONST_ADDED", local, (str(number),))
            elif old[number] != new[number]:
                self.add("ENUM_CONST_CHANGED", local, (str(number),))

    def message(self, original: Message, update: Message, local: str) -> None:
        pair = (id(original), id(update))
        if pair not in self._under_way:
            self._under_way.add(pair)
            self._fields(original, update, local)
            self._under_way.discard(pair)
        self.types(original.types, update.types, local)

    def _fields(self, original: Message, update: Message, local: str) -> None:
        old = {field.number: (field, one_of) for field, one_of in all_fields(original)}
        new = {field.number: (field, one_of) for field, one_of in all_fields(update)}
        for one_of in update.one_ofs:
            self._exclusive(one_of, old, local)
        old_names, new_names = ({each.name for each in message.one_ofs} for message in (original, update))
        for name in sorted(old_names - new_names):
            self.add("ONEOF_REMOVED", local, (name,))
        for name in sorted(new_names - old_names):
            self.add("ONEOF_ADDED", local, (name,))
        gone = {
            one_of.name
            for one_of in original.one_ofs
            if one_of.name not in new_names and not any(field.number in new for field in one_of.fields)
        }
        scopes = tuple(f"{package}.{local}" if package else local for package in self._packages)
        place = _Place(local, *scopes)
        for number in sorted({*old, *new}):
            if number not in new:
                self._removed(*old[number], gone, local)
            elif number not in old:
                field, inside = new[number]
                kind = "ONEOF_FIELD_ADDED" if inside else _required("FIELD_ADDED", field)
                self.add(kind, local, _path(field, inside))
            else:
                self._both(old[number], new[number], place)

    def _exclusive(self, one_of: OneOf, old: dict[int, tuple[Field, OneOf | None]], local: str) -> None:
        """Fields that could be there together before may not become alternatives."""
        origins: set[str] = set()
        moved = 0
        for field in one_of.fields:
            if field.number not in old:
                continue
            _, before = old[field.number]
            origins.add(f"oneof {before.name}" if before is not None else f"field {field.number}")
            moved += before is None
        if len(origins) > 1:
            kind = "MULTIPLE_FIELDS_MOVED_TO_ONEOF" if moved > 1 else "FIELD_MOVED_TO_EXISTING_ONEOF"
            self.add(kind, local, (one_of.name,))

    def _removed(self, field: Field, inside: OneOf | None, gone: set[str], local: str) -> None:
        if inside is None:
            self.add(_required("FIELD_REMOVED", field), local, (str(field.number),))
        elif inside.name not in gone:
            self.add("ONEOF_FIELD_REMOVED", local, _path(field, inside))

    def _both(self, old: tuple[Field, OneOf | None], new: tuple[Field, OneOf | None], place: _Place) -> None:
        (original, before), (update, after) = old, new
        path = _path(update, after)
        if before is not None and after is None:
            self.add("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", place.local, path)
        if original.name != update.name:
            self.add("FIELD_NAME_CHANGED", place.local, path)
        if (original.key_type is None) != (update.key_type is None):
            self.add("FIELD_KIND_CHANGED", place.local, path)
        elif original.key_type is not None and update.key_type is not None:
            self._type(original.key_type, update.key_type, (None, None), place, path)
            self._type(original.type, update.type, (None, None), place, path)
        else:
            self._type(original.type, update.type, (original.label, update.label), place, path)

    def _type(
        self, old: str, new: str, labels: tuple[str | None, str | None], place: _Place, path: tuple[str, ...]
    ) -> None:
        original = self._original.names.find(old, place.original_scope)
        update = self._update.names.find(new, place.update_scope)
        old_encoding, new_encoding = _encoding(old, original), _encoding(new, update)
        if (old_encoding is None) != (new_encoding is None):
            self.add("FIELD_KIND_CHANGED", place.local, path)
        elif old_encoding != new_encoding:
            self.add("FIELD_SCALAR_KIND_CHANGED", place.local, path)
        elif old_encoding is not None:
            if None not in labels and labels[0] != labels[1]:
                word = "STRING_OR_BYTES" if old_encoding == "bytes" else "NUMERIC"
                self.add(f"FIELD_{word}_LABEL_CHANGED", place.local, path)
        elif original is None or update is None:
            if old != new:
                self.add("FIELD_NAMED_TYPE_CHANGED", place.local, path)
        elif original.local_name != update.local_name:
            self.add("FIELD_NAMED_TYPE_CHANGED", place.local, path)
        elif original.source or update.source:
            self._imported(original, update, place, path)

    def _imported(self, original: NamedType, update: NamedType, place: _Place, path: tuple[str, ...]) -> None:
        """A message of another file: that one is not compared by itself, so it is here."""
        if not isinstance(original.element, Message) or not isinstance(update.element, Message):
            return
        before, self.found = self.found, []
        packages, self._packages = self._packages, (original.package, update.package)
        self.message(original.element, update.element, original.local_name)
        self._packages = packages
        inner, self.found = self.found, before
        self.found += inner
        if any(change.kind not in COMPATIBLE for change in inner):
            self.add("FIELD_NAMED_TYPE_CHANGED", place.local, path)


def _messages(types: Sequence[TypeElement]) -> dict[str, tuple[int, Message]]:
    """Name → place among the messages, and the message."""
    return {each.name: (at, each) for at, each in enumerate(each for each in types if isinstance(each, Message))}


def _encoding(name: str, named: NamedType | None) -> str | None:
    """How a scalar is written; `None` for a message."""
    if name in SCALARS:
        return _ENCODINGS[name]
    return "varint" if named is not None and named.is_enum else None


def _path(field: Field, one_of: OneOf | None) -> tuple[str, ...]:
    return (one_of.name, str(field.number)) if one_of is not None else (str(field.number),)


def _required(kind: str, field: Field) -> str:
    return f"REQUIRED_{kind}" if field.label == "required" else kind
