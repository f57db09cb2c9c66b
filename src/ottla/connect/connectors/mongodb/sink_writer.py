"""Writes records: documents of them, in batches of one collection, by bulk writes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.connectors.mongodb.change_handlers import change_handler, without_null_fields
from ottla.connect.connectors.mongodb.class_names import short_name
from ottla.connect.connectors.mongodb.documents import SinkDocument
from ottla.connect.connectors.mongodb.driver import BSONError, BulkWriteError, InvalidName, PyMongoError
from ottla.connect.connectors.mongodb.ids import id_strategy
from ottla.connect.connectors.mongodb.json_text import CODEC
from ottla.connect.connectors.mongodb.namespaces import NamespaceMapper
from ottla.connect.connectors.mongodb.post_processors import post_processors
from ottla.connect.connectors.mongodb.server import connect, is_away
from ottla.connect.connectors.mongodb.sink_config import (
    CONFIG,
    DELETE_ON_NULL,
    DELETE_STRATEGY,
    HANDLER,
    HANDLER_NULLS,
    ID_STRATEGY,
    MAX_BATCH_SIZE,
    MAX_RETRIES,
    ORDERED,
    OWN_TOLERANCE,
    RATE_EVERY_N,
    RATE_TIMEOUT_MS,
    RETRY_BACKOFF_MS,
    TOLERANCE,
    WRITE_STRATEGY,
    problems,
    topic_settings,
)
from ottla.connect.connectors.mongodb.write_strategies import WriteStrategies
from ottla.connect.connectors.mongodb.writes import Insert, Write
from ottla.connect.connectors.record_place import place_of, where
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.api.task import SinkTaskContext
    from ottla.connect.connectors.mongodb.namespaces import Namespace
    from ottla.connect.connectors.record_place import Place

_log = logging.getLogger("ottla.connect.mongodb")
UNWRITABLE: Final = (BSONError, InvalidName, OverflowError, RecursionError, TypeError, ValueError)
"""What the driver raises for a document, or the name of its place, before it is sent."""
_DUPLICATE_KEY: Final = 11000
_OF_ID: Final = "_id_"
"""What the index of `_id` is called."""


class _Topic:
    """What is configured for one topic, at work."""

    def __init__(self, props: Mapping[str, str], topic: str) -> None:
        config = topic_settings(props, topic)
        self.mapper = NamespaceMapper(config, topic)
        self.batch_size: int = config[MAX_BATCH_SIZE]
        self.ordered: bool = config[ORDERED]
        self.rate: tuple[int, int] = config[RATE_EVERY_N], config[RATE_TIMEOUT_MS]
        self.batches = 0
        name = short_name(config[ID_STRATEGY])
        generate_id = id_strategy(config, name)
        self._process = post_processors(config, generate_id)
        delete = short_name(config[DELETE_STRATEGY]) if config[DELETE_ON_NULL] else None
        self._strategies = WriteStrategies(short_name(config[WRITE_STRATEGY]), delete, name, generate_id)
        self._handler = change_handler(config[HANDLER]) if config[HANDLER].strip() else None
        self._drops_nulls: bool = config[HANDLER_NULLS]

    def write(self, document: SinkDocument) -> Write | None:
        """`None`: there is nothing to write."""
        if self._handler is None:
            for process in self._process:
                process(document)
            return self._strategies.write(document)
        write = self._handler(document)
        return without_null_fields(write) if write is not None and self._drops_nulls else write


@dataclass(frozen=True, slots=True)
class _Planned:
    record: SinkRecord
    topic: _Topic
    namespace: Namespace
    write: Write


class SinkWriter:
    """`put` writes, and raises `RetriableError` where the same records are to come again."""

    def __init__(self, props: Mapping[str, str], context: SinkTaskContext) -> None:
        self._props = props
        self._context = context
        config = parse(CONFIG, props, problems)
        tolerance: str = config[OWN_TOLERANCE] or props.get(TOLERANCE, "none")
        self._tolerates = tolerance.lower() in ("all", "data")
        self._is_own_tolerance = bool(config[OWN_TOLERANCE])
        self._retries: int = config[MAX_RETRIES]
        self._backoff_ms: int = config[RETRY_BACKOFF_MS]
        self._left = self._retries
        self._topics: dict[str, _Topic] = {}
        self._rejected: set[Place] = set()
        """Of records that are being put; they may come again, and are to be told once."""
        try:
            self._client = connect(config, "sink")
        except PyMongoError as error:
            raise ConnectError(f"MongoDB cannot be reached by this connection.uri: {error}") from error

    def put(self, records: Sequence[SinkRecord]) -> None:
        planned = [made for record in records if (made := self._planned(record)) is not None]
        for _, same in groupby(planned, lambda each: (each.record.topic, each.namespace)):
            batch = list(same)
            size = batch[0].topic.batch_size or len(batch)
            for at in range(0, len(batch), size):
                self._write(batch[at : at + size])
        self._left = self._retries
        self._rejected.clear()

    def _planned(self, record: SinkRecord) -> _Planned | None:
        topic = self._topics.get(record.topic)
        if topic is None:
            topic = self._topics[record.topic] = _Topic(self._props, record.topic)
        document = SinkDocument(record)
        try:
            namespace = topic.mapper.namespace(document)
            write = topic.write(document)
        except DataError as error:
            self._reject(record, error)
            return None
        return None if write is None else _Planned(record, topic, namespace, write)

    def _write(self, batch: list[_Planned]) -> None:
        """All of it; what a document is refused for does not keep those behind it from being written."""
        topic, (database, collection) = batch[0].topic, batch[0].namespace
        while batch:
            try:
                operations = [each.write.operation() for each in batch]
                target = self._client[database].get_collection(collection, codec_options=CODEC)
                target.bulk_write(operations, ordered=topic.ordered)
                break
            except BulkWriteError as error:
                batch = self._rest(batch, error, ordered=topic.ordered)
            except UNWRITABLE as error:
                self._halve(batch, error)
                break
            except PyMongoError as error:
                self._again(error)
        topic.batches += 1
        every, timeout_ms = topic.rate
        if every and topic.batches % every == 0:
            time.sleep(timeout_ms / 1000)

    def _halve(self, batch: list[_Planned], error: Exception) -> None:
        """One of them cannot be written as BSON, or is no write: it is looked for, and the others are written."""
        if len(batch) == 1:
            self._reject(batch[0].record, DataError(f"{where(batch[0].record)} cannot be written: {error}"))
            return
        half = len(batch) // 2
        self._write(batch[:half])
        self._write(batch[half:])

    def _rest(self, batch: list[_Planned], error: BulkWriteError, *, ordered: bool) -> list[_Planned]:
        """What was not tried because of an error before it."""
        details: Mapping[str, Any] = error.details or {}
        concerns = details.get("writeConcernErrors") or []
        failures = details.get("writeErrors") or []
        for failure in failures:
            planned = batch[failure["index"]]
            if not _was_written(planned.write, failure):
                text = f"{where(planned.record)} is refused by MongoDB: {failure.get('errmsg')} ({failure.get('code')})"
                self._reject(planned.record, ConnectError(text))
        if concerns:
            # It is written, and not yet as safe as it was asked to be: the same once more is the same.
            self._again(PyMongoError(f"a write concern is not satisfied: {concerns[0].get('errmsg')}"), passes=True)
        return batch[failures[-1]["index"] + 1 :] if ordered and failures else []

    def _again(self, error: PyMongoError, *, passes: bool = False) -> NoReturn:
        text = f"MongoDB cannot be written to: {error}"
        if not passes and not is_away(error):
            raise ConnectError(text) from error
        if self._left <= 0:
            raise ConnectError(f"{text}, after {self._retries} more tries") from error
        self._left -= 1
        self._context.timeout(self._backoff_ms)
        raise RetriableError(text) from error

    def _reject(self, record: SinkRecord, error: ConnectError) -> None:
        place = place_of(record)
        if place in self._rejected:
            return
        if not self._is_own_tolerance:
            reject(self._context, record, error)
        elif not self._tolerates:
            raise error
        elif self._context.errant_record_reporter is not None:
            self._context.errant_record_reporter.report(record, error)
        else:
            _log.error("a record is left out: %s", error)
        self._rejected.add(place)

    def close(self) -> None:
        self._client.close()


def _was_written(write: Write, failure: Mapping[str, Any]) -> bool:
    """The document of this very record is there: the worker ended between that and its commit."""
    return (
        isinstance(write, Insert)
        and write.is_of_place
        and failure.get("code") == _DUPLICATE_KEY
        and _OF_ID in str(failure.get("errmsg"))
    )
