"""Which type a name means: from the innermost scope outwards, in the file itself and in what it imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.registry.schema.protobuf.elements import SCALARS, Enum, Message, ProtoFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.registry.schema.protobuf.elements import TypeElement

# Enums of the files that everybody has; whatever else is theirs is a message.
_WELL_KNOWN_ENUMS: Final = frozenset(
    (
        "google.protobuf.NullValue",
        "google.protobuf.Syntax",
        "google.protobuf.Field.Kind",
        "google.protobuf.Field.Cardinality",
        "google.protobuf.FieldDescriptorProto.Type",
        "google.protobuf.FieldDescriptorProto.Label",
        "google.type.CalendarPeriod",
        "google.type.DayOfWeek",
        "google.type.Month",
    )
)
WELL_KNOWN: Final = ("google/protobuf/", "google/type/", "confluent/")
_WELL_KNOWN_PACKAGES: Final = ("google.protobuf.", "google.type.", "confluent.")


@dataclass(frozen=True, slots=True)
class NamedType:
    full_name: str
    element: TypeElement | None
    """`None` for one of a file that everybody has."""
    package: str
    source: str
    """The file: `""` is the schema itself."""

    @property
    def local_name(self) -> str:
        return self.full_name.removeprefix(f"{self.package}.") if self.package else self.full_name

    @property
    def is_enum(self) -> bool:
        return isinstance(self.element, Enum) or self.full_name in _WELL_KNOWN_ENUMS


class Names:
    def __init__(self, main: ProtoFile, imported: Mapping[str, ProtoFile]) -> None:
        self._types: dict[str, NamedType] = {}
        self._packages = [each.package for each in (main, *imported.values()) if each.package]
        for source, file in {"": main, **imported}.items():
            self._collect(file.types, file.package or "", file.package or "", source)
            for extend in file.extends:
                self._collect(_groups(extend.fields), file.package or "", file.package or "", source)

    def _collect(self, types: Iterable[TypeElement], scope: str, package: str, source: str) -> None:
        for each in types:
            full = f"{scope}.{each.name}" if scope else each.name
            self._types.setdefault(full, NamedType(full, each, package, source))
            if isinstance(each, Message):
                self._collect(each.types, full, package, source)
                self._collect(_groups(each.fields), full, package, source)
                for one_of in each.one_ofs:
                    self._collect(_groups(one_of.fields), full, package, source)

    def find(self, name: str, scope: str) -> NamedType | None:
        """`scope` is the full name of the message where it stands, or the package."""
        if name in SCALARS:
            return None
        if name.startswith("."):
            return self._get(name[1:])
        while True:
            found = self._get(f"{scope}.{name}" if scope else name)
            if found is not None or not scope:
                return found
            scope = scope.rpartition(".")[0]

    def _get(self, full: str) -> NamedType | None:
        found = self._types.get(full)
        if found is None and full.startswith(_WELL_KNOWN_PACKAGES):
            package, _, _ = full.rpartition(".")
            found = NamedType(full, None, package, package.replace(".", "/"))
        return found


def _groups(fields: Iterable[object]) -> list[Message]:
    groups = (getattr(each, "group", None) for each in fields)
    return [each for each in groups if isinstance(each, Message)]
