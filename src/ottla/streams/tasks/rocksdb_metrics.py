"""What RocksDB says of itself, under Kafka Streams' names (`RocksDBMetrics`, KIP-471 and KIP-607).

Properties are read when a metric is, at every level; statistics, which cost every operation something, are kept where
DEBUG is recorded.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ottla.streams.metrics.registry import MetricsScope

GROUP: Final = "stream-state-metrics"
STATISTICS_AGE_S: Final = 1.0
"""Statistics are printed and read again after so long at the earliest."""

PROPERTIES: Final = {
    "num-immutable-mem-table": "memtables that are not flushed yet",
    "cur-size-active-mem-table": "bytes of active memtables",
    "cur-size-all-mem-tables": "bytes of active memtables and of those that are not flushed yet",
    "size-all-mem-tables": "bytes of all memtables, with those that are pinned",
    "num-entries-active-mem-table": "entries of active memtables",
    "num-entries-imm-mem-tables": "entries of memtables that are not flushed yet",
    "num-deletes-active-mem-table": "deletions in active memtables",
    "num-deletes-imm-mem-tables": "deletions in memtables that are not flushed yet",
    "mem-table-flush-pending": "flushes that wait",
    "num-running-flushes": "flushes that run",
    "compaction-pending": "compactions that wait",
    "num-running-compactions": "compactions that run",
    "estimate-pending-compaction-bytes": "bytes that compactions have still to write",
    "total-sst-files-size": "bytes of all SST files",
    "live-sst-files-size": "bytes of the SST files that are read",
    "num-live-versions": "versions of the tree that are in use",
    "block-cache-capacity": "bytes that the block cache may hold; it is one for all stores of the process",
    "block-cache-usage": "bytes that the block cache holds",
    "block-cache-pinned-usage": "bytes of the block cache that are pinned",
    "estimate-num-keys": "about how many keys there are",
    "estimate-table-readers-mem": "bytes that readers of SST files need beside the block cache",
    "background-errors": "errors in the background",
}
SHARED: Final = ("block-cache-capacity", "block-cache-usage", "block-cache-pinned-usage")
"""Of one cache for all column families, so not to be summed."""


def add_rocksdb_metrics(scope: MetricsScope, tags: Mapping[str, str], directory: Path | None) -> None:
    """`directory` is that of the database; without one every property is 0."""
    for name, description in PROPERTIES.items():
        scope.gauge(GROUP, tags, name, description, _property(directory, name))
    statistics = _Statistics(directory)
    for name, (description, read) in _OF_STATISTICS.items():
        scope.gauge(GROUP, tags, name, description, _statistic(statistics, read))


def _property(directory: Path | None, name: str) -> Callable[[], int]:
    def read() -> int:
        database = _database(directory)
        if database is None:
            return 0
        return int(database.families["default"].property(name) if name in SHARED else database.sum_of(name))

    return read


def _database(directory: Path | None) -> Any:
    if directory is None:
        return None
    from ottla.streams.state.rocksdb import database_at

    return database_at(directory)


class _Statistics:
    """The tickers and histograms of one database, as they were a second ago at most."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._read_s = float("-inf")
        self._began_s = time.monotonic()
        self._values: dict[str, dict[str, float]] = {}

    @property
    def age_s(self) -> float:
        return max(1.0, time.monotonic() - self._began_s)

    def of(self, name: str, kind: str = "COUNT") -> float:
        now_s = time.monotonic()
        if now_s - self._read_s >= STATISTICS_AGE_S:
            self._read_s = now_s
            database = _database(self._directory)
            self._values = {} if database is None else parse_statistics(database.statistics())
        return self._values.get(f"rocksdb.{name}", {}).get(kind, 0.0)


def parse_statistics(text: str) -> dict[str, dict[str, float]]:
    """Lines like `rocksdb.db.get.micros P50 : 1.5 P100 : 8.0 COUNT : 2 SUM : 9`."""
    found = {}
    for line in text.splitlines():
        name, _, values = line.partition(" ")
        found[name] = {kind: float(value) for kind, value in re.findall(r"([A-Z0-9]+) : ([-+.\w]+)", values)}
    return found


def _statistic(statistics: _Statistics, read: Callable[[_Statistics], float]) -> Callable[[], float]:
    return lambda: read(statistics)


def _ratio(part: str, other: str) -> Callable[[_Statistics], float]:
    def read(statistics: _Statistics) -> float:
        hits = statistics.of(part)
        reads = hits + statistics.of(other)
        return hits / reads if reads else 0.0

    return read


def _total(name: str) -> Callable[[_Statistics], float]:
    return lambda statistics: statistics.of(name)


def _rate(name: str) -> Callable[[_Statistics], float]:
    return lambda statistics: statistics.of(name) / statistics.age_s


def _average_ms(name: str) -> Callable[[_Statistics], float]:
    def read(statistics: _Statistics) -> float:
        count = statistics.of(name)
        return statistics.of(name, "SUM") / count / 1000 if count else 0.0

    return read


def _greatest_ms(name: str) -> Callable[[_Statistics], float]:
    return lambda statistics: statistics.of(name, "P100") / 1000


_FLUSH: Final = "db.flush.micros"
_COMPACTION: Final = "compaction.times.micros"
_OF_STATISTICS: Final[dict[str, tuple[str, Callable[[_Statistics], float]]]] = {
    "bytes-written-rate": ("bytes put a second, since the store was opened", _rate("bytes.written")),
    "bytes-written-total": ("bytes put", _total("bytes.written")),
    "bytes-read-rate": ("bytes got a second, since the store was opened", _rate("bytes.read")),
    "bytes-read-total": ("bytes got", _total("bytes.read")),
    "memtable-bytes-flushed-rate": ("bytes flushed a second, since the store was opened", _rate("flush.write.bytes")),
    "memtable-bytes-flushed-total": ("bytes flushed", _total("flush.write.bytes")),
    "memtable-hit-ratio": ("the part of reads that memtables answer", _ratio("memtable.hit", "memtable.miss")),
    "memtable-flush-time-avg": ("milliseconds of a flush, on average", _average_ms(_FLUSH)),
    "memtable-flush-time-max": ("milliseconds of a flush, at most", _greatest_ms(_FLUSH)),
    "block-cache-data-hit-ratio": (
        "the part of data blocks found in the cache",
        _ratio("block.cache.data.hit", "block.cache.data.miss"),
    ),
    "block-cache-index-hit-ratio": (
        "the part of index blocks found in the cache",
        _ratio("block.cache.index.hit", "block.cache.index.miss"),
    ),
    "block-cache-filter-hit-ratio": (
        "the part of filter blocks found in the cache",
        _ratio("block.cache.filter.hit", "block.cache.filter.miss"),
    ),
    "bytes-read-compaction-rate": ("bytes read by compactions a second", _rate("compact.read.bytes")),
    "bytes-written-compaction-rate": ("bytes written by compactions a second", _rate("compact.write.bytes")),
    "compaction-time-avg": ("milliseconds of a compaction, on average", _average_ms(_COMPACTION)),
    "compaction-time-max": ("milliseconds of a compaction, at most", _greatest_ms(_COMPACTION)),
    "write-stall-duration-avg": (
        "milliseconds of stalled writes a second",
        lambda each: each.of("stall.micros") / 1000 / each.age_s,
    ),
    "write-stall-duration-total": (
        "milliseconds that writes were stalled",
        lambda each: each.of("stall.micros") / 1000,
    ),
    "number-open-files": ("files opened", _total("no.file.opens")),
    "number-file-errors-total": ("errors of files", _total("no.file.errors")),
}
