"""What one task sends through its thread's producer, and what becomes of records that cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.streams.errors import StreamsError, TaskCorruptedError, TaskMigratedError
from ottla.streams.tasks.exception_handlers import ProducerRecord, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.application.client_supplier import BatchProducer, Send


class TaskCollector:
    """The `RecordCollector` of one task. Failures come by callback and are raised where the task can be ended."""

    def __init__(self, producer: BatchProducer) -> None:
        self._producer = producer
        self.send: Send = producer.sender(self._failed)
        self.unsent: Callable[[ProducerRecord, Exception], Result] | None = None
        """`Failures.unsent` of the task, once it is made."""
        self.failure: StreamsError | None = None

    def partitions_for(self, topic: str) -> int:
        return self._producer.partitions_for(topic)

    def check(self) -> None:
        """Raise what an earlier record failed with."""
        if self.failure is not None:
            raise self.failure

    def _failed(self, error: Exception, topic: str, key: bytes | None, value: bytes | None, /) -> None:
        if self.failure is not None:
            return
        if isinstance(error, TaskMigratedError) or self.unsent is None:
            self.failure = error if isinstance(error, StreamsError) else StreamsError(str(error))
            return
        try:
            result = self.unsent(ProducerRecord(topic, key, value), error)
        except StreamsError as failure:
            self.failure = failure
            return
        if result is Result.RETRY:
            self.failure = TaskCorruptedError(f"{error}; the task is restored and tries again")
        elif result is not Result.RESUME:
            self.failure = StreamsError(f"{error}. To go on without such records, set production.exception.handler")
            self.failure.__cause__ = error
