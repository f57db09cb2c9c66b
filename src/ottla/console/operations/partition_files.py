"""The JSON files of Kafka's tools that name partitions, read and written.

{"partitions": [{"topic": "t", "partition": 0}]}                                          kafka-leader-election
{"version": 1, "topics": [{"topic": "t"}]}                                                --topics-to-move-json-file
{"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2],
                               "log_dirs": ["any", "/data/a"]}]}                          --reassignment-json-file
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ottla.clients.consumer import TopicPartition

VERSION = 1
ANY_DIRECTORY = "any"


class FileError(Exception):
    """The file cannot be read, or is not what it should be; the text names it and what is wrong."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where the replicas of one partition are to be."""

    topic: str
    partition: int
    replicas: tuple[int, ...]
    directories: tuple[str, ...] = ()
    """One for each replica, or none; `ANY_DIRECTORY`: wherever its broker likes."""

    @property
    def where(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    def moves_into_directories(self) -> dict[int, str]:
        """By broker, the log directory that its replica is to be in."""
        chosen = zip(self.replicas, self.directories, strict=False)
        return {broker_id: directory for broker_id, directory in chosen if directory != ANY_DIRECTORY}


def read_partitions(name: str) -> list[TopicPartition]:
    """Raises `FileError`, as the other readers."""
    found = [_where(name, entry) for entry in _entries(name, "partitions")]
    _each_once(name, found)
    return found


def read_topics(name: str) -> list[str]:
    topics = [_field(name, entry, "topic", str) for entry in _entries(name, "topics")]
    return list(dict.fromkeys(topics))


def read_assignments(name: str) -> list[Assignment]:
    found = [_assignment(name, entry) for entry in _entries(name, "partitions")]
    _each_once(name, [each.where for each in found])
    return found


def assignments_json(assignments: Iterable[Assignment]) -> dict[str, object]:
    """As `kafka-reassign-partitions` prints and reads it."""
    return {
        "version": VERSION,
        "partitions": [
            {
                "topic": each.topic,
                "partition": each.partition,
                "replicas": list(each.replicas),
                "log_dirs": list(each.directories or [ANY_DIRECTORY] * len(each.replicas)),
            }
            for each in assignments
        ],
    }


def write_assignments(name: str, assignments: Iterable[Assignment]) -> None:
    try:
        Path(name).write_text(json.dumps(assignments_json(assignments)) + "\n", "utf-8")
    except OSError as error:
        raise FileError(f"{name}: {error.strerror or error}") from None


def _entries(name: str, key: str) -> list[dict[str, Any]]:
    try:
        document = json.loads(Path(name).read_text("utf-8"))
    except OSError as error:
        raise FileError(f"{name}: {error.strerror or error}") from None
    except ValueError as error:
        raise FileError(f"{name} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise FileError(f'{name} has no "{key}"')
    if document.get("version", VERSION) != VERSION:
        raise FileError(f"{name} has version {document['version']}; version {VERSION} is what there is")
    entries = document.get(key)
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise FileError(f'{name} has no list "{key}" with something in it')
    return entries


def _field(name: str, entry: dict[str, Any], key: str, kind: type[Any]) -> Any:
    value = entry.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FileError(f'{name}: "{key}" is missing or wrong in {json.dumps(entry)}')
    return value


def _where(name: str, entry: dict[str, Any]) -> TopicPartition:
    return TopicPartition(_field(name, entry, "topic", str), _field(name, entry, "partition", int))


def _assignment(name: str, entry: dict[str, Any]) -> Assignment:
    where = _where(name, entry)
    replicas = _field(name, entry, "replicas", list)
    if not replicas or not all(isinstance(each, int) and each >= 0 for each in replicas):
        raise FileError(f"{name}: {where.topic}-{where.partition} has no replicas, or some that are no broker ids")
    if len(set(replicas)) != len(replicas):
        raise FileError(f"{name}: {where.topic}-{where.partition} names a broker twice: {replicas}")
    directories = entry.get("log_dirs") or []
    if not isinstance(directories, list) or not all(isinstance(each, str) for each in directories):
        raise FileError(f'{name}: "log_dirs" of {where.topic}-{where.partition} is no list of names')
    if directories and len(directories) != len(replicas):
        raise FileError(f"{name}: {where.topic}-{where.partition} needs as many log_dirs as replicas, or none")
    return Assignment(where.topic, where.partition, tuple(replicas), tuple(directories))


def _each_once(name: str, wheres: list[TopicPartition]) -> None:
    seen: set[TopicPartition] = set()
    for where in wheres:
        if where in seen:
            raise FileError(f"{name} names {where.topic}-{where.partition} twice")
        seen.add(where)
