"""Writes the mirror's own records, under one producer for as long as it works: a new one each time would be state
that the brokers keep for a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ottla.clients.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.clients.client import KafkaClient


class StateRecord(NamedTuple):
    key: bytes
    value: bytes
    partition: int = 0
    timestamp_ms: int | None = None


class StateWriter:
    """One `write` at a time."""

    def __init__(self, client: KafkaClient, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._producer: Producer | None = None

    async def write(self, records: Iterable[StateRecord]) -> None:
        """Returns when all are acknowledged; after an error, some may be."""
        producer, self._producer = self._producer, None
        if producer is None:
            producer = await Producer(self._client).__aenter__()
        try:
            for record in records:
                await producer.send(
                    self._topic,
                    record.key,
                    record.value,
                    partition=record.partition,
                    timestamp_ms=record.timestamp_ms,
                )
            await producer.flush()
        except BaseException as error:
            await producer.__aexit__(type(error))
            raise
        self._producer = producer
