"""All logs of the log directories: opening, checkpoints, clean stops, deletion, strays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, append, batch

from ottla.log.checkpoint import CorruptCheckpointError, read_offsets, read_whole, write_offsets
from ottla.log.config import LogConfig
from ottla.log.file_names import (
    TopicPartition,
    parse_log_directory,
    parse_segment_file,
    suffix_of_directory,
    suffixed_directory,
)
from ottla.log.flush import one_by_one
from ottla.log.manager import LogManager
from ottla.log.upkeep import LogUpkeep, UpkeepIntervals

ROOT = PurePath("/data")
TOPIC_ID = bytes(range(16))
CONFIG = LogConfig(file_delete_delay_ms=1000)


class Hands:
    """Clock and timers that only move when a test moves them."""

    def __init__(self) -> None:
        self.time_ms = NOW_MS
        self.waiting: list[tuple[float, Callable[[], None], Hand]] = []

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> float:
        return float(self.time_ms)

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Hand:
        hand = Hand()
        self.waiting.append((self.time_ms + delay_ms, callback, hand))
        return hand

    def forward(self, ms: int) -> None:
        end = self.time_ms + ms
        while due := [entry for entry in self.waiting if entry[0] <= end]:
            entry = min(due, key=lambda one: one[0])
            self.waiting.remove(entry)
            self.time_ms = max(self.time_ms, int(entry[0]))
            if not entry[2].cancelled:
                entry[1]()
        self.time_ms = end


class Hand:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk(3)


def open_manager(disk: SimulatedDisk, hands: Hands, *roots: PurePath) -> LogManager:
    manager = LogManager(disk, roots or (ROOT,), hands, unique=lambda: bytes(16), file_delete_delay_ms=1000)
    manager.open_all(lambda topic: CONFIG)
    return manager


def test_a_clean_stop_writes_kafkas_files(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    log = manager.get_or_create("t", 3, TOPIC_ID, CONFIG)
    append(log, batch(5))
    log.high_watermark = 5
    log.delete_records(2)
    manager.close(broker_epoch=15)
    assert read_whole(disk, ROOT / ".kafka_cleanshutdown") == b'{"version":0,"brokerEpoch":15}'
    for name, value in (("recovery-point", 5), ("replication", 5), ("log-start", 2)):
        assert read_whole(disk, ROOT / f"{name}-offset-checkpoint") == f"0\n1\nt 3 {value}\n".encode()
    assert read_whole(disk, ROOT / "t-3" / "partition.metadata") == b"version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw"

    again = LogManager(disk, [ROOT], hands, unique=lambda: bytes(16))
    assert again.open_all(lambda topic: CONFIG) == []
    assert (again.directories[0].clean, again.directories[0].broker_epoch) == (True, 15)
    assert read_whole(disk, ROOT / ".kafka_cleanshutdown") is None
    found = again.get("t", 3)
    assert found is not None
    assert (found.log_start_offset, found.log_end_offset, found.high_watermark) == (2, 5, 5)
    assert found.topic_id == TOPIC_ID


def test_a_clean_stop_syncs_after_all_is_written_and_each_directory_once(
    disk: SimulatedDisk, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = open_manager(disk, hands)
    written = manager.get_or_create("t", 0, TOPIC_ID, CONFIG)
    append(written, batch(5))
    for index in range(1, 4):
        manager.get_or_create("t", index, TOPIC_ID, CONFIG)
    done: list[tuple[str, str]] = []
    monkeypatch.setattr(disk, "maybe_fail", lambda kind, name: done.append((kind, name)))
    rounds: list[int] = []

    def together(works: Sequence[Callable[[], None]]) -> None:
        rounds.append(len(works))
        before = len(done)
        for work in reversed(works):
            work()
        assert {kind for kind, name in done[before:] if "t-" in name} == {"sync"}

    manager.close(together=together)
    assert rounds == [4, 5]
    synced = [name for kind, name in done if kind == "sync"]
    assert {f"{ROOT}/t-{index}" for index in range(4)} | {f"{ROOT}/t-0/{0:020}.log"} <= set(synced)
    assert written.recovery_point == 5


def test_a_log_that_cannot_be_closed_leaves_its_directory_unclean(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands, PurePath("/a"), PurePath("/b"))
    for index in range(2):
        manager.get_or_create("t", index, TOPIC_ID, CONFIG)

    def together(works: Sequence[Callable[[], None]]) -> None:
        if len(failures) < 1:
            failures.append(works)
            raise OSError(5, "the disk is gone")
        one_by_one(works)

    failures: list[Sequence[Callable[[], None]]] = []
    with pytest.raises(OSError, match="the disk is gone"):
        manager.close(together=together)
    assert read_whole(disk, PurePath("/a/.kafka_cleanshutdown")) is None
    assert read_whole(disk, PurePath("/b/.kafka_cleanshutdown")) is not None


def test_after_a_crash_every_log_is_recovered(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    append(manager.get_or_create("t", 0, TOPIC_ID, CONFIG), batch(5))
    manager.checkpoint()
    disk.crash(power=False)
    again = LogManager(disk, [ROOT], hands, unique=lambda: bytes(16))
    assert [(str(found.log), found.truncated_bytes) for found in again.open_all(lambda topic: CONFIG)] == [("t-0", 0)]


def test_logs_go_where_the_fewest_are(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands, PurePath("/a"), PurePath("/b"))
    for index in range(6):
        manager.get_or_create("t", index, TOPIC_ID, CONFIG)
    assert [len(directory.logs) for directory in manager.directories] == [3, 3]
    assert manager.get_or_create("t", 0, TOPIC_ID, CONFIG) is manager.get("t", 0)


def test_a_deleted_log_is_renamed_then_removed(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    log = manager.get_or_create("t", 0, TOPIC_ID, CONFIG)
    append(log, batch(5))
    region = log.read(0, 1000).region
    manager.delete("t", 0)
    manager.delete("t", 0)
    assert manager.get("t", 0) is None
    assert "t-0." + "0" * 32 + "-delete" in disk.list(ROOT)
    assert region is not None
    assert len(region.file.read(region.position, region.size)) == region.size
    hands.time_ms += 999
    manager.remove_deleted()
    assert any(name.endswith("-delete") for name in disk.list(ROOT))
    hands.time_ms += 1
    manager.remove_deleted()
    assert not any(name.startswith("t-") for name in disk.list(ROOT))


def test_a_topic_made_again_begins_empty(disk: SimulatedDisk, hands: Hands) -> None:
    """Neither the files nor the checkpoints of the first are taken for the second's."""
    manager = open_manager(disk, hands)
    log = manager.get_or_create("t", 0, TOPIC_ID, CONFIG)
    append(log, batch(9))
    log.high_watermark = 9
    log.delete_records(5)
    manager.checkpoint()
    manager.delete("t", 0)
    manager.get_or_create("t", 0, bytes(16)[:-1] + b"\1", CONFIG)
    disk.crash(power=False)
    again = open_manager(disk, hands).get("t", 0)
    assert again is not None
    assert (again.log_start_offset, again.log_end_offset) == (0, 0)


def test_a_log_of_another_topic_of_that_name_is_put_aside(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    append(manager.get_or_create("t", 0, TOPIC_ID, CONFIG), batch(2))
    manager.close()
    manager = open_manager(disk, hands)
    assert manager.get_or_create("t", 0, bytes(15) + b"\1", CONFIG).log_end_offset == 0
    assert any(suffix_of_directory(name) == "-stray" for name in disk.list(ROOT))


def test_strays_are_put_aside(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    manager.get_or_create("kept", 0, TOPIC_ID, CONFIG)
    manager.get_or_create("stray", 0, TOPIC_ID, CONFIG)
    assert manager.put_strays_aside(lambda name, topic_id: name.topic == "kept") == [TopicPartition("stray", 0)]
    assert [str(name) for name, _ in manager] == ["kept-0"]


def test_the_metadata_log_is_left_alone(disk: SimulatedDisk, hands: Hands) -> None:
    disk.make_directory(ROOT / "__cluster_metadata-0")
    assert list(open_manager(disk, hands)) == []
    assert disk.list(ROOT / "__cluster_metadata-0") == []


Work = list[tuple[Callable[[], None], Callable[[BaseException | None], None]]]


def finish(work: Work) -> None:
    """What a thread was given, and what follows from it."""
    assert work
    while work:
        run, done = work.pop(0)
        run()
        done(None)


@pytest.mark.parametrize("meanwhile", ["another", "truncated", "remade", "checkpointed"])
def test_a_checkpoint_that_is_out_of_date_before_it_is_written_is_not_placed(
    disk: SimulatedDisk, hands: Hands, meanwhile: str
) -> None:
    manager = open_manager(disk, hands)
    log = manager.get_or_create("t", 0, TOPIC_ID, CONFIG)
    append(log, batch(9))
    log.flush()
    checkpoints = manager.due_checkpoints()
    for checkpoint in checkpoints:
        checkpoint.write()
    if meanwhile == "another":
        manager.get_or_create("t", 1, TOPIC_ID, CONFIG)
    elif meanwhile == "truncated":
        log.truncate_to(0, 0)
        manager.truncated([log])
    elif meanwhile == "remade":
        manager.delete("t", 0)
        manager.get_or_create("t", 0, bytes(16)[:-1] + b"\1", CONFIG)
    else:
        append(log, batch(9))
        log.flush()
        manager.checkpoint()
    before = dict(manager.directories[0].checkpoints["recovery-point-offset-checkpoint"])
    assert not any(checkpoint.complete() for checkpoint in checkpoints)
    assert read_offsets(disk, ROOT / "recovery-point-offset-checkpoint") == before


def test_a_checkpoint_that_a_thread_wrote_is_there_after_a_loss_of_power(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    log = manager.get_or_create("t", 0, TOPIC_ID, CONFIG)
    append(log, batch(9))
    log.flush()
    checkpoints = manager.due_checkpoints()
    for checkpoint in checkpoints:
        checkpoint.write()
        assert checkpoint.complete()
        checkpoint.sync()
    assert manager.due_checkpoints() == []
    disk.crash(power=True)
    assert read_offsets(disk, ROOT / "recovery-point-offset-checkpoint") == {TopicPartition("t", 0): 9}


def test_upkeep_flushes_checkpoints_retains_and_removes(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    config = LogConfig(flush_ms=700, retention_ms=5000, file_delete_delay_ms=1000)
    log = manager.get_or_create("t", 0, TOPIC_ID, config)
    work: Work = []
    failures: list[OSError] = []
    upkeep = LogUpkeep(
        manager, hands, hands, lambda sync, done: work.append((sync, done)), failures.append,
        UpkeepIntervals(
            flush_check_ms=500, file_removal_check_ms=500, log_flush_offset_checkpoint_interval_ms=2000,
            log_retention_check_interval_ms=1000,
        ),
    )  # fmt: skip
    upkeep.start()
    append(log, batch(3))
    log.high_watermark = 3
    hands.forward(600)
    assert not work  # flush.ms is not over
    hands.forward(500)
    assert log.recovery_point == 0
    (sync, done) = work.pop()
    append(log, batch(1))  # while the thread syncs
    sync()
    done(None)
    assert log.recovery_point == 3
    hands.forward(1000)
    finish(work)
    assert read_offsets(disk, ROOT / "recovery-point-offset-checkpoint") == {TopicPartition("t", 0): 3}
    log.high_watermark = 4
    hands.forward(6000)
    assert (log.log_start_offset, log.size_bytes) == (4, 0)
    hands.forward(2000)
    assert any(name.endswith(".deleted") for name in disk.list(ROOT / "t-0"))  # it is not done on the loop
    finish(work)
    assert not any(name.endswith(".deleted") for name in disk.list(ROOT / "t-0"))
    assert not failures
    upkeep.stop()
    hands.forward(100_000)
    assert all(hand.cancelled for _, _, hand in hands.waiting) or not hands.waiting


def test_a_disk_that_cannot_sync_is_told(disk: SimulatedDisk, hands: Hands) -> None:
    manager = open_manager(disk, hands)
    log = manager.get_or_create("t", 0, TOPIC_ID, LogConfig(flush_ms=0))
    failures: list[OSError] = []

    def run(work: Callable[[], None], done: Callable[[BaseException | None], None]) -> None:
        try:
            work()
        except OSError as error:
            done(error)
        else:
            done(None)

    LogUpkeep(manager, hands, hands, run, failures.append).start()
    append(log, batch(1))
    disk.fail_after(1)
    hands.forward(500)
    assert len(failures) == 1
    assert log.recovery_point == 0


@pytest.mark.parametrize(
    "content", [b"1\n0\n", b"0\n2\nt 0 1\n", b"0\n1\nt 0\n", b"0\n1\nt x 1\n", b"0\nz\n", b"0\n1\nt 0 1"]
)
def test_malformed_checkpoints(disk: SimulatedDisk, content: bytes) -> None:
    disk.make_directory(ROOT)
    disk.open(ROOT / "c", create=True).append([content])
    with pytest.raises(CorruptCheckpointError):
        read_offsets(disk, ROOT / "c")


def test_checkpoints_survive_a_loss_of_power(disk: SimulatedDisk) -> None:
    disk.make_directory(ROOT)
    for value in range(30):
        write_offsets(disk, ROOT / "c", {TopicPartition("a.b-c", 7): value})
        disk.crash()
        assert read_offsets(disk, ROOT / "c") == {TopicPartition("a.b-c", 7): value}


def test_names() -> None:
    assert parse_log_directory("my-topic.x-12") == TopicPartition("my-topic.x", 12)
    assert [parse_log_directory(name) for name in ("topic", "t-", "-1x", "t-0." + "a" * 32 + "-delete")] == [None] * 4
    long = TopicPartition("x" * 249, 123)
    name = suffixed_directory(long, bytes(16), "-delete")
    assert (len(name), suffix_of_directory(name)) == (255, "-delete")
    assert parse_segment_file("00000000000000000012.log") == (12, ".log")
    assert parse_segment_file("00000000000000000012.log.deleted") is None
