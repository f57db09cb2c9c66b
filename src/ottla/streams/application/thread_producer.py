"""The producer of one thread: for all of its tasks, in transactions under exactly once (KIP-447)."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ottla.streams.application.record_collector import TaskCollector
from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.application.client_supplier import BatchProducer
    from ottla.streams.record import TopicPartition
    from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata

_log: Final = logging.getLogger("ottla.streams")


class ThreadProducer:
    def __init__(self, make: Callable[[], BatchProducer], *, transactional: bool) -> None:
        self.transactional = transactional
        self._make = make
        self._producer = make()
        self._began_s: float | None = None
        self._is_ready = False

    def collector(self) -> TaskCollector:
        return TaskCollector(self._producer)

    @property
    def transaction_age_s(self) -> float:
        """0 while there is none."""
        return 0.0 if self._began_s is None else time.monotonic() - self._began_s

    def begin(self) -> None:
        """A transaction, if there is none and there must be one, before anything is sent."""
        if not self.transactional or self._began_s is not None:
            return
        if not self._is_ready:
            self._producer.init_transactions()
            self._is_ready = True
        self._producer.begin()
        self._began_s = time.monotonic()

    def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_metadata: bytes) -> None:
        self._producer.commit(offsets, group_metadata)
        self._began_s = None

    def poll(self) -> None:
        self._producer.poll()

    def flush(self) -> None:
        self._producer.flush()

    def start_over(self) -> None:
        """A new producer. What was sent and not committed is aborted, by whoever comes next at the latest."""
        if self._began_s is not None:
            try:
                self._producer.abort()
            except StreamsError as error:
                _log.info("the transaction is left to time out, or to the next producer: %s", error)
        self._began_s = None
        self._is_ready = False
        with suppress(Exception):
            self._producer.close()
        self._producer = self._make()

    def close(self) -> None:
        if self._began_s is not None:
            with suppress(StreamsError):
                self._producer.abort()
        with suppress(Exception):
            self._producer.close()
