"""Reads partitions as `PartitionReader` does, a batch at a time and as columns: for whoever reads very many records."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from ottla.clients.consumer import BatchReader, TopicPartition
from ottla.protocol.record_batch import BatchHeader
from ottla.protocol.record_columns import RecordColumns, read_record_columns


class ConsumedBatch(NamedTuple):
    """Of one batch; its offsets ascend."""

    topic: str
    partition: int
    columns: RecordColumns


class ColumnReader(BatchReader[ConsumedBatch]):
    def _open(
        self, where: TopicPartition, batches: memoryview, offset: int, header: BatchHeader, first: int, end: int | None
    ) -> Iterable[ConsumedBatch]:
        columns = read_record_columns(batches, offset, header)
        offsets, timestamps, keys, values, headers = columns
        if first > header.base_offset or end is not None:
            part = slice(bisect_left(offsets, first), None if end is None else bisect_left(offsets, end))
            columns = RecordColumns(offsets[part], timestamps[part], keys[part], values[part], headers[part])
        return (ConsumedBatch(*where, columns),)
