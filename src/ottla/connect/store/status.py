"""What stands in the topic of statuses about connectors, their tasks and topics (`AbstractStatus`, `TopicStatus`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    DESTROYED = "DESTROYED"
    RESTARTING = "RESTARTING"
    STOPPED = "STOPPED"


class TargetState(Enum):
    """What somebody wants a connector to be; `STOPPED` has no tasks (KIP-875)."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Status:
    """Of a connector or a task: `worker_id` is the `HOST:PORT` of its worker, `generation` that of the group."""

    state: State
    worker_id: str
    generation: int
    trace: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A connector has read from or written to a topic (KIP-558)."""

    topic: str
    connector: str
    task: int
    discover_timestamp: int
