"""Translates offsets of the source into offsets of the target, by the offset syncs that were read.

For each partition up to 64 syncs are kept, the latest whole and the older ones ever further apart, about a power of two
each: near the end of the log, where groups are, translation is exact, and far behind it is coarse. A translation never
skips a record: between two syncs nobody knows what was left out (transaction markers, aborted and compacted records),
so an offset behind a sync becomes the one after it, and records are read again rather than missed.

With i < j and both syncs different, `kept[i]` is at most 2^j - 2^i ahead of `kept[j]` (recent enough for its place) and
at least 2^(i-2) (not too near). `kept[0]` is always the latest.
"""

from ottla.clients.consumer import TopicPartition
from ottla.mirror.offset_sync import OffsetSync

SYNCS_PER_PARTITION = 64


class OffsetSyncStore:
    """`start(must_read_to_end)` before the topic is read, `reached_end()` when all that was there is in.

    A store whose flow has no checkpoints to be held against must forget, while it reads, what it may have used before
    it was restarted: translations must not go back. Then only the last sync of each partition counts.
    """

    def __init__(self) -> None:
        self._kept: dict[TopicPartition, list[OffsetSync]] = {}
        self._must_read_to_end = True
        self._read_to_end = False

    def start(self, *, must_read_to_end: bool) -> None:
        self._must_read_to_end = must_read_to_end

    def reached_end(self) -> None:
        self._read_to_end = True

    def add(self, sync: OffsetSync) -> None:
        kept = self._kept.get(sync.where)
        only_the_last = self._must_read_to_end and not self._read_to_end
        if kept is None or only_the_last or sync.upstream_offset < kept[0].upstream_offset:
            # The first one, or the source went back: nothing before it counts.
            self._kept[sync.where] = [sync] * SYNCS_PER_PARTITION
        else:
            self._kept[sync.where] = _with_latest(kept, sync)

    def translate(self, where: TopicPartition, upstream_offset: int) -> int | None:
        """The offset in the target; `None` without a sync, or when all are ahead of the offset."""
        kept = self._kept.get(where)
        if kept is None or not self._read_to_end:
            return None
        for sync in kept:
            if sync.upstream_offset <= upstream_offset:
                return sync.downstream_offset + (sync.upstream_offset != upstream_offset)
        return None

    def kept(self, where: TopicPartition) -> list[OffsetSync]:
        """Every different sync of a partition, the latest first."""
        return list(dict.fromkeys(self._kept.get(where, ())))


def _with_latest(before: list[OffsetSync], latest: OffsetSync) -> list[OffsetSync]:
    kept = before.copy()
    kept[0] = replacement = latest
    candidate = 0  # of `before`, the next that may take a place
    for place in range(1, SYNCS_PER_PARTITION):
        newer = kept[place - 1]
        while True:
            old = before[candidate]
            far_from_newer = _is_apart(newer, old, place - 1)
            next_place = place + 1
            far_from_older = next_place >= SYNCS_PER_PARTITION or _is_apart(old, kept[next_place], place)
            promoted = _is_recent(newer, old, place - 1, place) and far_from_newer and far_from_older
            if promoted:
                replacement = old
            following = candidate + 1
            repeated = following < SYNCS_PER_PARTITION and old is before[following]
            skipped = repeated or not far_from_newer
            if promoted or skipped:
                candidate += 1
            if candidate >= place or not skipped:
                break
        if _is_recent(newer, kept[place], place - 1, place):
            break  # and so are all that are older
        kept[place] = replacement
    return kept


def _is_recent(newer: OffsetSync, older: OffsetSync, i: int, j: int) -> bool:
    return newer is older or newer.upstream_offset <= older.upstream_offset + (1 << j) - (1 << i)


def _is_apart(newer: OffsetSync, older: OffsetSync, i: int) -> bool:
    return newer is older or newer.upstream_offset >= older.upstream_offset + (1 << max(i - 2, 0))
