"""What keeps a table fast and small: small files put together, old snapshots and what only they need forgotten.

Beside a lake that is running: rows that it adds in between stay; where it rewrote one of the small files itself, they
stay as they are until the next time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.iceberg.offsets import all_offsets
from ottla.connect.connectors.iceberg.replacement import delete_files, exchange, in_portions, read, write_files
from ottla.connect.connectors.iceberg.table import CONFLICTS_MAX, without_retries
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

_log = logging.getLogger("ottla.connect.lake")
SMALL_BYTES: Final = 16 * 1024 * 1024
KEPT_SNAPSHOTS: Final = 10
MIN_AGE_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Maintained:
    files_before: int
    files_after: int
    snapshots_expired: int
    files_deleted: int


def maintain(
    table: Any, now_ms: int, *, small_bytes: int = SMALL_BYTES, kept: int = KEPT_SNAPSHOTS, min_age_ms: int = MIN_AGE_MS
) -> Maintained:
    """Files of less than `small_bytes` become one; of snapshots older than that age the last `kept` stay."""
    before, after = _compact(table, small_bytes)
    expired, deleted = _expire(table, now_ms - min_age_ms, kept)
    return Maintained(before, after, expired, deleted)


def _compact(table: Any, small_bytes: int) -> tuple[int, int]:
    """How many files there were, and are."""
    table.refresh()
    tasks = list(table.scan().plan_files())
    groups = _small(tasks, small_bytes, table.spec().spec_id)
    if not groups:
        return len(tasks), len(tasks)
    portions = (rows for group in groups for rows in in_portions(read(table, task) for task in group))
    files = write_files(table, portions)
    if not _exchange(table, [task.file for group in groups for task in group], files):
        delete_files(table, files)
        _log.info("%s has other files by now: its small files stay", table.name())
    return len(tasks), len(list(table.scan().plan_files()))


def _exchange(table: Any, gone: Sequence[Any], files: Sequence[Any]) -> bool:
    """Whatever is added meanwhile, as long as what was read is still there."""

    def step() -> bool:
        table.refresh()
        without_retries(table)
        there = {task.file.file_path for task in table.scan().plan_files()}
        if not there.issuperset(file.file_path for file in gone):
            return False
        exchange(table, gone, files, all_offsets(table))
        return True

    return _beside_others(table, step) or False


def _beside_others(table: Any, step: Callable[[], T]) -> T | None:
    """What it gives; again when somebody else's commit came first. None where that happens again and again."""
    errors = load("pyiceberg.exceptions", "[iceberg]")
    for left in range(CONFLICTS_MAX, -1, -1):
        try:
            return step()
        except errors.CommitFailedException as error:
            _log.info("somebody else committed to %s, %d more tries: %s", table.name(), left, error)
    return None


def _small(tasks: Iterable[Any], small_bytes: int, spec_id: int) -> list[list[Any]]:
    """Several of one partition, by the way the table is partitioned now."""
    groups: dict[Any, list[Any]] = {}
    for task in tasks:
        file = task.file
        if file.spec_id == spec_id and file.file_size_in_bytes < small_bytes:
            groups.setdefault(file.partition, []).append(task)
    return [group for group in groups.values() if len(group) > 1]


def _expire(table: Any, before_ms: int, kept: int) -> tuple[int, int]:
    """How many snapshots are forgotten, and how many files deleted; none where others commit again and again."""
    return _beside_others(table, lambda: _expire_once(table, before_ms, kept)) or (0, 0)


def _expire_once(table: Any, before_ms: int, kept: int) -> tuple[int, int]:
    table.refresh()
    named = {each.snapshot_id for each in table.refs().values()}
    by_age = sorted(table.metadata.snapshots, key=lambda each: int(each.timestamp_ms))
    candidates = by_age[: max(len(by_age) - kept, 0)]
    expired = [each for each in candidates if each.timestamp_ms < before_ms and each.snapshot_id not in named]
    if not expired:
        return 0, 0
    ids = {each.snapshot_id for each in expired}
    table.maintenance.expire_snapshots().by_ids(sorted(ids)).commit()
    # What a commit of meanwhile refers to is what the current snapshot does, which stays.
    needed = _files(table.io, [each for each in by_age if each.snapshot_id not in ids])
    unneeded = _files(table.io, expired) - needed
    for path in sorted(unneeded):
        try:
            table.io.delete(path)
        except FileNotFoundError:
            continue
    return len(ids), len(unneeded)


def _files(io: Any, snapshots: Iterable[Any]) -> set[str]:
    """All that they refer to: lists of manifests, manifests, files of data and of deletions."""
    found: set[str] = set()
    for snapshot in snapshots:
        found.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(io):
            if manifest.manifest_path not in found:
                found.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(io, discard_deleted=True)
                found.update(each.data_file.file_path for each in entries)
    return found
