"""Whether a reader's Avro schema reads what a writer's wrote: the rules of schema resolution, all that break at once.

Locations are JSON pointers into the reader (`/fields/2/type`), within a union's branches into the writer.
A pair of types that is being looked at already (in a recursive schema) is taken to fit.
"""

from __future__ import annotations

from typing import Final

from ottla.registry.schema.avro.types import Array, AvroType, Enum, Field, Fixed, Map, NamedType, Record, Union
from ottla.registry.schema.difference import Difference

_PROMOTIONS: Final = {
    "long": ("int",),
    "float": ("int", "long"),
    "double": ("int", "long", "float"),
    "bytes": ("string",),
    "string": ("bytes",),
}
_DESCRIPTIONS: Final = {
    "FIXED_SIZE_MISMATCH": "the fixed at {path} of the {reader} schema has another size than in the {writer} one",
    "TYPE_MISMATCH": "the type at {path} of the {reader} schema cannot be read from the {writer} one",
    "NAME_MISMATCH": "the name at {path} of the {reader} schema is not the one of the {writer} schema",
    "MISSING_ENUM_SYMBOLS": "the enum at {path} of the {reader} schema lacks symbols of the {writer} one",
    "MISSING_UNION_BRANCH": "the union at {path} of the {reader} schema lacks a type of the {writer} one",
    "READER_FIELD_MISSING_DEFAULT_VALUE": (
        "the field at {path} of the {reader} schema is not in the {writer} one, and has no default"
    ),
}


def incompatibilities(reader: AvroType, writer: AvroType) -> list[Difference]:
    try:
        return _Checker().compare(reader, writer, ())
    except AmbiguousFieldError as error:
        return [_difference("TYPE_MISMATCH", (), str(error))]


class AmbiguousFieldError(Exception):
    """A field of the reader has the names of several of the writer, so nothing can be read at all."""


class _Checker:
    def __init__(self) -> None:
        self._known: dict[tuple[int, int], list[Difference]] = {}

    def compare(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Difference]:
        pair = (id(reader), id(writer))
        found = self._known.get(pair)
        if found is None:
            self._known[pair] = []
            found = self._known[pair] = self._compare(reader, writer, path)
        return found

    def _compare(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Difference]:
        if isinstance(writer, Union):
            if isinstance(reader, Union):
                return self._union_of_union(reader, writer, path)
            return [
                each
                for index, branch in enumerate(writer.branches)
                for each in self.compare(reader, branch, (*path, str(index)))
            ]
        if isinstance(reader, Union):
            if any(not self.compare(branch, writer, path) for branch in reader.branches):
                return []
            return [_difference("MISSING_UNION_BRANCH", path, f"reader union lacking writer type: {_word(writer)}")]
        if isinstance(reader, Array) and isinstance(writer, Array):
            return self.compare(reader.items, writer.items, (*path, "items"))
        if isinstance(reader, Map) and isinstance(writer, Map):
            return self.compare(reader.values, writer.values, (*path, "values"))
        if isinstance(reader, Fixed) and isinstance(writer, Fixed):
            return [*_names(reader, writer, path), *_sizes(reader, writer, path)]
        if isinstance(reader, Enum) and isinstance(writer, Enum):
            return [*_names(reader, writer, path), *_symbols(reader, writer, path)]
        if isinstance(reader, Record) and isinstance(writer, Record):
            return [*_names(reader, writer, path), *self._fields(reader, writer, path)]
        if reader.kind == writer.kind or writer.kind in _PROMOTIONS.get(reader.kind, ()):
            return []
        return [_mismatch(reader, writer, path)]

    def _union_of_union(self, reader: Union, writer: Union, path: tuple[str, ...]) -> list[Difference]:
        return [
            _difference(
                "MISSING_UNION_BRANCH", (*path, str(index)), f"reader union lacking writer type: {_word(branch)}"
            )
            for index, branch in enumerate(writer.branches)
            if self.compare(reader, branch, (*path, str(index)))
        ]

    def _fields(self, reader: Record, writer: Record, path: tuple[str, ...]) -> list[Difference]:
        found: list[Difference] = []
        for index, field in enumerate(reader.fields):
            here = (*path, "fields", str(index))
            written = _written_field(field, writer)
            if len(written) > 1:
                raise AmbiguousFieldError(f"field {field.name} of the reader matches several fields of the writer")
            if written:
                found += self.compare(field.type, written[0].type, (*here, "type"))
            elif not field.has_default:
                if isinstance(field.type, Enum) and field.type.default is not None:
                    # Avro holds the enum itself against the record here, which never fits.
                    found += self.compare(field.type, writer, (*here, "type"))
                else:
                    found.append(_difference("READER_FIELD_MISSING_DEFAULT_VALUE", here, field.name))
        return found


def _written_field(field: Field, writer: Record) -> list[Field]:
    """The fields of the writer that have this one's name, or one of its aliases."""
    by_name = {each.name: each for each in writer.fields}
    names = dict.fromkeys([field.name, *field.aliases])
    return [by_name[name] for name in names if name in by_name]


def _names(reader: NamedType, writer: NamedType, path: tuple[str, ...]) -> list[Difference]:
    same = reader.name.simple == writer.name.simple or writer.name.full in {each.full for each in reader.aliases}
    return [] if same else [_difference("NAME_MISMATCH", (*path, "name"), f"expected: {writer.name.full}")]


def _sizes(reader: Fixed, writer: Fixed, path: tuple[str, ...]) -> list[Difference]:
    if reader.size == writer.size:
        return []
    return [_difference("FIXED_SIZE_MISMATCH", (*path, "size"), f"expected: {writer.size}, found: {reader.size}")]


def _symbols(reader: Enum, writer: Enum, path: tuple[str, ...]) -> list[Difference]:
    missing = sorted(set(writer.symbols) - set(reader.symbols))
    if not missing or reader.default is not None:
        return []
    return [_difference("MISSING_ENUM_SYMBOLS", (*path, "symbols"), f"[{', '.join(missing)}]")]


def _mismatch(reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> Difference:
    details = f"reader type: {_word(reader)} not compatible with writer type: {_word(writer)}"
    return _difference("TYPE_MISMATCH", path, details)


def _word(type_: AvroType) -> str:
    return type_.kind.upper()


def _difference(kind: str, path: tuple[str, ...], details: str) -> Difference:
    return Difference(kind, "/" + "/".join(path), _DESCRIPTIONS[kind], details)
