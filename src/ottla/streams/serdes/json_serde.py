"""JSON: whatever the standard library reads and writes, dataclasses by their type, msgspec's structs by msgspec.

Written as compact UTF-8, fields in the order of the class. What is read is checked no further than it is converted:
fields that the class does not have are left out, so that writers may add some.
"""

from __future__ import annotations

import dataclasses
import json
import json.encoder
import sys
import types
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from ottla.streams.errors import SerializationError
from ottla.streams.serdes.serde import Serde

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.record import Headers

T = TypeVar("T")

_decoder: Final[Any] = json.JSONDecoder()
_scan: Final = _decoder.scan_once  # `decode` without looking for white space around
_decode: Final = _decoder.decode


def json_serde(kind: type[T] | None = None) -> Serde[T]:
    """`kind`: what is read becomes this, a dataclass for instance; without it, dicts, lists and the like."""
    if hasattr(kind, "__struct_fields__"):
        return _msgspec_serde(kind)
    convert = None if kind is None else _converter(kind)

    def deserialize(topic: str, data: bytes | None, headers: Headers = (), /) -> Any:
        if data is None:
            return None
        try:
            text = data.decode()
            try:
                value, end = _scan(text, 0)
                if end != len(text):
                    value = _decode(text)
            except StopIteration:
                value = _decode(text)
            return value if convert is None else convert(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SerializationError(f"{data[:200]!r}, read from {topic}, is not what it should be: {error}") from error

    return Serde(serialize_json, deserialize)


def serialize_json(topic: str, data: Any, headers: Headers = (), /) -> bytes | None:
    if data is None:
        return None
    try:
        return _encode(data).encode()
    except (TypeError, ValueError) as error:
        raise SerializationError(f"{data!r} cannot go to {topic} as JSON: {error}") from error


def _plain(value: Any) -> Any:
    """What stands for an object that JSON has no word for."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__} is no JSON")


def _encoder() -> Callable[[Any], str]:
    """`JSONEncoder.encode` makes an encoder for every value; the one underneath can be kept."""
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    write = make(None, _plain, json.encoder.encode_basestring, None, ":", ",", False, False, True)

    def encode(value: Any) -> str:
        return "".join(write(value, 0))

    return encode


_encode: Final = _encoder()


def _msgspec_serde(kind: Any) -> Serde[Any]:
    msgspec = sys.modules["msgspec"]  # whoever defined the struct has imported it
    write, read = msgspec.json.Encoder().encode, msgspec.json.Decoder(kind).decode

    def serialize(topic: str, data: Any, headers: Headers = (), /) -> bytes | None:
        try:
            return None if data is None else bytes(write(data))
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            raise SerializationError(f"{data!r} cannot go to {topic} as JSON: {error}") from error

    def deserialize(topic: str, data: bytes | None, headers: Headers = (), /) -> Any:
        if data is None:
            return None
        try:
            return read(data)
        except msgspec.MsgspecError as error:
            raise SerializationError(f"{data[:200]!r}, read from {topic}, is no {kind.__name__}: {error}") from error

    return Serde(serialize, deserialize)


def _converter(kind: Any) -> Callable[[Any], Any] | None:
    """What makes a `kind` of parsed JSON; None where that is what it is already."""
    origin, arguments = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass_converter(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if origin in (Union, types.UnionType):
        inner = [each for each in arguments if each is not types.NoneType]
        if len(inner) != 1:
            return None
        one = _converter(inner[0])
        return None if one is None else lambda value: None if value is None else one(value)
    if origin in (list, set, frozenset, tuple):
        collect = origin
        entry_of = _converter(arguments[0]) if arguments else None
        if entry_of is None:
            return None if collect is list else collect
        return lambda values: collect(entry_of(value) for value in values)
    if origin is dict and len(arguments) == 2:
        value_of = _converter(arguments[1])
        return None if value_of is None else lambda entries: {key: value_of(entry) for key, entry in entries.items()}
    if kind in (set, frozenset, tuple):
        return kind  # type: ignore[no-any-return]
    return float if kind is float else None


def _dataclass_converter(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    names = {field.name for field in dataclasses.fields(kind) if field.init}
    converters = {name: convert for name in names if (convert := _converter(hints[name])) is not None}

    def make(value: Any) -> Any:
        if value is None:
            return None
        known = {name: each for name, each in value.items() if name in names}
        for name, convert_field in converters.items():
            if name in known:
                known[name] = convert_field(known[name])
        return kind(**known)

    return make
