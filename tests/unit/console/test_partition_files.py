"""Files of Kafka's tools that name partitions: what is read is what was written, and what is wrong is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ottla.clients.consumer import TopicPartition
from ottla.console.operations.partition_files import (
    Assignment,
    FileError,
    read_assignments,
    read_partitions,
    read_topics,
    write_assignments,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    name = str(tmp_path / "plan.json")
    written = [Assignment("a", 0, (1, 2)), Assignment("a", 1, (3,), ("/data",))]
    write_assignments(name, written)
    assert read_assignments(name) == [Assignment("a", 0, (1, 2), ("any", "any")), written[1]]
    assert [each.moves_into_directories() for each in read_assignments(name)] == [{}, {3: "/data"}]
    assert read_partitions(name) == [TopicPartition("a", 0), TopicPartition("a", 1)]


def test_topics_to_move(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    file.write_text('{"topics": [{"topic": "a"}, {"topic": "b"}, {"topic": "a"}], "version": 1}')
    assert read_topics(str(file)) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "is no JSON"),
        ("[]", 'has no "partitions"'),
        ("{}", 'no list "partitions"'),
        ('{"version": 2, "partitions": []}', "has version 2"),
        ('{"partitions": []}', "with something in it"),
        ('{"partitions": [3]}', "with something in it"),
        ('{"partitions": [{"partition": 0, "replicas": [1]}]}', '"topic" is missing'),
        ('{"partitions": [{"topic": "a", "partition": true, "replicas": [1]}]}', '"partition" is missing or wrong'),
        ('{"partitions": [{"topic": "a", "partition": 0, "replicas": []}]}', "a-0 has no replicas"),
        ('{"partitions": [{"topic": "a", "partition": 0, "replicas": ["1"]}]}', "no broker ids"),
        ('{"partitions": [{"topic": "a", "partition": 0, "replicas": [1, 1]}]}', "names a broker twice"),
        ('{"partitions": [{"topic": "a", "partition": 0, "replicas": [1], "log_dirs": [1]}]}', "no list of names"),
        (
            '{"partitions": [{"topic": "a", "partition": 0, "replicas": [1], "log_dirs": ["x", "y"]}]}',
            "as many log_dirs",
        ),
        (
            '{"partitions": [{"topic": "a", "partition": 0, "replicas": [1]}, '
            '{"topic": "a", "partition": 0, "replicas": [2]}]}',
            "names a-0 twice",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(FileError, match=r"plan\.json") as raised:
        read_assignments(str(file))
    assert wrong in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        read_topics(str(tmp_path / "none.json"))
