"""Follows the metadata log: batches in, images out. Holds back the records of an open metadata transaction.

A transaction (KIP-868: BeginTransaction … EndTransaction or AbortTransaction) may span batches; its records show in an
image only once it has ended. Kafka's `MetadataBatchLoader`.
"""

from collections.abc import Sequence

from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.metadata.record_serde import MetadataError
from ottla.protocol.message import MetadataRecord
from ottla.protocol.metadata_record.abort_transaction_record import AbortTransactionRecord
from ottla.protocol.metadata_record.begin_transaction_record import BeginTransactionRecord
from ottla.protocol.metadata_record.end_transaction_record import EndTransactionRecord


class MetadataLoader:
    def __init__(self, image: MetadataImage = EMPTY_IMAGE) -> None:
        self.image = image
        """After the last batch that left no transaction open."""
        self.offset = image.offset
        """Of the last record replayed, in a transaction or not."""
        self._delta = MetadataDelta(image)
        self._open_transaction: list[MetadataRecord] | None = None

    def copy(self) -> "MetadataLoader":
        """Another that goes on from here; of one that has published all it took."""
        made = MetadataLoader(self.image)
        made.offset = self.offset
        if self._open_transaction is not None:
            made._open_transaction = list(self._open_transaction)
        return made

    @property
    def in_transaction(self) -> bool:
        return self._open_transaction is not None

    def take(self, records: Sequence[MetadataRecord], last_offset: int) -> None:
        """Replay one batch without making an image."""
        for record in records:
            self._take(record)
        self.offset = last_offset

    def publish(self, *, epoch: int, timestamp_ms: int) -> MetadataDelta | None:
        """The delta that led to the new `image`, of all batches since the last; `None` while a transaction is open."""
        if self._open_transaction is not None:
            return None
        delta = self._delta
        self.image = delta.apply(offset=self.offset, epoch=epoch, timestamp_ms=timestamp_ms)
        self._delta = MetadataDelta(self.image)
        return delta

    def _take(self, record: MetadataRecord) -> None:
        if isinstance(record, BeginTransactionRecord):
            if self._open_transaction is not None:
                raise MetadataError("a metadata transaction begins inside another")
            self._open_transaction = []
        elif isinstance(record, EndTransactionRecord | AbortTransactionRecord):
            if self._open_transaction is None:
                raise MetadataError("a metadata transaction ends that did not begin")
            if isinstance(record, EndTransactionRecord):
                for held in self._open_transaction:
                    self._delta.replay(held)
            self._open_transaction = None
        elif self._open_transaction is not None:
            self._open_transaction.append(record)
        else:
            self._delta.replay(record)
