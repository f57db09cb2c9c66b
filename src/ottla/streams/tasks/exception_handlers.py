"""What an application says to records that cannot be read, processed or written (KIP-161, KIP-1033, KIP-1034).

A handler is an object with the methods of one of the three protocols, or a class of such objects, under its key of the
configuration. With RESUME the record is dropped and the task goes on, with FAIL the task ends; the dead letters that
come with either are sent before.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.streams.record import Headers, RawRecord, Record

LOG: Final = logging.getLogger("ottla.streams")

DEAD_LETTER_QUEUE_TOPIC: Final = "errors.dead.letter.queue.topic.name"
DESERIALIZATION_HANDLER: Final = ("deserialization.exception.handler", "default.deserialization.exception.handler")
PROCESSING_HANDLER: Final = ("processing.exception.handler",)
PRODUCTION_HANDLER: Final = ("production.exception.handler", "default.production.exception.handler")

HEADER_EXCEPTION: Final = "__streams.errors.exception"
HEADER_MESSAGE: Final = "__streams.errors.message"
HEADER_STACKTRACE: Final = "__streams.errors.stacktrace"
HEADER_TOPIC: Final = "__streams.errors.topic"
HEADER_PARTITION: Final = "__streams.errors.partition"
HEADER_OFFSET: Final = "__streams.errors.offset"


class ErrorHandlerContext(NamedTuple):
    """Where it happened. `topic` is None, and partition and offset are -1, in a punctuator."""

    topic: str | None
    partition: int
    offset: int
    headers: Headers
    processor_node_id: str | None
    task_id: str
    timestamp_ms: int
    source_raw_key: bytes | None
    source_raw_value: bytes | None


class ProducerRecord(NamedTuple):
    """A record on its way out: bytes, or what could not become bytes."""

    topic: str
    key: Any
    value: Any
    headers: Headers = ()
    timestamp_ms: int = -1
    partition: int | None = None


class Result(Enum):
    RESUME = "RESUME"
    FAIL = "FAIL"
    RETRY = "RETRY"  # production alone, and of errors that may pass; the same as FAIL elsewhere


@dataclass(frozen=True, slots=True)
class Response:
    result: Result
    dead_letter_queue_records: Sequence[ProducerRecord] = ()

    @classmethod
    def resume(cls, dead_letter_queue_records: Sequence[ProducerRecord] = ()) -> Response:
        return cls(Result.RESUME, dead_letter_queue_records)

    @classmethod
    def fail(cls, dead_letter_queue_records: Sequence[ProducerRecord] = ()) -> Response:
        return cls(Result.FAIL, dead_letter_queue_records)

    @classmethod
    def retry(cls) -> Response:
        return cls(Result.RETRY)


class SerializationExceptionOrigin(Enum):
    KEY = "KEY"
    VALUE = "VALUE"


class DeserializationExceptionHandler(Protocol):
    def handle_error(self, context: ErrorHandlerContext, record: RawRecord, exception: Exception, /) -> Response: ...


class ProcessingExceptionHandler(Protocol):
    def handle_error(
        self, context: ErrorHandlerContext, record: Record[Any, Any] | None, exception: Exception, /
    ) -> Response:
        """`record` is what the failing node was given; None in a punctuator."""


class ProductionExceptionHandler(Protocol):
    def handle_error(
        self, context: ErrorHandlerContext, record: ProducerRecord, exception: Exception, /
    ) -> Response: ...

    def handle_serialization_error(
        self,
        context: ErrorHandlerContext,
        record: ProducerRecord,
        exception: Exception,
        origin: SerializationExceptionOrigin,
        /,
    ) -> Response: ...


class _DeadLetters:
    """Handlers of the library write dead letters where the configuration names a topic for them."""

    def __init__(self) -> None:
        self.dead_letter_queue_topic: str | None = None

    def configure(self, config: Mapping[str, Any]) -> None:
        topic = config.get(DEAD_LETTER_QUEUE_TOPIC)
        self.dead_letter_queue_topic = None if topic is None else str(topic)

    def dead_letters(self, context: ErrorHandlerContext, exception: Exception) -> list[ProducerRecord]:
        if self.dead_letter_queue_topic is None:
            return []
        return [dead_letter(self.dead_letter_queue_topic, context, exception)]


def _say(what: str, context: ErrorHandlerContext, exception: Exception, level: int) -> None:
    place = f"{context.topic}-{context.partition} at offset {context.offset}"
    LOG.log(level, "task %s, %s: %s of %s", context.task_id, context.processor_node_id, what, place, exc_info=exception)


class LogAndFailExceptionHandler(_DeadLetters):
    """Deserialization: the default."""

    def handle_error(self, context: ErrorHandlerContext, record: RawRecord, exception: Exception, /) -> Response:
        _say("cannot deserialize the record", context, exception, logging.ERROR)
        return Response.fail(self.dead_letters(context, exception))


class LogAndContinueExceptionHandler(_DeadLetters):
    def handle_error(self, context: ErrorHandlerContext, record: RawRecord, exception: Exception, /) -> Response:
        _say("skipping what cannot be deserialized, the record", context, exception, logging.WARNING)
        return Response.resume(self.dead_letters(context, exception))


class LogAndFailProcessingExceptionHandler(_DeadLetters):
    """Processing: the default."""

    def handle_error(
        self, context: ErrorHandlerContext, record: Record[Any, Any] | None, exception: Exception, /
    ) -> Response:
        _say("failed while processing the record", context, exception, logging.ERROR)
        return Response.fail(self.dead_letters(context, exception))


class LogAndContinueProcessingExceptionHandler(_DeadLetters):
    def handle_error(
        self, context: ErrorHandlerContext, record: Record[Any, Any] | None, exception: Exception, /
    ) -> Response:
        _say("skipping what failed while processing, the record", context, exception, logging.WARNING)
        return Response.resume(self.dead_letters(context, exception))


class DefaultProductionExceptionHandler(_DeadLetters):
    """Production: the default. What may pass is tried again; what cannot ends the task."""

    def handle_error(self, context: ErrorHandlerContext, record: ProducerRecord, exception: Exception, /) -> Response:
        if getattr(exception, "retriable", False):
            return Response.retry()
        return Response.fail(self.dead_letters(context, exception))

    def handle_serialization_error(
        self,
        context: ErrorHandlerContext,
        record: ProducerRecord,
        exception: Exception,
        origin: SerializationExceptionOrigin,
        /,
    ) -> Response:
        return Response.fail(self.dead_letters(context, exception))


def dead_letter(topic: str, context: ErrorHandlerContext, exception: Exception) -> ProducerRecord:
    """The record as it was read, with what happened to it in its headers, as KIP-1034 has it."""
    kind = type(exception)
    trace = "".join(traceback.format_exception(exception))
    place = {HEADER_TOPIC: context.topic, HEADER_PARTITION: context.partition, HEADER_OFFSET: context.offset}
    said = (
        (HEADER_EXCEPTION, f"{kind.__module__}.{kind.__qualname__}".encode()),
        (HEADER_MESSAGE, str(exception).encode()),
        (HEADER_STACKTRACE, trace.encode()),
        *((name, None if value is None else str(value).encode()) for name, value in place.items()),
    )
    return ProducerRecord(
        topic, context.source_raw_key, context.source_raw_value, (*context.headers, *said), context.timestamp_ms
    )


def make_handler(config: Mapping[str, Any], keys: Sequence[str], default: type[Any]) -> Any:
    """The handler under the first of `keys` that is set, made if it is a class, and configured."""
    given = next((config[key] for key in keys if config.get(key) is not None), default)
    handler = given() if isinstance(given, type) else given
    configure = getattr(handler, "configure", None)
    if configure is not None:
        configure(config)
    return handler
