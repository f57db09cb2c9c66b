"""Takes a value of one schema into another (`SchemaProjector`): numbers grow, missing fields get defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import DataError, SchemaProjectorError
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import Type, to_float32

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema

_BY_SIZE: Final = (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64)
_PLACE: Final = {kind: place for place, kind in enumerate(_BY_SIZE)}


def project(source: Schema, value: object, target: Schema) -> object:
    """The value as the target has it; where that cannot be, `SchemaProjectorError`."""
    _check_compatible(source, target)
    if source.optional and not target.optional:
        if target.default_value is None:
            raise SchemaProjectorError(f"{source} is optional, and {target} is not and has no default")
        if value is None:
            return target.default_value
    if value is None:
        return None
    try:
        return _project_present(source, value, target)
    except SchemaProjectorError:
        raise
    except DataError as error:
        raise SchemaProjectorError(str(error)) from error


def _project_present(source: Schema, value: object, target: Schema) -> object:
    if target.type is Type.STRUCT:
        assert isinstance(value, Struct)
        return _project_struct(source, value, target)
    if target.type is Type.ARRAY:
        assert isinstance(value, list | tuple)
        return [project(_needed(source.value_schema), each, _needed(target.value_schema)) for each in value]
    if target.type is Type.MAP:
        assert isinstance(value, dict)
        keys = _needed(source.key_schema), _needed(target.key_schema)
        values = _needed(source.value_schema), _needed(target.value_schema)
        projected = {
            as_key(project(keys[0], key, keys[1])): project(values[0], each, values[1]) for key, each in value.items()
        }
        return ordered(projected, key_schema=keys[1])
    if isinstance(value, int | float) and not isinstance(value, bool):
        if target.type is Type.FLOAT32:
            return to_float32(float(value))
        if target.type is Type.FLOAT64:
            return float(value)
    return value


def _project_struct(source: Schema, struct: Struct, target: Schema) -> Struct:
    projected = Struct(target)
    for field in target.fields:
        found = source.field(field.name)
        if found is not None:
            try:
                projected.put(field, project(found.schema, struct.get(field.name), field.schema))
            except SchemaProjectorError as error:
                raise SchemaProjectorError(f"Error projecting {field.name}: {error}") from error
        elif field.schema.optional:
            continue
        elif field.schema.default_value is not None:
            projected.put(field, field.schema.default_value)
        else:
            raise SchemaProjectorError(f"The required field {field.name} is missing from {source}")
    return projected


def _check_compatible(source: Schema, target: Schema) -> None:
    if source.type is not target.type and not _grows(source.type, target.type):
        raise SchemaProjectorError(f"A value of type {source.type} cannot become one of type {target.type}")
    if source.name != target.name:
        raise SchemaProjectorError(f"The schemas have different names: {source.name} and {target.name}")
    if source.parameters != target.parameters:
        raise SchemaProjectorError(
            f"The schemas have different parameters: {source.parameters} and {target.parameters}"
        )


def _grows(source: Type, target: Type) -> bool:
    return source in _PLACE and target in _PLACE and _PLACE[source] <= _PLACE[target]


def _needed(schema: Schema | None) -> Schema:
    if schema is None:
        raise SchemaProjectorError("The schema of the elements is not known")
    return schema
