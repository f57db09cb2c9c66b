"""The clients of a task: librdkafka's, with what Kafka Connect's have by default and what the connector overrides."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.clients.librdkafka_properties import translate
from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from ottla.connect.runtime.task_spec import TaskSpec

_log = logging.getLogger("ottla.connect.clients")
QUEUED_RECORDS_MAX: Final = 100_000
QUEUED_KIB_MAX: Final = 64 * 1024
FETCHED_KIB_MAX: Final = 32 * 1024
TRANSACTION_TIMEOUT_MS: Final = 60_000
"""librdkafka's default, and Java's."""
_FOR_EVER_MS: Final = 2_147_483_647


def import_confluent() -> Any:
    try:
        import confluent_kafka
        import confluent_kafka.admin
    except ImportError as error:
        raise ConnectError("tasks need librdkafka: pip install 'ottla[connect]'") from error
    return confluent_kafka


def make_producer(spec: TaskSpec) -> Any:
    """Idempotent, in order, and it never gives up by itself, as Kafka Connect's."""
    wanted: dict[str, Any] = {
        "client.id": f"connector-producer-{spec.connector}-{spec.task}",
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "acks": "all",
        "delivery.timeout.ms": _FOR_EVER_MS,
        "linger.ms": 5,
        "queue.buffering.max.messages": QUEUED_RECORDS_MAX,
        "queue.buffering.max.kbytes": QUEUED_KIB_MAX,
    }
    given = translate(spec.producer)
    if spec.transactional_id is None:
        return _make(import_confluent().Producer, wanted | given)
    # Whatever the connector says: it is what the worker fences by, and what is longer than its transaction is lost.
    insisted = {"transactional.id": spec.transactional_id, "enable.idempotence": True, "acks": "all"}
    del wanted["delivery.timeout.ms"]
    longest_ms = int(given.get("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS))
    for key in ("delivery.timeout.ms", "message.timeout.ms"):
        if key in given:
            given[key] = min(int(given[key]), longest_ms)
    return _make(import_confluent().Producer, wanted | given | insisted)


def make_dead_letter_producer(spec: TaskSpec) -> Any:
    wanted: dict[str, Any] = {
        "client.id": f"connector-dlq-producer-{spec.connector}-{spec.task}",
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "acks": "all",
        "queue.buffering.max.kbytes": QUEUED_KIB_MAX,
    }
    return _make(import_confluent().Producer, wanted | translate(spec.producer))


def consumer_group(spec: TaskSpec) -> str:
    return spec.consumer.get("group.id") or f"connect-{spec.connector}"


def make_consumer(spec: TaskSpec) -> Any:
    wanted: dict[str, Any] = {
        "client.id": f"connector-consumer-{spec.connector}-{spec.task}",
        "group.id": consumer_group(spec),
        "auto.offset.reset": "earliest",
        "queued.max.messages.kbytes": FETCHED_KIB_MAX,
        "fetch.queue.backoff.ms": 10,
    }
    insisted = {"enable.auto.commit": False, "enable.auto.offset.store": False}
    return _make(import_confluent().Consumer, wanted | translate(spec.consumer) | insisted)


def make_admin(spec: TaskSpec) -> Any:
    wanted = {"client.id": f"connector-adminclient-{spec.connector}-{spec.task}"}
    return _make(import_confluent().admin.AdminClient, wanted | translate(spec.admin))


def _make(kind: Any, properties: dict[str, Any]) -> Any:
    try:
        return kind(properties, logger=_log)
    except import_confluent().KafkaException as error:
        raise ConnectError(f"a client cannot be made: {error.args[0].str()}") from error
