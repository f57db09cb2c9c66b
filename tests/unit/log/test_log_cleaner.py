"""Which log is compacted when, and how that goes on beside everything else: rests, throttle, logs that cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, all_records, append
from tests.unit.log.test_manager import Hands

from ottla.log.checkpoint import read_offsets
from ottla.log.cleaner_schedule import CleanerSchedule, LogToClean
from ottla.log.config import CleanerConfig, LogConfig
from ottla.log.file_names import TopicPartition
from ottla.log.log_cleaner import LogCleaner
from ottla.log.manager import LogManager
from ottla.protocol.record import RecordBatchBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.log.log import Log

ROOT = PurePath("/data")
CONFIG = LogConfig(cleanup_policy=("compact",), segment_bytes=500, retention_ms=-1, min_cleanable_dirty_ratio=0.3)
NAME = TopicPartition("t", 0)


class House:
    """A log manager and a cleaner whose time and threads are moved by hand."""

    def __init__(self, config: CleanerConfig | None = None) -> None:
        self.disk = SimulatedDisk(1)
        self.hands = Hands()
        self.manager = LogManager(self.disk, [ROOT], self.hands, unique=lambda: bytes(16))
        self.manager.open_all(lambda _: CONFIG)
        self.failures: list[OSError] = []
        self.reports: list[str] = []
        self.blocked: list[tuple[Callable[[], None], Callable[[BaseException | None], None]]] = []
        self.hold_threads = False
        self.config = config or CleanerConfig()
        self.cleaner = LogCleaner(
            self.manager,
            self.hands,
            self.hands,
            self.run_blocking,
            config=lambda: self.config,
            failed=self.failures.append,
            report=self.reports.append,
        )

    def run_blocking(self, work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        if self.hold_threads:
            self.blocked.append((work, done))
            return
        try:
            work()
        except OSError as error:
            done(error)
        else:
            done(None)

    def log(self, name: str = "t", config: LogConfig = CONFIG) -> Log:
        return self.manager.get_or_create(name, 0, name.encode().ljust(16, b"."), config)

    def examine(self, log: Log, name: TopicPartition = NAME) -> LogToClean:
        return CleanerSchedule(self.manager).examine(name, log, self.hands.now_ms())

    def checkpoints(self) -> dict[TopicPartition, int]:
        return read_offsets(self.disk, ROOT / "cleaner-offset-checkpoint")


def fill(log: Log, rounds: int, keys: int = 3, *, timestamp_ms: int = NOW_MS, size: int = 40) -> None:
    for number in range(rounds):
        builder = RecordBatchBuilder()
        for key in range(keys):
            builder.append(b"%d" % key, b"%d" % number * size, timestamp_ms=timestamp_ms)
        append(log, bytes(builder.build()))
    log.high_watermark = log.log_end_offset


def fill_and_flush(log: Log, rounds: int = 20, *, timestamp_ms: int = NOW_MS) -> None:
    fill(log, rounds, timestamp_ms=timestamp_ms)
    log.roll(NOW_MS)
    log.flush()


def test_a_dirty_log_is_compacted_after_the_backoff_and_the_checkpoint_says_so() -> None:
    house = House()
    log = house.log()
    fill_and_flush(log)
    house.cleaner.start()
    house.hands.forward(14_000)
    assert len(all_records(log)) == 60
    house.hands.forward(2_000)
    assert [(record.offset, record.key) for record in all_records(log)] == [(57, b"0"), (58, b"1"), (59, b"2")]
    assert house.checkpoints() == {NAME: 60}
    assert house.cleaner.cleaned_logs == 1
    assert (house.failures, house.reports) == ([], [])
    assert log.log_end_offset == 60
    assert log.log_start_offset == 0


def test_the_ratio_counts_closed_segments_only() -> None:
    house = House()
    log = house.log()
    fill(log, 2)
    log.flush()
    assert not house.examine(log).due, "the active segment is all there is"
    fill_and_flush(log)
    dirty = house.examine(log)
    assert (dirty.first_dirty, dirty.first_uncleanable, dirty.clean_bytes, dirty.ratio) == (0, 66, 0, 1.0)
    house.manager.checkpoint_cleaner_offset(NAME, 66)
    assert not house.examine(log).due
    fill_and_flush(log, 4)
    few = house.examine(log)
    assert (few.first_dirty, few.first_uncleanable) == (66, 78)
    assert few.ratio == pytest.approx(few.cleanable_bytes / (few.clean_bytes + few.cleanable_bytes))
    assert 0.1 < few.ratio < 0.3
    assert not few.due
    log.config = replace(CONFIG, min_cleanable_dirty_ratio=0.1)
    assert house.examine(log).due


def test_the_dirtiest_log_comes_first_and_deleting_topics_are_left_alone() -> None:
    house = House()
    for name, rounds in (("a", 4), ("b", 30), ("c", 8)):
        fill_and_flush(house.log(name), rounds)
        house.manager.checkpoint_cleaner_offset(TopicPartition(name, 0), 6)
    fill_and_flush(house.log("plain", replace(CONFIG, cleanup_policy=("delete",))))
    steps = CleanerSchedule(house.manager).filthiest(NOW_MS)
    with pytest.raises(StopIteration) as ended:
        while True:
            next(steps)
    assert ended.value.value.partition == TopicPartition("b", 0)


def test_young_records_stay_uncompacted() -> None:
    house = House()
    log = house.log(config=replace(CONFIG, min_compaction_lag_ms=5_000))
    fill_and_flush(log, 6, timestamp_ms=NOW_MS - 10_000)
    fill_and_flush(log, 6, timestamp_ms=NOW_MS - 1_000)
    assert house.examine(log).first_uncleanable == 18
    house.hands.forward(4_001)
    assert house.examine(log).first_uncleanable == 36


def test_old_records_are_due_however_clean_the_log_is() -> None:
    house = House()
    log = house.log(config=replace(CONFIG, max_compaction_lag_ms=60_000))
    fill_and_flush(log, 60)
    house.manager.checkpoint_cleaner_offset(NAME, 180)
    fill_and_flush(log, 1)
    assert not house.examine(log).due
    house.hands.forward(60_001)
    assert house.examine(log).due
    assert log.config.max_segment_ms == 60_000, "an active segment must not outlive it either"


def test_nothing_open_or_unsynced_is_compacted() -> None:
    house = House()
    log = house.log()
    fill_and_flush(log, 6)
    fill(log, 6)
    log.roll(NOW_MS)
    assert house.examine(log).first_uncleanable == 18, "what a crash may still lose"
    log.flush()
    assert house.examine(log).first_uncleanable == 36
    builder = RecordBatchBuilder(producer_id=5, producer_epoch=0, base_sequence=0, transactional=True)
    builder.append(b"0", b"open", timestamp_ms=NOW_MS)
    append(log, bytes(builder.build()))
    fill_and_flush(log, 6)
    assert house.examine(log).first_uncleanable == 36, "the transaction is open"


def test_a_checkpoint_outside_of_the_log_is_not_believed() -> None:
    house = House()
    log = house.log()
    fill_and_flush(log)
    for offset in (61, 10_000):
        house.manager.checkpoint_cleaner_offset(NAME, offset)
        assert house.examine(log).first_dirty == 0
    log.delete_records(30)
    house.manager.checkpoint_cleaner_offset(NAME, 12)
    assert house.examine(log).first_dirty == 30


def test_a_corrupt_log_is_left_as_it_is_and_reported_and_others_go_on() -> None:
    house = House()
    corrupt, sound = house.log("corrupt"), house.log("sound")
    fill_and_flush(corrupt)
    fill_and_flush(sound)
    path = ROOT / "corrupt-0" / f"{0:020d}.log"
    file = house.disk.open(path)
    data = bytearray(file.read(0, file.size))
    data[100] ^= 0xFF
    file.truncate(0)
    file.append([data])
    house.cleaner.start()
    house.hands.forward(120_000)
    assert len(all_records(sound)) == 3
    assert file.read(0, file.size) == bytes(data)
    assert len(house.reports) == 1
    assert "corrupt-0" in house.reports[0]
    assert "checksum" in house.reports[0]
    assert house.cleaner.uncleanable == 1
    assert not [name for name in house.disk.list(ROOT / "corrupt-0") if name.endswith(".cleaned")]


def test_several_passes_when_the_keys_do_not_fit() -> None:
    house = House(CleanerConfig(dedupe_buffer_size=256 * 4, io_buffer_load_factor=1.0))
    log = house.log(config=replace(CONFIG, min_cleanable_dirty_ratio=0.0))
    fill(log, 4, keys=10, size=1)
    log.roll(NOW_MS)
    log.flush()
    house.cleaner.start()
    house.hands.forward(60_000)
    assert house.cleaner.cleaned_logs == 10
    assert [record.offset for record in all_records(log)] == list(range(30, 40))


def test_the_throttle_counts_what_is_read_and_written() -> None:
    house = House(CleanerConfig(io_max_bytes_per_second=1000, backoff_ms=0))
    log = house.log()
    fill_and_flush(log, 40)
    size = log.size_bytes
    house.cleaner.start()
    while house.cleaner.cleaned_logs == 0:
        house.hands.forward(100)
    passed_ms = house.hands.now_ms() - NOW_MS
    assert passed_ms >= 2 * size * 0.8, "read twice, at a byte a millisecond"
    assert passed_ms < 2 * size * 1.5 + 1000


def test_appends_reads_and_deletion_go_on_meanwhile() -> None:
    house = House()
    log = house.log()
    fill_and_flush(log)
    house.hold_threads = True
    house.cleaner.start()
    house.hands.forward(16_000)
    rounds = 0
    while house.blocked and rounds < 1000:
        work, done = house.blocked.pop()
        work()
        done(None)
        fill(log, 1)
        assert all_records(log)[-1].offset == log.log_end_offset - 1
        house.hands.forward(1)
        rounds += 1
        if house.cleaner.cleaned_logs:
            break
    assert house.cleaner.cleaned_logs == 1
    assert [record.offset for record in all_records(log)][:4] == [57, 58, 59, 60]


@pytest.mark.parametrize("event", ["delete", "truncate", "retention"])
def test_a_log_that_changes_under_its_cleaning_is_not_touched(event: str) -> None:
    house = House()
    log = house.log()
    fill_and_flush(log)
    house.hold_threads = True
    house.cleaner.start()
    house.hands.forward(16_000)
    for _ in range(5):  # the map is built, some of a segment is written
        work, done = house.blocked.pop()
        work()
        done(None)
        house.hands.forward(1)
    if event == "delete":
        house.manager.delete(*NAME)
    elif event == "truncate":
        log.truncate_to(30, NOW_MS)
    else:
        log.delete_records(45)
        log.delete_old_segments(NOW_MS)
    offsets = [record.offset for record in all_records(log)]
    house.hold_threads = False
    while house.blocked:
        work, done = house.blocked.pop()
        work()
        done(None)
        house.hands.forward(1)
    assert [record.offset for record in all_records(log)] == offsets
    assert house.cleaner.cleaned_logs == 0
    assert (house.failures, house.reports) == ([], [])
    if event != "delete":
        assert not [name for name in house.disk.list(ROOT / "t-0") if name.endswith((".cleaned", ".swap"))]


def test_a_disk_that_fails_is_told() -> None:
    house = House()
    fill_and_flush(house.log())
    house.cleaner.start()
    house.disk.fail_after(1)
    house.hands.forward(16_000)
    assert len(house.failures) == 1
    assert not house.reports


def test_stopping_waits_for_no_one_and_removes_what_is_half_written() -> None:
    house = House()
    fill_and_flush(house.log())
    house.hold_threads = True
    house.cleaner.start()
    house.hands.forward(16_000)
    while not [name for name in house.disk.list(ROOT / "t-0") if name.endswith(".cleaned")]:
        work, done = house.blocked.pop()
        work()
        done(None)
        house.hands.forward(1)
    work, done = house.blocked.pop()
    house.cleaner.stop()
    work()
    done(None)
    assert not [name for name in house.disk.list(ROOT / "t-0") if name.endswith(".cleaned")]
    house.hands.forward(60_000)
    assert not house.blocked
