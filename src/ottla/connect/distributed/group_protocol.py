"""What workers tell each other through their group: Kafka Connect's own formats, byte for byte.

compatible   version 1: incremental cooperative rebalancing (KIP-415)
sessioned    version 2: the same, and internal requests are signed with a session key (KIP-507)

Of a member: version INT16, url STRING, config offset INT64, its assignment NULLABLE_BYTES. An assignment: version
INT16, error INT16, leader STRING, leader's url STRING, config offset INT64, to start [connector STRING, [task INT32]],
to stop the same, delay INT32. The task -1 is the connector itself. (`IncrementalCooperativeConnectProtocol`.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from collections.abc import Iterable

PROTOCOL_TYPE: Final = "connect"
VERSIONS: Final = {"sessioned": 2, "compatible": 1}
"""In the order in which a worker prefers them."""
NO_ERROR: Final = 0
CONFIG_MISMATCH: Final = 1
"""Whoever leads has not read what another has: all join again."""
_CONNECTOR_TASK: Final = -1


class GroupProtocolError(ValueError):
    """The bytes are not what a worker says."""


@dataclass(slots=True)
class Work:
    """Connectors and tasks, in order and without duplicates."""

    connectors: dict[str, None] = field(default_factory=dict)
    tasks: dict[TaskId, None] = field(default_factory=dict)

    @classmethod
    def of(cls, connectors: Iterable[str] = (), tasks: Iterable[TaskId] = ()) -> Work:
        return cls(dict.fromkeys(connectors), dict.fromkeys(tasks))

    def copy(self) -> Work:
        return Work(dict(self.connectors), dict(self.tasks))

    def add(self, other: Work) -> None:
        self.connectors |= other.connectors
        self.tasks |= other.tasks

    def remove(self, other: Work) -> None:
        for connector in other.connectors:
            self.connectors.pop(connector, None)
        for task in other.tasks:
            self.tasks.pop(task, None)

    def without(self, *others: Work) -> Work:
        left = self.copy()
        for other in others:
            left.remove(other)
        return left

    def within(self, other: Work) -> Work:
        return Work.of(
            (each for each in self.connectors if each in other.connectors),
            (each for each in self.tasks if each in other.tasks),
        )

    def __bool__(self) -> bool:
        return bool(self.connectors or self.tasks)


@dataclass(slots=True)
class Assignment:
    """What a member is to start (or has, in what it says of itself) and to stop; `delay_ms` until it joins again."""

    version: int
    error: int = NO_ERROR
    leader: str = ""
    leader_url: str = ""
    config_offset: int = -1
    assigned: Work = field(default_factory=Work)
    revoked: Work = field(default_factory=Work)
    delay_ms: int = 0


@dataclass(slots=True)
class WorkerState:
    """What a member says of itself when it joins."""

    url: str
    config_offset: int
    work: Work


def encode_worker_state(state: WorkerState, assignment: Assignment | None, version: int) -> bytes:
    """With what it has, as the assignment that it came by; `None`: nothing."""
    held = None if assignment is None else encode_assignment(assignment, version)
    out = bytearray(struct.pack(">h", version)) + _string(state.url) + struct.pack(">q", state.config_offset)
    out += struct.pack(">i", -1) if held is None else struct.pack(">i", len(held)) + held
    return bytes(out)


def decode_worker_state(data: bytes) -> WorkerState:
    """`GroupProtocolError`."""
    reader = _Reader(data)
    version = reader.number(">h")
    url, offset = reader.string(), reader.number(">q")
    if version < 1 or reader.at_end:
        return WorkerState(url, offset, Work())
    held = reader.nullable_bytes()
    return WorkerState(url, offset, Work() if held is None else decode_assignment(held).assigned)


def encode_assignment(assignment: Assignment, version: int) -> bytes:
    out = bytearray(struct.pack(">hh", version, assignment.error))
    out += _string(assignment.leader) + _string(assignment.leader_url) + struct.pack(">q", assignment.config_offset)
    out += _work(assignment.assigned) + _work(assignment.revoked) + struct.pack(">i", assignment.delay_ms)
    return bytes(out)


def decode_assignment(data: bytes) -> Assignment:
    """`GroupProtocolError`."""
    reader = _Reader(data)
    version, error = reader.number(">h"), reader.number(">h")
    leader, url, offset = reader.string(), reader.string(), reader.number(">q")
    assigned = Work() if reader.at_end else reader.work()
    revoked = Work() if reader.at_end else reader.work()
    delay_ms = 0 if reader.at_end else reader.number(">i")
    return Assignment(version, error, leader, url, offset, assigned, revoked, delay_ms)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _work(work: Work) -> bytes:
    by_connector: dict[str, list[int]] = {}
    for connector in work.connectors:
        by_connector.setdefault(connector, []).append(_CONNECTOR_TASK)
    for task_id in work.tasks:
        by_connector.setdefault(task_id.connector, []).append(task_id.task)
    out = bytearray(struct.pack(">i", len(by_connector)))
    for connector, tasks in by_connector.items():
        out += _string(connector) + struct.pack(f">i{len(tasks)}i", len(tasks), *tasks)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def number(self, form: str) -> int:
        value: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def string(self) -> str:
        length = self.number(">h")
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise GroupProtocolError(str(error)) from None

    def nullable_bytes(self) -> bytes | None:
        length = self.number(">i")
        return None if length < 0 else self._take(length)

    def work(self) -> Work:
        work = Work()
        for _ in range(max(0, self.number(">i"))):
            connector = self.string()
            for _ in range(max(0, self.number(">i"))):
                task = self.number(">i")
                if task == _CONNECTOR_TASK:
                    work.connectors[connector] = None
                else:
                    work.tasks[TaskId(connector, task)] = None
        return work

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if count < 0 or len(taken) != count:
            raise GroupProtocolError("it ends too early")
        self._at += count
        return taken
