"""The `.proto` files that everybody has and nobody registers, as descriptors: Google's, and two of Confluent's."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any, Final

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.protobuf.names import Names
from ottla.registry.schema.protobuf.parser import parse_proto
from ottla.registry.schema.protobuf.to_descriptor import to_descriptor

_OWN: Final = {
    "confluent/meta.proto": """
        syntax = "proto3";
        package confluent;
        message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
    """,
    "confluent/type/decimal.proto": """
        syntax = "proto3";
        package confluent.type;
        message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
    """,
    "google/type/date.proto": """
        syntax = "proto3";
        package google.type;
        message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
    """,
    "google/type/timeofday.proto": """
        syntax = "proto3";
        package google.type;
        message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }
    """,
}


@cache
def well_known(name: str) -> bytes:
    """`FileDescriptorProto`; `SchemaError` for one that is not there."""
    text = _OWN.get(name)
    if text is not None:
        file = parse_proto(text)
        data: bytes = to_descriptor(file, Names(file, {}), name).SerializeToString()
        return data
    module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
    try:
        serialized: bytes = importlib.import_module(module).DESCRIPTOR.serialized_pb
    except ImportError:
        raise SchemaError(
            f"the file {name} is needed, and not there: install the package that brings {module}"
        ) from None
    return serialized


def add_file(pool: Any, file: Any, added: set[str]) -> None:
    """A `FileDescriptorProto`, and before it what it imports of such files; `added` is what the pool has already."""
    from google.protobuf import descriptor_pb2

    for each in file.dependency:
        if each not in added:
            add_file(pool, descriptor_pb2.FileDescriptorProto.FromString(well_known(each)), added)
    added.add(file.name)
    pool.Add(file)
