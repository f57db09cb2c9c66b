"""What compaction leaves of one batch (`MemoryRecords.filterTo`, `Cleaner.cleanInto`; KIP-98, KIP-534).

    everything stays                   the batch, byte for byte
    some records stay                  a batch with the same offsets, producer, epoch and compression, of those records
    nothing stays, but the batch must  a header without records: the last of its producer (whose sequence it tells), or
                                       the last that was cleaned at all (whose offset it tells)
    nothing stays                      nothing

A tombstone, and a marker of a transaction that has nothing left, stay for `delete.retention.ms` after they were first
cleaned: the batch's base timestamp becomes that time (the delete horizon), its records' timestamps stay what they are.
"""

from collections.abc import Generator, Mapping
from typing import NamedTuple

from ottla.log.batch_reader import THREAD_WORTHY_BYTES, ReadBatch, ScannedRecord, Step, decompressed, scan_records
from ottla.log.cleaned_transactions import CleanedTransactions
from ottla.log.offset_map import OffsetMap
from ottla.protocol.compression import compress
from ottla.protocol.record import encode_batch
from ottla.protocol.record_batch import (
    COMPRESSION_MASK,
    DELETE_HORIZON_FLAG,
    NO_TIMESTAMP,
    BatchHeader,
    TimestampType,
    parse_header,
)
from ottla.protocol.varint import encode_varint
from ottla.runtime.files import Buffer

RECORDS_A_SLICE = 50


class LastOfProducer(NamedTuple):
    """The last that an active producer wrote: a batch that ends at `offset`, or (None) a marker of `epoch`."""

    offset: int | None
    epoch: int


class KeptBatch(NamedTuple):
    header: BatchHeader
    data: Buffer


class BatchFilter:
    """For one cleaning of a log. `now_ms`: when it began; `end`: the offset that it goes up to."""

    __slots__ = ("_delete_retention_ms", "_end", "_last_of_producers", "_map", "_now_ms", "transactions")

    def __init__(
        self,
        offsets: OffsetMap,
        last_of_producers: Mapping[int, LastOfProducer],
        *,
        end: int,
        now_ms: int,
        delete_retention_ms: int,
    ) -> None:
        self._map = offsets
        self._last_of_producers = last_of_producers
        self._end = end
        self._now_ms = now_ms
        self._delete_retention_ms = delete_retention_ms
        self.transactions = CleanedTransactions()

    def keep(self, batch: ReadBatch) -> Generator[Step, None, KeptBatch | None]:
        """What stays of a batch. Raises `InvalidBatchError`."""
        header = batch.header
        may_discard = self.transactions.may_discard(header, batch.data)
        horizon = header.delete_horizon_ms
        empty_transaction = may_discard and header.is_control
        discard = may_discard
        if header.is_control:
            discard = may_discard and horizon is not None and horizon <= self._now_ms
        if discard:
            return self._emptied(header)
        data = yield from decompressed(batch)
        kept: list[ScannedRecord] = []
        tombstones = False
        every = header.is_control
        for number, record in enumerate(scan_records(data, header)):
            if every or self._stays(header, record, horizon):
                kept.append(record)
                tombstones = tombstones or not record.has_value
            if not number % RECORDS_A_SLICE:
                yield 0
        if not kept:
            return self._emptied(header)
        if horizon is None and (tombstones or empty_transaction):
            return (yield from self._rebuilt(header, data, kept, self._now_ms + self._delete_retention_ms))
        if len(kept) == header.records_count:
            return KeptBatch(header, batch.data)
        return (yield from self._rebuilt(header, data, kept, horizon))

    def _stays(self, header: BatchHeader, record: ScannedRecord, horizon: int | None) -> bool:
        offset = header.base_offset + record.offset_delta
        if offset > self._map.latest_offset:
            return True
        if record.key is None or offset < self._map.get(record.key):
            return False
        return record.has_value or horizon is None or self._now_ms < horizon

    def _emptied(self, header: BatchHeader) -> KeptBatch | None:
        if not (header.next_offset == self._end or self._is_last_of_producer(header)):
            return None
        attributes = header.attributes & ~(COMPRESSION_MASK | DELETE_HORIZON_FLAG)
        return _batch(b"", header._replace(attributes=attributes, base_timestamp=NO_TIMESTAMP, records_count=0))

    def _is_last_of_producer(self, header: BatchHeader) -> bool:
        last = self._last_of_producers.get(header.producer_id) if header.has_producer_id else None
        if last is None:
            return False
        if last.offset is None:
            return header.is_control and header.producer_epoch == last.epoch
        return header.last_offset == last.offset

    def _rebuilt(
        self, header: BatchHeader, data: bytes, kept: list[ScannedRecord], horizon: int | None
    ) -> Generator[Step, None, KeptBatch]:
        """A batch of the records that stay, under the same offsets."""
        append_time = header.timestamp_type is TimestampType.LOG_APPEND_TIME
        first_ms = header.max_timestamp if append_time else header.base_timestamp + kept[0].timestamp_delta
        base_ms = first_ms if horizon is None else horizon
        shift_ms = header.base_timestamp - base_ms
        largest_ms = NO_TIMESTAMP
        body = bytearray()
        for number, record in enumerate(kept):
            delta = header.max_timestamp - base_ms if append_time else record.timestamp_delta + shift_ms
            largest_ms = max(largest_ms, base_ms + delta)
            if delta == record.timestamp_delta:
                body += data[record.start : record.stop]
            else:
                encoded = encode_varint(delta)
                body += encode_varint(1 + len(encoded) + record.stop - record.rest)
                body += b"\0"
                body += encoded
                body += data[record.rest : record.stop]
            if not number % RECORDS_A_SLICE:
                yield 0
        records: Buffer = body

        def pack() -> None:
            nonlocal records
            records = compress(header.compression, body)

        if header.is_compressed and len(body) >= THREAD_WORTHY_BYTES:
            yield pack
        else:
            pack()
        return _batch(
            records,
            header._replace(
                attributes=header.attributes & ~DELETE_HORIZON_FLAG | (0 if horizon is None else DELETE_HORIZON_FLAG),
                base_timestamp=base_ms,
                max_timestamp=largest_ms,
                records_count=len(kept),
            ),
        )


def _batch(records: Buffer, header: BatchHeader) -> KeptBatch:
    batch = encode_batch(records, header)
    return KeptBatch(parse_header(batch), batch)
