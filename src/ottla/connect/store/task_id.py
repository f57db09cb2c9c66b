"""Which task of which connector (`ConnectorTaskId`)."""

from __future__ import annotations

from typing import NamedTuple


class TaskId(NamedTuple):
    connector: str
    task: int

    def __str__(self) -> str:
        return f"{self.connector}-{self.task}"
