"""What the cleaner knows of transactions while it walks over a log (`CleanedTransactionMetadata`, KIP-98).

Records of an aborted transaction go. A marker stays until a walk meets none of its transaction's batches: nobody needs
it to tell the outcome any more. The walk meets batches in the order of their offsets.
"""

import heapq
from collections.abc import Iterable

from ottla.log.producer_recovery import marker_of
from ottla.log.transaction_index import AbortedTransactionEntry, TransactionIndex
from ottla.protocol.record_batch import BatchHeader
from ottla.runtime.files import Buffer


class CleanedTransactions:
    """`index`: that of the segment that is being written, for the aborted transactions of which something is left."""

    __slots__ = ("_aborted", "_committed", "_upcoming", "index")

    def __init__(self) -> None:
        self._upcoming: list[tuple[int, AbortedTransactionEntry]] = []
        self._aborted: dict[int, tuple[AbortedTransactionEntry, bool]] = {}
        self._committed: set[int] = set()
        self.index: TransactionIndex | None = None

    def expect(self, aborted: Iterable[AbortedTransactionEntry]) -> None:
        """Aborted transactions of what comes next; one may be told again."""
        for entry in aborted:
            heapq.heappush(self._upcoming, (entry.first_offset, entry))

    def may_discard(self, header: BatchHeader, batch: Buffer) -> bool:
        """Of data: its transaction was aborted. Of a marker: no batch of its transaction was met."""
        self._begin_up_to(header.last_offset)
        if header.is_control:
            return self._meet_marker(header, batch)
        if not header.is_transactional:
            return False
        entry = self._aborted.get(header.producer_id)
        if entry is None:
            self._committed.add(header.producer_id)
            return False
        self._aborted[header.producer_id] = (entry[0], True)
        return True

    def _begin_up_to(self, offset: int) -> None:
        while self._upcoming and self._upcoming[0][0] <= offset:
            _, entry = heapq.heappop(self._upcoming)
            self._aborted.setdefault(entry.producer_id, (entry, False))

    def _meet_marker(self, header: BatchHeader, batch: Buffer) -> bool:
        if header.records_count == 0:
            return True  # cleaned already, and kept for its producer's sake only
        marker = marker_of(header, batch)
        if marker is None:
            return False
        aborted, _ = marker
        if not aborted:
            if header.producer_id not in self._committed:
                return True
            self._committed.discard(header.producer_id)
            return False
        entry = self._aborted.pop(header.producer_id, None)
        if entry is None or not entry[1]:
            return True
        if self.index is not None:
            self.index.append(entry[0])
        return False
