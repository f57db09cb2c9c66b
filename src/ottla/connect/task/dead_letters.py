"""Records that a sink cannot take, as they came, into a topic of their own (`DeadLetterQueueReporter`, KIP-298)."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.runtime.connector_config import DLQ_TOPIC
from ottla.connect.runtime.trace import java_class_name, trace_of
from ottla.connect.task.clients import import_confluent, make_admin, make_dead_letter_producer

if TYPE_CHECKING:
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.errors import Failure

_log = logging.getLogger("ottla.connect.errors")
PREFIX: Final = "__connect.errors."
FULL_WAIT_S: Final = 0.05
HEARING_S: Final = 0.5
TIMEOUT_S: Final = 60.0


class DeadLetterQueue:
    """`report` waits only while the producer's queue is full. `close` before it is forgotten."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        config = spec.connector_config
        self._topic = config[DLQ_TOPIC].strip()
        self._with_context = config.get("errors.deadletterqueue.context.headers.enable", "false").lower() == "true"
        self._make_topic(int(config.get("errors.deadletterqueue.topic.replication.factor", "3")))
        self._producer = make_dead_letter_producer(spec)
        self.logged = 0
        self.sent = 0
        self.failed = 0
        # A task may wait for what it reported, and is then nobody who could hear that it has arrived.
        self._closed = threading.Event()
        hearing = (self._producer, self._closed)
        threading.Thread(target=_hear_until, args=hearing, name="dead letters", daemon=True).start()

    def report(self, failure: Failure) -> Future[None]:
        message = failure.original
        headers = list(message.headers() or [])
        if self._with_context:
            headers += self._context(failure)
        done: Future[None] = Future()

        def delivered(error: Any, _message: Any) -> None:
            if error is None:
                self.sent += 1
                done.set_result(None)
            else:
                self.failed += 1
                _log.error("Could not produce message to dead letter queue. topic=%s: %s", self._topic, error.str())
                done.set_exception(ConnectError(f"a dead letter could not be written: {error.str()}"))

        timestamp_type, timestamp = message.timestamp()
        at_ms = timestamp if timestamp_type else 0
        while True:
            try:
                self._producer.produce(
                    self._topic, message.value(), message.key(), -1, delivered, None, max(at_ms, 0), headers
                )
                break
            except BufferError:
                self._producer.poll(FULL_WAIT_S)
            except import_confluent().KafkaException as error:
                self.failed += 1
                raise ConnectError(f"a dead letter cannot be written: {error.args[0].str()}") from error
        return done

    def flush(self, timeout_s: float) -> int:
        """How many could not be written in time."""
        return int(self._producer.flush(timeout_s))

    def close(self) -> None:
        """What is not flushed is given up; soon the producer is gone."""
        self._closed.set()
        del self._producer  # librdkafka's ends with the last who holds it: that is the thread

    def _make_topic(self, replication_factor: int) -> None:
        kafka = import_confluent()
        admin = make_admin(self._spec)
        try:
            if self._topic in admin.list_topics(timeout=TIMEOUT_S).topics:
                return
            new = kafka.admin.NewTopic(self._topic, 1, replication_factor)
            admin.create_topics([new], request_timeout=TIMEOUT_S)[self._topic].result()
        except kafka.KafkaException as error:
            if error.args[0].code() == kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                return
            text = f"Could not initialize dead letter queue with topic={self._topic}: {error.args[0].str()}"
            raise ConnectError(text) from error

    def _context(self, failure: Failure) -> list[tuple[str, bytes | None]]:
        message, error = failure.original, failure.error
        texts = {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "connector.name": self._spec.connector,
            "task.id": self._spec.task,
            "stage": failure.stage.value,
            "class.name": failure.class_name,
            "exception.class.name": java_class_name(error),
            "exception.message": str(error),
            "exception.stacktrace": trace_of(error),
        }
        return [(PREFIX + key, str(text).encode()) for key, text in texts.items()]


def _hear_until(producer: Any, closed: threading.Event) -> None:
    while not closed.is_set():
        producer.poll(HEARING_S)
