"""Classes of Protobuf messages, made of `.proto` files by our own parser: what protoc would generate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool, message_factory

from ottla.registry.schema.protobuf.names import WELL_KNOWN, Names
from ottla.registry.schema.protobuf.schema import read_proto
from ottla.registry.schema.protobuf.to_descriptor import to_descriptor

if TYPE_CHECKING:
    from collections.abc import Mapping


def message_classes(files: Mapping[str, str]) -> dict[str, type[Any]]:
    """By full name; files come after those that they import."""
    pool = descriptor_pool.DescriptorPool()
    parsed = {name: read_proto(text) for name, text in files.items()}
    classes: dict[str, type[Any]] = {}
    for name, file in parsed.items():
        for each in file.imports:
            if each.startswith(WELL_KNOWN):
                pool.AddSerializedFile(descriptor_pool.Default().FindFileByName(each).serialized_pb)
        pool.Add(to_descriptor(file, Names(file, parsed), name))
        descriptor = pool.FindFileByName(name)
        for message in descriptor.message_types_by_name.values():
            for one in (message, *message.nested_types):
                classes[one.full_name] = message_factory.GetMessageClass(one)
    return classes
