"""Several log directories, one of which fails: only what lies there is out of service."""

from __future__ import annotations

import errno
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import all_records, append, batch
from tests.unit.log.test_manager import Hands

from ottla.log.append_result import AppendOrigin
from ottla.log.config import LogConfig
from ottla.log.file_names import TopicPartition
from ottla.log.manager import LogManager
from ottla.log.replica_mover import ReplicaMover
from ottla.log.upkeep import LogUpkeep, UpkeepIntervals

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.disk import SimulatedFile

A, B = PurePath("/a"), PurePath("/b")
IDS = {A: b"a" * 16, B: b"b" * 16}
CONFIG = LogConfig(flush_ms=500, segment_bytes=500)


class OneBadDirectory(SimulatedDisk):
    """Every access below `bad` fails."""

    bad: PurePath | None = None

    def _check(self, path: PurePath) -> None:
        if self.bad is not None and path.is_relative_to(self.bad):
            raise OSError(errno.EIO, "Input/output error", str(path))

    def open(self, path: PurePath, *, create: bool = False) -> SimulatedFile:
        self._check(path)
        return super().open(path, create=create)

    def list(self, directory: PurePath) -> list[str]:
        self._check(directory)
        return super().list(directory)

    def make_directory(self, directory: PurePath) -> None:
        self._check(directory)
        super().make_directory(directory)

    def rename(self, source: PurePath, target: PurePath) -> None:
        self._check(source)
        super().rename(source, target)

    def sync_directory(self, directory: PurePath) -> None:
        self._check(directory)
        super().sync_directory(directory)


class House:
    def __init__(self, disk: OneBadDirectory | None = None) -> None:
        self.disk = disk or OneBadDirectory(1)
        self.hands = Hands()
        self.manager = LogManager(self.disk, [A, B], self.hands, unique=lambda: bytes(16), directory_ids=IDS)
        self.lost: list[tuple[PurePath, list[TopicPartition]]] = []
        self.manager.on_failure = lambda path, names, _: self.lost.append((path, names))
        self.recovered = self.manager.open_all(lambda _: CONFIG)

    def make(self, *names: str) -> None:
        for name in names:
            log = self.manager.get_or_create(name, 0, name.encode().ljust(16), CONFIG)
            append(log, batch(3))
            log.flush()

    def where(self, name: str) -> PurePath | None:
        directory = self.manager.directory_of(name, 0)
        return None if directory is None else directory.path


def run_blocking(work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
    work()
    done(None)


def test_new_logs_go_where_the_fewest_are_or_where_the_metadata_says() -> None:
    house = House()
    house.make("t", "u", "v", "w")
    assert [house.where(name) for name in "tuvw"] == [A, B, A, B]
    house.manager.get_or_create("x", 0, bytes(16), CONFIG, IDS[B])
    assert house.where("x") == B
    assert house.manager.directory_id_of("x", 0) == IDS[B]


def test_a_failure_takes_one_directory_out_of_service() -> None:
    house = House()
    house.make("t", "u", "v")
    house.disk.bad = B
    house.manager.fail_directory(B, OSError(errno.EIO, "broken"))
    assert house.lost == [(B, [TopicPartition("u", 0)])]
    assert house.manager.get("u", 0) is None
    assert [directory.path for directory in house.manager.online] == [A]
    house.make("w")
    assert house.where("w") == A
    house.manager.checkpoint()
    house.hands.forward(120_000)
    house.manager.remove_deleted()
    house.manager.close()
    assert ".kafka_cleanshutdown" in house.disk.list(A)
    assert len(house.lost) == 1
    house.disk.bad = None
    assert ".kafka_cleanshutdown" not in house.disk.list(B)


def test_what_lies_in_an_offline_directory_does_not_begin_anew_elsewhere() -> None:
    house = House()
    house.make("t", "u")
    house.manager.fail_directory(B, OSError(errno.EIO, "broken"))
    with pytest.raises(OSError, match="offline"):
        house.manager.get_or_create("u", 0, b"u".ljust(16), CONFIG, IDS[B])
    assert house.manager.get("u", 0) is None


def test_the_next_start_without_and_with_the_directory() -> None:
    house = House()
    house.make("t", "u")
    house.manager.close()
    house.disk.bad = B
    without = House(house.disk)
    assert [directory.path for directory in without.manager.online] == [A]
    assert without.where("t") == A
    assert without.manager.get("u", 0) is None
    without.manager.close()
    house.disk.bad = None
    again = House(house.disk)
    log = again.manager.get("u", 0)
    assert log is not None
    assert len(all_records(log)) == 3


def test_no_directory_left_is_an_error() -> None:
    house = House()
    house.make("t")
    house.manager.fail_directory(A, OSError(errno.EIO, "broken"))
    house.manager.fail_directory(B, OSError(errno.EIO, "broken"))
    with pytest.raises(OSError, match="no log directory"):
        house.manager.get_or_create("x", 0, bytes(16), CONFIG)


@pytest.mark.parametrize("way", ["checkpoint", "flush", "retention"])
def test_upkeep_finds_a_failed_disk_and_goes_on_with_the_others(way: str) -> None:
    house = House()
    house.make("t", "u")
    failures: list[OSError] = []
    intervals = UpkeepIntervals(
        log_flush_offset_checkpoint_interval_ms=1000 if way == "checkpoint" else 1e9,
        log_retention_check_interval_ms=1000 if way == "retention" else 1e9,
        flush_check_ms=500 if way == "flush" else 1e9,
    )
    upkeep = LogUpkeep(house.manager, house.hands, house.hands, run_blocking, failures.append, intervals)
    upkeep.start()
    for name in "tu":
        log = house.manager.get(name, 0)
        assert log is not None
        append(log, batch(3))
        log.roll(house.hands.now_ms())
        log.high_watermark = log.log_end_offset
        log.config = LogConfig(retention_ms=1, flush_ms=500)
    house.disk.bad = B
    house.hands.forward(3_000)
    assert [path for path, _ in house.lost] == [B]
    log = house.manager.get("t", 0)
    assert log is not None
    if way == "flush":
        assert log.recovery_point == log.log_end_offset
    if way == "retention":
        assert log.log_start_offset == log.log_end_offset
    append(log, batch(1))


class Mover:
    def __init__(self, house: House) -> None:
        self.house = house
        self.moved: list[TopicPartition] = []
        self.reports: list[str] = []
        self.mover = ReplicaMover(
            house.manager,
            house.hands,
            house.hands,
            run_blocking,
            moved=lambda name, _: self.moved.append(name),
            report=self.reports.append,
        )


def test_a_log_moves_while_it_is_written_to() -> None:
    house = House()
    house.make("t", "u")
    name = TopicPartition("t", 0)
    source = house.manager.get(*name)
    assert source is not None
    for number in range(30):
        append(source, batch(2, producer_id=4, sequence=2 * number, size=100), epoch=number // 10)
    source.high_watermark = source.log_end_offset
    source.delete_records(5)
    house.manager.checkpoint_cleaner_offset(name, 20)
    mover = Mover(house)
    mover.mover.move(name, B)
    assert house.where("t") == A
    assert [entry for entry in house.disk.list(B) if entry.endswith("-future")]
    for number in range(30, 40):
        house.hands.forward(2)
        now = house.manager.get(*name)
        assert now is not None
        append(now, batch(2, producer_id=4, sequence=2 * number, size=100), epoch=number // 10)
        now.high_watermark = now.log_end_offset
    house.hands.forward(1_000)
    assert mover.moved == [name]
    assert house.where("t") == B
    moved = house.manager.get(*name)
    assert moved is not None
    assert moved is not source
    assert (moved.log_start_offset, moved.log_end_offset, moved.high_watermark) == (5, 83, 83)
    assert [record.offset for record in all_records(moved)] == list(range(5, 83))
    assert moved.producers.entries[4].next_sequence == 80
    assert [epoch for epoch, _ in moved.epochs.entries] == [0, 1, 2, 3]
    assert house.manager.cleaner_offset(name) == 20
    house.hands.forward(120_000)
    house.manager.remove_deleted()
    assert not [entry for entry in house.disk.list(A) if entry.startswith("t-")]
    house.manager.close()
    again = House(house.disk)
    assert again.where("t") == B
    log = again.manager.get(*name)
    assert log is not None
    assert log.log_start_offset == 5


def test_an_unfinished_move_is_forgotten_at_the_next_start() -> None:
    house = House()
    house.make("t")
    Mover(house).mover.move(TopicPartition("t", 0), B)
    house.disk.crash(power=False)
    again = House(house.disk)
    assert again.where("t") == A
    assert not [entry for entry in house.disk.list(B) if entry.startswith("t-")]


def test_a_move_ends_with_its_target_or_its_topic() -> None:
    house = House()
    house.make("t", "u", "v")
    mover = Mover(house)
    mover.mover.move(TopicPartition("t", 0), B)
    mover.mover.move(TopicPartition("v", 0), B)
    house.manager.delete("v", 0)
    house.disk.bad = B
    house.hands.forward(1_000)
    assert [path for path, _ in house.lost] == [B]
    assert house.manager.futures == {}
    log = house.manager.get("t", 0)
    assert log is not None
    append(log, batch(1))
    assert mover.moved == []


def test_a_crash_right_after_the_change_leaves_one_log() -> None:
    """The future log has its name, the other has it still: either is whole."""
    house = House()
    house.make("t")
    name = TopicPartition("t", 0)
    house.manager.begin_move(name, B)
    source = house.manager.get(*name)
    assert source is not None
    future = house.manager.futures[name][1]
    region = source.read(0, 1000).region
    assert region is not None
    future.append(
        region.file.read(0, region.size), leader_epoch=-1, now_ms=house.hands.now_ms(), origin=AppendOrigin.REPLICATION
    )
    future.flush()
    future.move(B / "t-0")
    house.disk.crash(power=False)
    again = House(house.disk)
    log = again.manager.get(*name)
    assert log is not None
    assert len(all_records(log)) == 3
    assert again.where("t") == A
    assert [entry for entry in house.disk.list(B) if entry.endswith("-stray")]


@pytest.mark.parametrize("was_deleted", [False, True])
def test_a_directory_that_is_well_again_takes_no_log_from_another(was_deleted: bool) -> None:
    """A log was moved to B while A failed, or deleted and made anew there: what A still has is old."""
    house = House()
    house.make("t")
    name = TopicPartition("t", 0)
    old = house.where("t")
    assert old is not None
    new = B if old == A else A
    house.disk.bad = old
    house.manager.fail_directory(old, OSError("bad"))
    topic_id = b"another".ljust(16) if was_deleted else b"t".ljust(16)
    log = house.manager.get_or_create("t", 0, topic_id, CONFIG)
    append(log, batch(2 if was_deleted else 3))
    if not was_deleted:
        append(log, batch(2))
    log.flush()
    house.disk.bad = None
    house.disk.crash()
    for _ in range(2):
        manager = LogManager(house.disk, [A, B], house.hands, unique=lambda: bytes(16), directory_ids=IDS)
        manager.open_all(lambda _: CONFIG, lambda _, found: found in (None, topic_id))
        kept = manager.get(*name)
        assert kept is not None
        assert (kept.topic_id, kept.log_end_offset) == (topic_id, 2 if was_deleted else 5)
        assert kept.directory == new / "t-0"
        assert [entry for entry in house.disk.list(old) if entry.endswith("-stray")]
        manager.close()


@pytest.mark.parametrize("content", [b"", b"\0" * 43, b"version: 0\ntopic_id: half"])
def test_a_topic_id_that_a_loss_of_power_tore_is_asked_for_again(content: bytes) -> None:
    house = House()
    house.make("t")
    where = house.where("t")
    assert where is not None
    path = where / "t-0" / "partition.metadata"
    file = house.disk.open(path)
    file.truncate(0)
    file.append([content])
    house.disk.crash(power=False)
    again = House(house.disk)
    log = again.manager.get("t", 0)
    assert log is not None
    assert (log.topic_id, log.log_end_offset) == (None, 3)
    again.manager.get_or_create("t", 0, b"t".ljust(16), CONFIG)
    again.manager.close()
    house.disk.crash()
    once_more = House(house.disk).manager.get("t", 0)
    assert once_more is not None
    assert once_more.topic_id == b"t".ljust(16)


def test_a_clean_stop_syncs_what_was_made_and_never_written() -> None:
    for seed in range(20):
        house = House(OneBadDirectory(seed))
        house.manager.get_or_create("t", 0, b"t".ljust(16), CONFIG)
        house.manager.close()
        house.disk.crash()
        log = House(house.disk).manager.get("t", 0)
        assert log is not None
        assert log.topic_id == b"t".ljust(16)


def test_what_is_cut_off_a_log_is_cut_off_its_copy() -> None:
    """A follower that moves its log to another directory, and whose leader has another history."""
    house = House()
    house.make("t")
    name = TopicPartition("t", 0)
    house.manager.begin_move(name, B)
    source, future = house.manager.get(*name), house.manager.futures[name][1]
    assert source is not None
    region = source.read(0, 1000).region
    assert region is not None
    future.append_fetched(region.file.read(0, region.size), now_ms=house.hands.now_ms())
    end = source.log_end_offset
    source.truncate_to(end - 1, house.hands.now_ms())
    house.manager.truncated([source])
    assert future.log_end_offset == source.log_end_offset < end
