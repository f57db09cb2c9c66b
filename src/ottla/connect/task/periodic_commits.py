"""Offsets of a source, stored by the worker now and then: at least once (`WorkerSourceTask`).

The offset of a record is stored when that and all before it of the same source partition have arrived.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from ottla.connect.store.source_partition import partition_identity
from ottla.connect.task.measures import clock_ms
from ottla.connect.task.submitted_records import SubmittedRecord, SubmittedRecords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import RecordMetadata, SourceTask
    from ottla.connect.runtime.task_spec import TaskSpec
    from ottla.connect.task.channel import Channel
    from ottla.connect.task.measures import TaskMeasures

_log = logging.getLogger("ottla.connect.source")


class PeriodicCommits:
    transaction_context = None
    tolerates_lost_records = True
    """Whether `errors.tolerance=all` counts for what cannot be written."""

    def __init__(
        self, spec: TaskSpec, task: SourceTask, channel: Channel, producer: Any, measures: TaskMeasures
    ) -> None:
        self._task = task
        self._measures = measures
        self._channel = channel
        self._producer = producer
        self._interval_s = spec.offset_flush_interval_ms / 1000
        self._flush_timeout_s = spec.offset_flush_timeout_ms / 1000
        self._due = time.monotonic() + self._interval_s
        self._submitted = SubmittedRecords()
        self._committing = threading.Lock()
        self._pending: dict[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]] = {}
        self.failures = 0

    @property
    def unacknowledged(self) -> int:
        return self._submitted.unacknowledged

    def begin(self) -> None:
        return

    def before(self, _topic: str) -> None:
        return

    def submit(self, record: SourceRecord) -> SubmittedRecord:
        return self._submitted.submit(record.source_partition, record.source_offset)

    def sent(self, _record: SourceRecord) -> None:
        return

    def dropped(self, record: SourceRecord) -> None:
        """Left out on purpose: its offset counts as written."""
        self.submit(record).acknowledged = True

    def settled(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        """It was written, or (`None`) left out, and the task wants to hear of it."""
        try:
            self._task.commit_record(record, metadata)
        except Exception:
            _log.exception("the task did not like to hear that a record is written")

    def batch_ended(self) -> None:
        return

    def pausing(self) -> None:
        return

    def tick(self) -> None:
        """Now and then, from another thread than the task's."""
        self._producer.poll(0)
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._interval_s
        try:
            self._commit()
        except Exception as error:
            self.failures += 1
            _log.error("offsets cannot be stored, they are tried again: %s", error)

    def flush(self) -> None:
        """All that was sent arrives, or as much as does in time."""
        self._producer.flush(self._flush_timeout_s)

    def finish(self) -> None:
        """The task is to end: what arrived is noted."""
        self._commit()

    def failed(self) -> None:
        return

    def _commit(self) -> None:
        began_ms = clock_ms()
        try:
            self._store()
        except BaseException:
            self._measures.committed(clock_ms() - began_ms, stored=False)
            raise
        self._measures.committed(clock_ms() - began_ms, stored=True)

    def _store(self) -> None:
        with self._committing:
            offsets = self._submitted.take_committable()
            self._pending |= {partition_identity(each): (each, offset) for each, offset in offsets}
            if self._pending:
                # What could not be stored stays, and goes with the next.
                self._channel.ask("store_offsets", offsets=[list(each) for each in self._pending.values()])
                self._pending = {}
            self._task.commit()
