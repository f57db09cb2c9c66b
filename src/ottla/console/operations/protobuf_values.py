"""Messages of Protobuf as Python values: numbers stay numbers, enumerations are names, timestamps are times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

TIMESTAMP = "google.protobuf.Timestamp"


def as_values(message: Message) -> Any:
    """A dictionary by the names of the fields; what has presence and is not there is `None`."""
    if message.DESCRIPTOR.full_name == TIMESTAMP:
        from datetime import UTC

        return message.ToDatetime(tzinfo=UTC)
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: FieldDescriptor) -> Any:
    value = getattr(message, field.name)
    of = field.message_type
    if of is not None and of.GetOptions().map_entry:
        held = of.fields_by_name["value"]
        return {str(key): _value(each, held) for key, each in value.items()}
    if field.is_repeated:
        return [_value(each, field) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(value, field)


def _value(value: Any, field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        return as_values(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else str(value)
    return value
