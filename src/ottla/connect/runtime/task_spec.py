"""Everything that the process of a task has to know to start."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """`producer`, `consumer` and `admin` are client properties under Kafka's names, security and overrides included."""

    connector: str
    task: int
    is_source: bool
    connector_config: dict[str, str]
    """With variables resolved; also where converters, transformations and error handling are configured."""
    task_config: dict[str, str]
    target_state: str
    converters: dict[str, str]
    """The worker's `key.converter…` and so on, where the connector names none."""
    producer: dict[str, str] = field(repr=False)
    consumer: dict[str, str] = field(repr=False)
    admin: dict[str, str] = field(repr=False)
    offset_flush_interval_ms: int
    offset_flush_timeout_ms: int
    graceful_timeout_ms: int
    topic_creation: bool
    topic_tracking: bool
    log_level: str
    plugin_path: list[str]
    generation: int = 0
    """Of the tasks' configurations: what the worker compares once the task's producer has begun."""
    transactional_id: str | None = None
    """A source whose records and offsets go into transactions (KIP-618); the rest is about them."""
    transaction_boundary: str = "poll"
    transaction_interval_ms: int = 0
    offsets_topic: str = ""
    copies_offsets: bool = False
    """That topic is the connector's own: the worker's gets a copy."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
