"""One log directory: its logs, and what its checkpoint files say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import PurePath

    from ottla.log.file_names import TopicPartition
    from ottla.log.log import Log


@dataclass(slots=True)
class LogDirectory:
    """One log directory and what its checkpoint files say (as last read or written).

    `directory_id`: of `meta.properties`; empty where nobody told. `failure`: why it is out of service. `changes`: how
    often a log came or went, or a checkpoint was written at once.
    """

    path: PurePath
    directory_id: bytes = b""
    failure: OSError | None = None
    clean: bool = False
    broker_epoch: int = -1
    logs: dict[TopicPartition, Log] = field(default_factory=dict)
    checkpoints: dict[str, dict[TopicPartition, int]] = field(default_factory=dict)
    changes: int = 0
