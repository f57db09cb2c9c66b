"""What members of a classic group say to each other, as user data of subscriptions and assignments: JSON, version 1.

A member tells its process, what it owns and how far its copies are; the leader gives it tasks and who has the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.errors import StreamsError
from ottla.streams.membership.assignment import Assignment, HostInfo, HostPartitions, TaskId, by_sub_topology
from ottla.streams.record import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROTOCOL_NAME: Final = "ottla-streams"
VERSION: Final = 1
CAUGHT_UP: Final = -2
"""Instead of an offset: the task runs here, and nothing is newer."""


class AssignmentError(IntEnum):
    """Why the leader could assign nothing."""

    NONE = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    SHUTDOWN_APPLICATION = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class MemberData:
    process_id: str
    owned: Assignment = field(default_factory=Assignment)
    offsets: Mapping[TaskId, int] = field(default_factory=dict)
    """Sums of the changelogs' offsets, of every task whose state lies on this process's disk."""

    endpoint: HostInfo | None = None
    rack_id: str | None = None
    client_tags: Mapping[str, str] = field(default_factory=dict)
    wants_shutdown: bool = False


@dataclass(frozen=True, slots=True)
class AssignmentData:
    assignment: Assignment
    hosts: Mapping[HostInfo, HostPartitions] = field(default_factory=dict)
    error: AssignmentError = AssignmentError.NONE
    detail: str = ""
    probe_after_ms: int | None = None
    """The member is to join again then: copies may have caught up."""


def encode_member(data: MemberData) -> bytes:
    return _json(
        {
            "process": data.process_id,
            "owned": _plain_assignment(data.owned),
            "offsets": {str(task): offset for task, offset in sorted(data.offsets.items())},
            "endpoint": data.endpoint,
            "rack": data.rack_id,
            "tags": dict(data.client_tags),
            "shutdown": data.wants_shutdown,
        }
    )


def decode_member(data: bytes | None) -> MemberData:
    plain = _read(data)
    return MemberData(
        str(plain["process"]),
        _assignment(plain["owned"]),
        {TaskId.parse(task): int(offset) for task, offset in plain["offsets"].items()},
        None if plain["endpoint"] is None else HostInfo(str(plain["endpoint"][0]), int(plain["endpoint"][1])),
        plain["rack"],
        dict(plain["tags"]),
        bool(plain["shutdown"]),
    )


def encode_assignment(data: AssignmentData) -> bytes:
    return _json(
        {
            "tasks": _plain_assignment(data.assignment),
            "hosts": [
                [host.host, host.port, _plain_partitions(each.active), _plain_partitions(each.standby)]
                for host, each in sorted(data.hosts.items())
            ],
            "error": int(data.error),
            "detail": data.detail,
            "probe_after_ms": data.probe_after_ms,
        }
    )


def decode_assignment(data: bytes | None) -> AssignmentData:
    plain = _read(data)
    return AssignmentData(
        _assignment(plain["tasks"]),
        {
            HostInfo(host, port): HostPartitions(_partitions(active), _partitions(standby))
            for host, port, active, standby in plain["hosts"]
        },
        AssignmentError(plain["error"]),
        str(plain["detail"]),
        plain["probe_after_ms"],
    )


def _json(plain: dict[str, Any]) -> bytes:
    return json.dumps({"version": VERSION, **plain}, separators=(",", ":")).encode()


def _read(data: bytes | None) -> dict[str, Any]:
    try:
        plain = json.loads(data or b"")
        version = plain["version"]
    except (ValueError, TypeError, KeyError):
        raise StreamsError("another kind of client is in the group: its metadata cannot be read") from None
    if version != VERSION:
        raise StreamsError(f"a member of the group speaks version {version}, this one {VERSION}: upgrade it")
    assert isinstance(plain, dict)
    return plain


def _plain_assignment(assignment: Assignment) -> list[dict[str, list[int]]]:
    kinds = (assignment.active, assignment.standby, assignment.warmup)
    return [{str(sub): partitions for sub, partitions in by_sub_topology(tasks).items()} for tasks in kinds]


def _assignment(plain: list[dict[str, list[int]]]) -> Assignment:
    active, standby, warmup = (
        frozenset(TaskId(int(sub), partition) for sub, partitions in tasks.items() for partition in partitions)
        for tasks in plain
    )
    return Assignment(active, standby, warmup)


def _plain_partitions(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        found.setdefault(topic, []).append(partition)
    return found


def _partitions(plain: dict[str, list[int]]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(topic, each) for topic, partitions in plain.items() for each in partitions)
