"""What a task does when something fails: it asks the handlers, sends their dead letters, and resumes or ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError, TaskCorruptedError, TaskMigratedError
from ottla.streams.record import Record
from ottla.streams.tasks.exception_handlers import (
    DEAD_LETTER_QUEUE_TOPIC,
    DESERIALIZATION_HANDLER,
    PROCESSING_HANDLER,
    PRODUCTION_HANDLER,
    DefaultProductionExceptionHandler,
    ErrorHandlerContext,
    LogAndFailExceptionHandler,
    LogAndFailProcessingExceptionHandler,
    ProducerRecord,
    Response,
    Result,
    SerializationExceptionOrigin,
    make_handler,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers, RawRecord
    from ottla.streams.tasks.exception_handlers import (
        DeserializationExceptionHandler,
        ProcessingExceptionHandler,
        ProductionExceptionHandler,
    )
    from ottla.streams.tasks.record_collector import RecordCollector
    from ottla.streams.tasks.task_state import TaskState


class FailedProcessingError(StreamsError):
    """A node failed, and nobody above it is to be asked again; `__cause__` is what happened."""

    def __init__(self, node: str) -> None:
        super().__init__(f"processor {node} failed")
        self.node = node


class Failures:
    """The handlers of one task."""

    def __init__(self, state: TaskState, collector: RecordCollector) -> None:
        config = state.config
        self._state = state
        self._collector = collector
        self._deserialization: DeserializationExceptionHandler = make_handler(
            config, DESERIALIZATION_HANDLER, LogAndFailExceptionHandler
        )
        self._processing: ProcessingExceptionHandler = make_handler(
            config, PROCESSING_HANDLER, LogAndFailProcessingExceptionHandler
        )
        self._production: ProductionExceptionHandler = make_handler(
            config, PRODUCTION_HANDLER, DefaultProductionExceptionHandler
        )

    @property
    def guards_nodes(self) -> bool:
        """False where a failure of a node can only end the task: then nobody has to stand between the nodes."""
        config = self._state.config
        return type(self._processing) is not LogAndFailProcessingExceptionHandler or (
            config.get(DEAD_LETTER_QUEUE_TOPIC) is not None
        )

    def unreadable(self, source: str, raw: RawRecord, failure: Exception) -> None:
        context = ErrorHandlerContext(
            raw.topic,
            raw.partition,
            raw.offset,
            raw.headers,
            source,
            self._state.task_id,
            raw.timestamp_ms,
            raw.key,
            raw.value,
        )
        response = self._ask(lambda: self._deserialization.handle_error(context, raw, failure), "deserialization")
        if response.result is not Result.RESUME:
            raise StreamsError(
                f"task {self._state.task_id}: cannot deserialize the record at offset {raw.offset} of {raw.topic}-"
                f"{raw.partition}: {failure}. To go on without such records, set deserialization.exception.handler"
            ) from failure
        self._state.skip(source, raw, f"it cannot be deserialized: {failure!r}")

    def untimely(self, source: str, raw: RawRecord, timestamp_ms: int) -> None:
        self._state.skip(source, raw, "the timestamp that was extracted is negative")

    def guard(self, node: str, push: Push) -> Push:
        """`push`, which asks the processing handler when the node fails."""

        def guarded(key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
            try:
                push(key, value, timestamp_ms, headers)
            except (FailedProcessingError, TaskCorruptedError, TaskMigratedError):
                raise
            except Exception as failure:
                self.processing_failed(node, Record(key, value, timestamp_ms, headers), failure)

        return guarded

    def processing_failed(self, node: str, record: Record[Any, Any] | None, failure: Exception) -> None:
        """`record` is None when a punctuator failed. Raises `FailedProcessingError` unless the handler resumes."""
        context = self._context(node)
        try:
            response = self._ask(lambda: self._processing.handle_error(context, record, failure), "processing")
        except StreamsError as handler_failure:
            raise FailedProcessingError(node) from handler_failure
        if response.result is not Result.RESUME:
            raise FailedProcessingError(node) from failure
        self._state.drop(node, f"its processing failed: {failure!r}")

    def unserializable(
        self, node: str, record: ProducerRecord, failure: Exception, origin: SerializationExceptionOrigin
    ) -> None:
        context = self._context(node)
        handle = self._production.handle_serialization_error
        response = self._ask(lambda: handle(context, record, failure, origin), "production")
        if response.result is not Result.RESUME:
            raise StreamsError(
                f"task {self._state.task_id}, {node}: cannot serialize the {origin.value.lower()} of a record to "
                f"{record.topic}: {failure}"
            ) from failure
        self._state.drop(node, f"it cannot be serialized: {failure!r}")

    def unsent(self, record: ProducerRecord, failure: Exception) -> Result:
        """For the application, whose producer could not write a record; dead letters are sent.

        RETRY ends the task, too, but its state is to be restored rather than the application stopped.
        """
        context = self._context(None)
        return self._ask(lambda: self._production.handle_error(context, record, failure), "production").result

    def _ask(self, handler: Callable[[], Response], kind: str) -> Response:
        try:
            response = handler()
        except Exception as failure:
            raise StreamsError(f"task {self._state.task_id}: the {kind} exception handler failed itself") from failure
        if not isinstance(response, Response):
            raise StreamsError(f"the {kind} exception handler answered {response!r}, which is not a Response")
        for letter in response.dead_letter_queue_records:
            self._collector.send(
                letter.topic, letter.key, letter.value, letter.headers, letter.timestamp_ms, letter.partition
            )
        return response

    def _context(self, node: str | None) -> ErrorHandlerContext:
        record = self._state.record
        raw = record.raw
        task_id = self._state.task_id
        if raw is None:
            return ErrorHandlerContext(None, -1, -1, record.headers, node, task_id, record.timestamp_ms, None, None)
        return ErrorHandlerContext(
            raw.topic,
            raw.partition,
            raw.offset,
            record.headers,
            node,
            task_id,
            record.timestamp_ms,
            raw.key,
            raw.value,
        )
