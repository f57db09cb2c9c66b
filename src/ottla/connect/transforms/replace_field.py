"""`ReplaceField`: fields go (exclude), alone stay (include), or get another name (renames=old:new,…)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import LIST, MEDIUM, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.api.validators import LambdaValidator, ValidList
from ottla.connect.data.java_hash import ordered, table_size
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Schemas,
    Side,
    copy_basics,
    define_replace_null,
    java_split,
    require_map,
    require_struct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Field, Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

EXCLUDE: Final = "exclude"
INCLUDE: Final = "include"
RENAMES: Final = "renames"
_PURPOSE: Final = "field replacement"
_PAIRS: Final = "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>"


class ReplaceField(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(
            EXCLUDE, LIST, [], MEDIUM, "Fields that go, even if they are included.", validator=ValidList()
        )
        definition.define(INCLUDE, LIST, [], MEDIUM, "Fields that alone stay, if there are any.", validator=ValidList())
        definition.define(
            RENAMES,
            LIST,
            [],
            MEDIUM,
            "Fields that get another name.",
            validator=LambdaValidator(_check_renames, _PAIRS),
        )
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._exclude = frozenset(settings[EXCLUDE])
        self._include = frozenset(settings[INCLUDE])
        self._renames = _renames(settings[RENAMES])
        self._old_names = {new: old for old, new in self._renames.items()}
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        self._schemas = Schemas(self._replaced_schema)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if value is None:
            return record
        if schema is None:
            value = require_map(value, _PURPOSE)
            kept = {self._renames.get(name, name): each for name, each in value.items() if self._stays(name)}
            return self.updated(record, None, ordered(kept, table_size(len(value))))
        struct = require_struct(value, _PURPOSE)
        made = self._schemas.get(struct.schema)
        changed = Struct(made)
        for field in made.fields:
            old = self._old_names.get(field.name, field.name)
            if old != field.name:
                _check_type(struct.schema, old, field)
            changed.put(field, struct.get(old) if self._with_default else struct.get_without_default(old))
        return self.updated(record, made, changed)

    def _stays(self, name: object) -> bool:
        if not isinstance(name, str):
            raise DataError(f"Only a map with text for keys has fields to replace, not with {name!r}")
        return name not in self._exclude and (not self._include or name in self._include)

    def _replaced_schema(self, schema: Schema) -> Schema:
        builder = copy_basics(schema, SchemaBuilder.struct())
        for field in schema.fields:
            if self._stays(field.name):
                builder.field(self._renames.get(field.name, field.name), field.schema)
        return builder.build()


class ReplaceFieldKey(ReplaceField):
    side = Side.KEY


class ReplaceFieldValue(ReplaceField):
    side = Side.VALUE


def _check_type(schema: Schema, old: str, field: Field) -> None:
    """A field that stays under a name which another one would have got takes that one's value, as in Java."""
    source = schema.field(old)
    if source is not None and source.schema.type is not field.schema.type:
        raise DataError(f"The field {field.name} of type {field.schema.type} cannot hold {old}, a {source.schema.type}")


def _check_renames(_name: str, value: Any) -> None:
    _renames(value or [])


def _renames(mappings: list[str]) -> dict[str, str]:
    renames: dict[str, str] = {}
    for mapping in mappings:
        parts = java_split(mapping, ":")
        if len(parts) != 2:
            raise ConfigError.of(RENAMES, mappings, f"Invalid rename mapping: {mapping}")
        renames[parts[0]] = parts[1]
    return ordered(renames)
