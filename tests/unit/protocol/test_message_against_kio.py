"""Against kio, an independent implementation of the same schemas: it reads our values and writes our bytes."""

from __future__ import annotations

import datetime
import io
import uuid
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import pytest
from kio.schema.index import schema_name_map
from kio.serial import entity_reader, entity_writer
from tests.unit.protocol.message_samples import MESSAGES, name_of, samples

from ottla.protocol.message import Message, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = 6
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MILLISECOND = datetime.timedelta(milliseconds=1)


def shared() -> Iterator[tuple[type[Message], int, str]]:
    """Every (message, version) that kio has too, and where it is."""
    for versions in schema_name_map.values():
        for version, paths in versions.items():
            for path in paths.values():
                yield MESSAGES[path.rpartition(":")[2]], version, path


SHARED = list(shared())


def kio_value(entity: Any, name: str) -> Any:
    """kio drops units from names, and says `k_raft` and `type_`."""
    for candidate in (name, name.removesuffix("_ms"), f"{name}_", name.replace("kraft", "k_raft")):
        if hasattr(entity, candidate):
            return getattr(entity, candidate)
    raise AssertionError(f"kio has no {name} in {type(entity)}")


def assert_same(ours: Any, theirs: Any, where: str, version: int) -> None:
    """kio's value is ours, where times are objects and None may stand for the zero UUID and the timestamp -1."""
    if isinstance(ours, Struct):
        for item in ours.schema:
            if version in item.versions:
                assert_same(getattr(ours, item.name), kio_value(theirs, item.name), f"{where}.{item.name}", version)
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(mine, other, f"{where}[{index}]", version)
    elif isinstance(theirs, datetime.timedelta):
        assert ours == theirs // MILLISECOND, where
    elif isinstance(theirs, datetime.datetime):
        assert ours == (theirs - EPOCH) // MILLISECOND, where
    elif isinstance(theirs, uuid.UUID):
        assert ours == theirs.bytes, where
    elif theirs is None:
        assert ours in (None, bytes(16), -1), where
    else:
        assert ours == theirs, where


def test_kio_has_every_message_of_every_api() -> None:
    from ottla.protocol.api_keys import API

    ours = {
        (message, version)
        for api in API.values()
        for message in (api.request, api.response)
        for version in api.versions
    }
    assert ours <= {(message, version) for message, version, _ in SHARED}
    assert len(ours) == 604


@pytest.mark.parametrize(("message", "version", "path"), SHARED, ids=name_of)
def test_kio_reads_our_values_and_writes_our_bytes(message: type[Message], version: int, path: str) -> None:
    entity_type = resolve_name(path)
    read, write = entity_reader(entity_type), entity_writer(entity_type)
    for ours in samples(message, version, SAMPLES, unknown_tags=False, moderate=True):
        data = ours.encode(version)
        theirs, size = read(data, 0)
        assert size == len(data)
        assert_same(ours, theirs, message.__name__, version)
        out = io.BytesIO()
        write(out, theirs)
        assert out.getvalue() == data
        assert message.decode(data, version) == ours
