"""Translation of offsets: exact near the end, coarse far behind, never past a record and never back."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ottla.clients.consumer import TopicPartition
from ottla.mirror.offset_sync import OffsetSync
from ottla.mirror.offset_sync_pace import OffsetSyncPace
from ottla.mirror.offset_sync_store import OffsetSyncStore

ORDERS = TopicPartition("orders", 0)


def store_of(*syncs: tuple[int, int], checkpointed: bool = True) -> OffsetSyncStore:
    store = OffsetSyncStore()
    store.start(must_read_to_end=not checkpointed)
    for upstream, downstream in syncs:
        store.add(OffsetSync(ORDERS, upstream, downstream))
    store.reached_end()
    return store


def test_translation_is_the_sync_or_the_record_behind_it() -> None:
    store = store_of((100, 200))
    assert store.translate(ORDERS, 5) is None
    assert store.translate(ORDERS, 100) == 200
    assert store.translate(ORDERS, 101) == 201
    assert store.translate(ORDERS, 150) == 201
    assert store.translate(TopicPartition("other", 0), 150) is None


def test_nothing_is_translated_before_the_end_was_reached() -> None:
    store = OffsetSyncStore()
    store.start(must_read_to_end=False)
    store.add(OffsetSync(ORDERS, 1, 1))
    assert store.translate(ORDERS, 1) is None
    store.reached_end()
    assert store.translate(ORDERS, 1) == 1


def test_without_checkpoints_only_the_last_of_the_syncs_read_at_first_counts() -> None:
    store = store_of((100, 100), (200, 200), checkpointed=False)
    assert store.translate(ORDERS, 150) is None
    assert store.translate(ORDERS, 200) == 200
    store.add(OffsetSync(ORDERS, 300, 300))
    assert store.translate(ORDERS, 250) == 201
    assert store_of((100, 100), (200, 200)).translate(ORDERS, 150) == 101


def test_a_source_that_went_back_begins_anew() -> None:
    store = store_of((100, 100), (200, 200), (150, 300))
    assert store.translate(ORDERS, 120) is None
    assert store.translate(ORDERS, 150) == 300
    assert store.translate(ORDERS, 250) == 301


@given(st.lists(st.integers(1, 1 << 40), min_size=1, max_size=200))
def test_syncs_are_kept_ever_further_apart_and_translate_without_skipping(gaps: list[int]) -> None:
    upstream = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    store = store_of(*((offset, record) for record, offset in enumerate(upstream)))
    kept = store.kept(ORDERS)
    assert kept[0].upstream_offset == upstream[-1]
    assert len(kept) <= 64
    for newer, older in itertools.pairwise(kept):
        assert newer.upstream_offset > older.upstream_offset
    last = -1
    for record, offset in enumerate(upstream):
        translated = store.translate(ORDERS, offset)
        if translated is None:
            assert last < 0  # what is untranslatable is all at the beginning
            continue
        assert last <= translated <= record
        last = translated


@given(st.lists(st.integers(1, 5000), min_size=2, max_size=300))
def test_the_kept_syncs_of_a_dense_log_are_a_power_of_two_apart(gaps: list[int]) -> None:
    """Invariants B and C: kept[i] at most 2^j - 2^i ahead of kept[j], and at least 2^(i-2)."""
    store = OffsetSyncStore()
    store.start(must_read_to_end=False)
    offset = 0
    for gap in gaps:
        offset += gap
        store.add(OffsetSync(ORDERS, offset, offset))
        places = store._kept[ORDERS]
        for i, newer in enumerate(places):
            for j in range(i + 1, len(places)):
                older = places[j]
                if newer is older:
                    continue
                ahead = newer.upstream_offset - older.upstream_offset
                assert (1 << max(i - 2, 0)) <= ahead <= (1 << j) - (1 << i), (i, j)


def synced(pace: OffsetSyncPace, *runs: tuple[int, int, int]) -> list[tuple[int, int]]:
    return [(sync.upstream_offset, sync.downstream_offset) for run in runs for sync in pace.copied(*run)]


def test_syncs_are_due_at_the_first_record_and_every_so_many() -> None:
    pace = OffsetSyncPace(ORDERS, 100)
    assert synced(pace, (0, 0, 250)) == [(0, 0), (101, 101), (202, 202)]
    assert pace.delayed == OffsetSync(ORDERS, 249, 249)
    assert synced(pace, (250, 250, 1)) == []
    assert pace.delayed == OffsetSync(ORDERS, 250, 250)


def test_syncs_are_due_where_the_source_skips_and_where_the_target_goes_back() -> None:
    pace = OffsetSyncPace(ORDERS, 100)
    assert synced(pace, (0, 0, 10), (12, 10, 1), (13, 11, 1)) == [(0, 0), (12, 10)]
    assert synced(pace, (14, 3, 2)) == [(14, 3)]


@given(
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), min_size=1, max_size=12),
)
def test_a_run_is_as_good_as_its_records_one_by_one(lag_max: int, runs: list[tuple[int, int]]) -> None:
    whole, single = OffsetSyncPace(ORDERS, lag_max), OffsetSyncPace(ORDERS, lag_max)
    upstream = downstream = 0
    for skipped, count in runs:
        upstream += skipped
        alone = [sync for step in range(count) for sync in single.copied(upstream + step, downstream + step, 1)]
        assert list(whole.copied(upstream, downstream, count)) == alone
        assert whole.delayed == single.delayed
        upstream += count
        downstream += count
