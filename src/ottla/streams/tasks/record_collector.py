"""The port by which a task writes: a producer behind it, or a list in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ottla.streams.record import Headers


class RecordCollector(Protocol):
    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        partition: int | None,
        /,
    ) -> None:
        """Hand a record to the producer, without waiting. Without `partition` the producer hashes the key.

        Raises what an earlier record of the task failed with, when the production exception handler said FAIL.
        """

    def partitions_for(self, topic: str) -> int:
        """How many partitions the topic has; StreamsError when it does not exist."""
