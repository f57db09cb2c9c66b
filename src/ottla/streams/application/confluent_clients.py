"""The clients of librdkafka (confluent-kafka): records in batches, without group membership of their own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.application.client_properties import (
    global_consumer_properties,
    main_consumer_properties,
    producer_properties,
    restore_consumer_properties,
)
from ottla.streams.application.client_supplier import Polled
from ottla.streams.application.read_guard import open_to_readers
from ottla.streams.errors import StreamsError, TaskCorruptedError, TaskMigratedError
from ottla.streams.record import NO_HEADERS, RawRecord, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ottla.streams.application.client_supplier import BatchConsumer, BatchProducer, Failed, Send
    from ottla.streams.config import StreamsConfig
    from ottla.streams.record import Headers
    from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata

FLUSH_TIMEOUT_S: Final = 60.0
TRANSACTION_TIMEOUT_S: Final = 60.0
METADATA_TIMEOUT_S: Final = 10.0
FULL_WAIT_S: Final = 0.1
_log: Final = logging.getLogger("ottla.streams.clients")


class ClientsUnavailableError(StreamsError):
    """The extra that brings librdkafka is not installed."""


class SendError(StreamsError):
    """A record could not be written. `retriable`: it may be written a moment later."""

    def __init__(self, message: str, *, retriable: bool) -> None:
        super().__init__(message)
        self.retriable = retriable


def _import() -> Any:
    try:
        import confluent_kafka
    except ImportError:
        raise ClientsUnavailableError("an application needs librdkafka: pip install 'ottla[streams]'") from None
    return confluent_kafka


def _made(kafka: Any, kind: Any, properties: dict[str, Any]) -> Any:
    """Raises `StreamsError` where librdkafka does not take the properties."""
    try:
        return kind(properties, logger=_log)
    except kafka.KafkaException as error:
        who = properties.get("client.id")
        raise StreamsError(f"the client {who} cannot be made with this configuration: {error.args[0].str()}") from None


class ConfluentClients:
    """The `ClientSupplier` of a usual application."""

    def main_consumer(self, config: StreamsConfig, client_id: str) -> BatchConsumer:
        return ConfluentConsumer(main_consumer_properties(config, client_id))

    def restore_consumer(self, config: StreamsConfig, client_id: str) -> BatchConsumer:
        return ConfluentConsumer(restore_consumer_properties(config, client_id))

    def global_consumer(self, config: StreamsConfig, client_id: str) -> BatchConsumer:
        return ConfluentConsumer(global_consumer_properties(config, client_id))

    def producer(self, config: StreamsConfig, client_id: str, transactional_id: str | None) -> BatchProducer:
        return ConfluentProducer(producer_properties(config, client_id, transactional_id))


class ConfluentConsumer:
    def __init__(self, properties: dict[str, Any]) -> None:
        kafka = _import()
        self._kafka = kafka
        self._eof = kafka.KafkaError._PARTITION_EOF
        self._reset = (kafka.KafkaError._AUTO_OFFSET_RESET, kafka.KafkaError.OFFSET_OUT_OF_RANGE)
        self._consumer = _made(kafka, kafka.Consumer, properties)

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        if positions:
            self._consumer.incremental_assign(
                [self._kafka.TopicPartition(topic, each, offset) for (topic, each), offset in positions.items()]
            )

    def unassign(self, partitions: Iterable[TopicPartition]) -> None:
        if some := self._partitions(partitions):
            self._consumer.incremental_unassign(some)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.pause(self._partitions(partitions))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._consumer.resume(self._partitions(partitions))

    def poll(self, limit: int, timeout_s: float) -> Polled:
        records: dict[TopicPartition, list[RawRecord]] = {}
        ends: dict[TopicPartition, int] = {}
        lost: list[TopicPartition] = []
        topic, partition = "", -1
        batch: list[RawRecord] = []
        new, make = tuple.__new__, RawRecord
        for message in self._consumer.consume(limit, timeout_s):
            if message.error() is not None:
                self._note(message, ends, lost)
                continue
            # A batch's partition is asked for record by record: messages of one fetch come in a row, mostly.
            if message.partition() != partition or message.topic() != topic:
                topic, partition = message.topic(), message.partition()
                where = TopicPartition(topic, partition)
                batch = records.setdefault(where, [])
                ends.pop(where, None)
            headers = message.headers()
            batch.append(
                new(
                    make,
                    (
                        topic,
                        partition,
                        message.offset(),
                        message.timestamp()[1],
                        message.key(),
                        message.value(),
                        tuple(headers) if headers else NO_HEADERS,
                    ),
                )
            )
        return Polled(records, ends, lost)

    def _note(self, message: Any, ends: dict[TopicPartition, int], lost: list[TopicPartition]) -> None:
        error = message.error()
        code = error.code()
        if code == self._eof:
            ends[TopicPartition(message.topic(), message.partition())] = message.offset()
        elif code in self._reset and message.topic() is not None:
            lost.append(TopicPartition(message.topic(), message.partition()))
        elif error.fatal():
            raise StreamsError(f"the consumer failed: {error.str()}")
        else:
            _log.warning("the consumer: %s", error.str())

    def known_end(self, partition: TopicPartition) -> int | None:
        found = self._consumer.get_watermark_offsets(self._kafka.TopicPartition(*partition), cached=True)
        return None if found is None or found[1] < 0 else int(found[1])

    def group_metadata(self) -> bytes:
        return bytes(self._consumer.consumer_group_metadata())

    def close(self) -> None:
        self._consumer.close()

    def _partitions(self, partitions: Iterable[TopicPartition]) -> list[Any]:
        return [self._kafka.TopicPartition(topic, partition) for topic, partition in partitions]


class ConfluentProducer:
    def __init__(self, properties: dict[str, Any]) -> None:
        self._kafka = _import()
        self._producer = _made(self._kafka, self._kafka.Producer, properties)
        self._counts: dict[str, int] = {}

    def sender(self, failed: Failed) -> Send:
        producer, produce, kafka_exception = self._producer, self._producer.produce, self._kafka.KafkaException

        def on_delivery(error: Any, message: Any) -> None:
            if error is not None:
                failed(_send_error(error, message.topic()), message.topic(), message.key(), message.value())

        def send(
            topic: str,
            key: bytes | None,
            value: bytes | None,
            headers: Headers,
            timestamp_ms: int,
            partition: int | None,
            /,
        ) -> None:
            where = -1 if partition is None else partition
            while True:
                try:
                    if headers:
                        produce(topic, value, key, where, on_delivery, None, timestamp_ms, list(headers))
                    else:
                        produce(topic, value, key, where, on_delivery, None, timestamp_ms)
                    return
                except BufferError:
                    with open_to_readers():
                        producer.poll(FULL_WAIT_S)
                except kafka_exception as error:
                    raise self._failure(error, f"a record to {topic} cannot be sent") from error

        return send

    def poll(self) -> None:
        self._producer.poll(0)

    def partitions_for(self, topic: str) -> int:
        count = self._counts.get(topic)
        if count is None:
            try:
                with open_to_readers():
                    found = self._producer.list_topics(topic, METADATA_TIMEOUT_S).topics[topic]
            except self._kafka.KafkaException as error:
                raise self._failure(error, f"the partitions of {topic} are not known") from error
            if found.error is not None or not found.partitions:
                raise StreamsError(f"there is no topic {topic} to write to; create it")
            count = self._counts[topic] = len(found.partitions)
        return count

    def flush(self) -> None:
        left = self._producer.flush(FLUSH_TIMEOUT_S)
        if left:
            raise StreamsError(f"{left} records could not be written within {FLUSH_TIMEOUT_S:g} s")

    def init_transactions(self) -> None:
        self._call("the transactional producer cannot start", self._producer.init_transactions, TRANSACTION_TIMEOUT_S)

    def begin(self) -> None:
        self._call("no transaction can be begun", self._producer.begin_transaction)

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_metadata: bytes) -> None:
        if offsets:
            positions = [
                self._kafka.TopicPartition(topic, partition, offset, metadata)
                for (topic, partition), (offset, metadata) in offsets.items()
            ]
            text = "the offsets cannot be part of the transaction"
            self._call(text, self._producer.send_offsets_to_transaction, positions, group_metadata)
        self._call("the transaction cannot be committed", self._producer.commit_transaction, TRANSACTION_TIMEOUT_S)

    def abort(self) -> None:
        self._call("the transaction cannot be aborted", self._producer.abort_transaction, TRANSACTION_TIMEOUT_S)

    def close(self) -> None:
        self._producer.purge()
        self._producer.close()

    def _call(self, what: str, function: Callable[..., Any], *arguments: Any) -> None:
        while True:
            try:
                function(*arguments)
                return
            except self._kafka.KafkaException as error:
                failure = error.args[0]
                if not failure.retriable() or failure.txn_requires_abort():
                    raise self._failure(error, what) from error

    def _failure(self, error: Exception, what: str) -> StreamsError:
        failure = error.args[0]
        kinds = self._kafka.KafkaError
        text = f"{what}: {failure.str()}"
        if failure.code() in (
            kinds._FENCED,
            kinds.INVALID_PRODUCER_EPOCH,
            kinds.PRODUCER_FENCED,
            kinds.ILLEGAL_GENERATION,
            kinds.UNKNOWN_MEMBER_ID,
            kinds.FENCED_INSTANCE_ID,
            kinds.STALE_MEMBER_EPOCH,
            kinds.FENCED_MEMBER_EPOCH,
        ):
            return TaskMigratedError(text)
        if failure.txn_requires_abort() or failure.retriable():
            return TaskCorruptedError(text)
        return StreamsError(text)


def _send_error(error: Any, topic: str) -> Exception:
    text = f"a record to {topic} could not be written: {error.str()}"
    if error.name() in ("INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED", "_FENCED", "_PURGE_QUEUE", "_PURGE_INFLIGHT"):
        return TaskMigratedError(text)
    return SendError(text, retriable=bool(error.retriable()) or error.name() == "_MSG_TIMED_OUT")
