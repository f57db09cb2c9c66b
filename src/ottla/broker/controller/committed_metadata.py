"""The metadata that is committed: replayed from the quorum's log up to the high watermark, told to all who follow it.

A leader has replayed its own batches already, to decide by them: what it appends is kept here with its image, and shown
when it is committed. Everything else is read from the log. Kafka's `MetadataLoader`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ottla.broker.controller.loading import NO_OP
from ottla.broker.controller.metadata_log import MetadataLog
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import decode_record
from ottla.metadata.snapshot_records import snapshot_records
from ottla.protocol.metadata_record.begin_transaction_record import BeginTransactionRecord
from ottla.raft.batches import RaftLogError, ReadBatch, read_batches

REPLAY_BYTES = 256 * 1024
"""How much is replayed in one go: a loop that is held for longer cannot keep up with the quorum."""

Subscriber: TypeAlias = Callable[[MetadataDelta, MetadataImage], None]


@dataclass(slots=True)
class Appended:
    """One batch of this node as leader, not committed yet. Control batches have no image."""

    base_offset: int
    last_offset: int
    size: int
    timestamp_ms: int
    delta: MetadataDelta | None = None
    image: MetadataImage | None = None


class CommittedMetadata:
    def __init__(self, log: MetadataLog, loader: MetadataLoader, next_offset: int) -> None:
        self.image = loader.image
        """As last published."""
        self.next_offset = next_offset
        """Everything below it is replayed."""
        self.counted: Callable[[int, int], None] = lambda size, timestamp_ms: None
        """Told (size, timestamp) of every batch that is replayed."""
        self._log = log
        self._loader = loader
        self._is_loader_behind = False
        self._appended: deque[Appended] = deque()
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Called at once with (a delta that makes the image out of nothing, the image), then at every commit."""
        self._subscribers.append(subscriber)
        if self.image is not EMPTY_IMAGE:
            delta = MetadataDelta(EMPTY_IMAGE)
            for versioned in snapshot_records(self.image):
                delta.replay(versioned.record)
            subscriber(delta, self.image)

    # ── what a leader appends ──────────────────────────────────────────────────────────────────────────────────────

    def appended(self, batch: Appended) -> None:
        self._appended.append(batch)

    def replayed(self, delta: MetadataDelta | None, image: MetadataImage) -> None:
        """What the batch that was appended last leads to."""
        last = self._appended[-1]
        last.delta, last.image = delta, image

    def forget_appended(self) -> None:
        """This node leads no more: what becomes of its batches, the log will show."""
        self._appended.clear()

    def loader(self) -> MetadataLoader:
        """That of the committed metadata: a leader goes on from a copy."""
        if self._is_loader_behind:
            self._loader = MetadataLoader(self.image)
            self._is_loader_behind = False
        return self._loader

    # ── what is committed ──────────────────────────────────────────────────────────────────────────────────────────

    def advance(self, high_watermark: int) -> bool:
        """Replay and publish what is committed. False: a good piece of it; there is more to do."""
        appended = self._appended
        while self.next_offset < high_watermark:
            if appended and appended[0].base_offset <= self.next_offset:
                if appended[0].last_offset >= high_watermark:
                    break
                self._take(appended.popleft())
            else:
                end = min(high_watermark, appended[0].base_offset) if appended else high_watermark
                self._replay(end)
                if self.next_offset < end:
                    return False
        return True

    def _take(self, batch: Appended) -> None:
        self.next_offset = batch.last_offset + 1
        self.counted(batch.size, batch.timestamp_ms)
        if batch.image is not None:
            self.image = batch.image
            self._is_loader_behind = True
            if batch.delta is not None:
                self._publish(batch.delta, batch.image)

    def _replay(self, end_offset: int) -> None:
        """What fits into one go. `RaftLogError` if the log does not hold what is committed; `MetadataError`."""
        loader = self.loader()
        last: ReadBatch | None = None
        for batch in read_batches(self._log.read(self.next_offset, REPLAY_BYTES)):
            if batch.last_offset >= end_offset:
                break
            if batch.base_offset < self.next_offset:
                continue
            records = [decode_record(value) for value in batch.values if value != NO_OP]
            if last is not None and records and isinstance(records[0], BeginTransactionRecord):
                self._publish_loaded(last)  # so that nothing but the transaction is held back
            loader.take(records, batch.last_offset)
            self.next_offset = batch.last_offset + 1
            self.counted(batch.size, batch.timestamp_ms)
            last = batch
        if last is None:
            raise RaftLogError(
                f"the metadata log has no batch at offset {self.next_offset}, though {end_offset} is committed"
            )
        self._publish_loaded(last)

    def _publish_loaded(self, last: ReadBatch) -> None:
        delta = self._loader.publish(epoch=last.epoch, timestamp_ms=last.timestamp_ms)
        if delta is not None:
            self.image = self._loader.image
            self._publish(delta, self._loader.image)

    def install(self, image: MetadataImage, end_offset: int) -> None:
        """A snapshot took the place of everything before `end_offset`."""
        from ottla.metadata.difference import difference

        delta = difference(self.image, image)
        self._appended.clear()
        self._loader = MetadataLoader(image)
        self._is_loader_behind = False
        self.image = image
        self.next_offset = end_offset
        self._publish(delta, image)

    def _publish(self, delta: MetadataDelta, image: MetadataImage) -> None:
        for subscriber in self._subscribers:
            subscriber(delta, image)
