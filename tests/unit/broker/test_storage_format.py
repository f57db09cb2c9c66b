"""Log directories and their identity."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from ottla.broker.storage_format import FormatRequest, MetaProperties, StorageError, open_storage, read_meta_properties
from ottla.protocol.types import uuid_from_text
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ottla.broker.storage_format import Storage

# `meta.properties` as `kafka-storage format` of 4.3.1 wrote it.
OF_KAFKA = """#
#Mon Nov 23 15:06:28 UTC 2026
node.id=1
directory.id=9Wwc7patTsikuOnLoULLHQ
version=1
cluster.id=MkU3OEVBNTcwNTJENDM2Qg
"""
NOW_MS = 1795446388000
_ids = count(1)


def open_at(directories: Sequence[Path], *, node_id: int = 1, cluster_id: str | None = None) -> Storage:
    request = FormatRequest(directories, directories[0], node_id, [], cluster_id)
    return open_storage(Disk(), request, now_ms=NOW_MS, new_uuid=lambda: next(_ids).to_bytes(16, "big"))


def test_meta_properties_are_those_of_kafka(tmp_path: Path) -> None:
    properties = MetaProperties("MkU3OEVBNTcwNTJENDM2Qg", 1, uuid_from_text("9Wwc7patTsikuOnLoULLHQ"))
    assert properties.to_text(NOW_MS) == OF_KAFKA
    assert MetaProperties.from_text(OF_KAFKA, tmp_path) == properties


def test_formatting_and_opening_again(tmp_path: Path) -> None:
    directories = [tmp_path / "a", tmp_path / "b"]
    first = open_at(directories, cluster_id="abc")
    assert first.formatted == directories
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == [
        "a/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint",
        "a/bootstrap.checkpoint",
        "a/meta.properties",
        "b/bootstrap.checkpoint",
        "b/meta.properties",
    ]
    assert len(set(first.directory_ids.values())) == 2
    again = open_at([*directories, tmp_path / "c"])
    assert (again.cluster_id, again.formatted) == ("abc", [tmp_path / "c"])
    assert again.directory_ids.items() > first.directory_ids.items()
    found = read_meta_properties(Disk(), tmp_path / "c")
    assert found is not None
    assert found.cluster_id == "abc"


def test_a_directory_without_its_seal_is_formatted_anew(tmp_path: Path) -> None:
    """`meta.properties` comes last: without it nothing else counts."""
    open_at([tmp_path / "a"])
    (tmp_path / "a" / "meta.properties").unlink()
    assert open_at([tmp_path / "a"]).formatted == [tmp_path / "a"]


def test_what_is_refused(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    open_at([a], cluster_id="abc")
    with pytest.raises(StorageError, match="belongs to node 1"):
        open_at([a], node_id=2)
    with pytest.raises(StorageError, match="cluster abc"):
        open_at([a], cluster_id="xyz")
    with pytest.raises(StorageError, match="is empty"):
        open_at([b, a])
    open_at([b], cluster_id="xyz")
    with pytest.raises(StorageError, match="different clusters"):
        open_at([a, b])
    (b / "meta.properties").write_text((a / "meta.properties").read_text())
    with pytest.raises(StorageError, match="one is a copy"):
        open_at([a, b])


@pytest.mark.parametrize(
    "text",
    [
        "",
        OF_KAFKA.replace("version=1", "version=0"),
        OF_KAFKA.replace("cluster.id", "cluster"),
        OF_KAFKA.replace("node.id=1", "node.id=one"),
        OF_KAFKA.replace("directory.id=9Wwc7patTsikuOnLoULLHQ\n", ""),
        OF_KAFKA.replace("9Wwc7", "9"),
        "a=\\u12",
    ],
)
def test_malformed_meta_properties(tmp_path: Path, text: str) -> None:
    with pytest.raises(StorageError):
        MetaProperties.from_text(text, tmp_path)


@pytest.mark.parametrize("broken", ["", OF_KAFKA.replace("version=1", "version=7"), None])
def test_a_directory_that_does_not_say_whose_it_is(tmp_path: Path, broken: str | None) -> None:
    """It is out of service, and left alone; the metadata's ends the start, as in Apache Kafka."""
    a, b, c = (tmp_path / name for name in "abc")
    ids = open_at([a, b]).directory_ids
    seal = b / "meta.properties"
    seal.unlink()
    if broken is None:
        seal.mkdir()
    else:
        seal.write_text(broken)
    storage = open_at([a, b, c])
    assert list(storage.unreadable) == [b]
    assert storage.formatted == [c]
    assert storage.directory_ids[a] == ids[a]
    assert b not in storage.directory_ids
    assert seal.is_dir() if broken is None else seal.read_text() == broken
    with pytest.raises((StorageError, OSError)):
        open_at([b, a])
