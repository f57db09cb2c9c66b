"""Fetch: what is read, within which limits, what waits and what wakes it."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import (
    NODE_ID,
    Replicas,
    at,
    batch,
    fetch_request,
    fetch_topic,
    partitions_of,
    readable,
    values_of,
)

from ottla.broker.replica.fetch_read import FetchRead
from ottla.protocol.api.fetch import FetchResponse
from ottla.protocol.errors import ErrorCode
from ottla.runtime.files import FileRegion

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.broker.replica.fetch_session import FetchPartition
    from ottla.protocol.api.fetch import PartitionData

VERSIONS = range(4, 19)
OTHER_NODE = 2


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    return Replicas(tmp_path)


def only(response: FetchResponse) -> PartitionData:
    ((_, data),) = partitions_of(response).items()
    return data


async def parked(replicas: Replicas, *args: object, **options: object) -> asyncio.Future[FetchResponse]:
    waiting = replicas.fetch(fetch_request(*args, **options))  # type: ignore[arg-type]  # passed through as they are
    assert isinstance(waiting, asyncio.Future)
    return waiting


async def turn() -> None:
    """Let what was scheduled happen, and what that scheduled."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_reads_what_was_produced(replicas: Replicas, version: int) -> None:
    topic_id = replicas.create_topic("t")
    topic = topic_id if version >= 13 else "t"
    replicas.append("t", b"a", b"b")
    replicas.append("t", b"c")
    data = only(replicas.fetch_now(fetch_request(fetch_topic(topic, at(0))), version))
    assert values_of(data) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert (data.error_code, data.high_watermark, data.last_stable_offset) == (0, 3, 3)
    assert data.log_start_offset == (0 if version >= 5 else -1)
    assert data.aborted_transactions is None
    assert data.preferred_read_replica == -1
    # From within a batch: the whole batch comes, and the consumer skips.
    assert values_of(only(replicas.fetch_now(fetch_request(fetch_topic(topic, at(1))), version)))[0] == (0, b"a")
    assert values_of(only(replicas.fetch_now(fetch_request(fetch_topic(topic, at(2))), version))) == [(2, b"c")]


def test_records_leave_as_regions_of_the_segment(replicas: Replicas) -> None:
    replicas.create_topic("t")
    replicas.append("t", b"a")
    response = replicas.fetch(fetch_request(fetch_topic("t", at(0))))
    assert isinstance(response, FetchResponse)
    assert isinstance(only(response).records, FileRegion)


def test_errors_by_partition(replicas: Replicas) -> None:
    replicas.create_topic("t")
    replicas.append("t", b"a")
    response = replicas.fetch_now(
        fetch_request(fetch_topic("t", at(0, index=5)), fetch_topic("nobody", at(0)), fetch_topic("t", at(0)))
    )
    found = partitions_of(response)
    assert found["t", 5].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert found["nobody", 0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (found["nobody", 0].high_watermark, found["nobody", 0].records) == (-1, b"")
    assert values_of(found["t", 0]) == [(0, b"a")]
    unknown = only(replicas.fetch_now(fetch_request(fetch_topic(b"\x07" * 16, at(0))), 13))
    assert unknown.error_code == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.parametrize("offset", [-1, 2, 2**62])
def test_an_offset_out_of_range(replicas: Replicas, offset: int) -> None:
    replicas.create_topic("t")
    replicas.append("t", b"a")
    data = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(offset)), max_wait_ms=1000)))
    assert (data.error_code, data.high_watermark) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)


def test_an_offset_below_the_log_start_is_out_of_range(replicas: Replicas) -> None:
    replicas.create_topic("t")
    replicas.append("t", b"a", b"b")
    replicas.partition("t").delete_records(1)
    assert only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0))))).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert only(replicas.fetch_now(fetch_request(fetch_topic("t", at(1))))).log_start_offset == 1


def test_leader_epochs_are_compared(replicas: Replicas) -> None:
    topic_id = replicas.create_topic("t")
    replicas.append("t", b"a")
    replicas.change(topic_id, leader=NODE_ID)  # epoch 1
    errors = {
        epoch: only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0, epoch=epoch))))).error_code
        for epoch in (-1, 0, 1, 2)
    }
    assert errors == {
        -1: 0,
        0: ErrorCode.FENCED_LEADER_EPOCH,
        1: 0,
        2: ErrorCode.UNKNOWN_LEADER_EPOCH,
    }


@pytest.mark.parametrize("version", [12, 15, 16, 18])
def test_another_leader_is_named_with_its_endpoint_since_version_16(replicas: Replicas, version: int) -> None:
    replicas.register_broker(OTHER_NODE, 9093)
    topic_id = replicas.create_topic("t", replicas=(OTHER_NODE,), leader=OTHER_NODE)
    topic = topic_id if version >= 13 else "t"
    response = replicas.fetch_now(fetch_request(fetch_topic(topic, at(0))), version)
    data = only(response)
    assert data.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    leader = (data.current_leader.leader_id, data.current_leader.leader_epoch)
    endpoints = [(found.node_id, found.host, found.port, found.rack) for found in response.node_endpoints]
    if version >= 16:
        assert (leader, endpoints) == ((OTHER_NODE, 0), [(OTHER_NODE, "localhost", 9093, "r1")])
    else:
        assert (leader, endpoints) == ((-1, -1), [])


def test_a_diverging_epoch_says_where_to_truncate(replicas: Replicas) -> None:
    topic_id = replicas.create_topic("t")
    replicas.append("t", b"a", b"b")  # epoch 0: offsets 0 and 1
    replicas.change(topic_id, leader=NODE_ID)
    replicas.change(topic_id, leader=NODE_ID)
    replicas.append("t", b"c")  # epoch 2: offset 2
    agreeing = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(2, last_epoch=0)))))
    assert (agreeing.diverging_epoch.epoch, values_of(agreeing)) == (-1, [(2, b"c")])
    diverging = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(3, last_epoch=0)), max_wait_ms=1000)))
    assert (diverging.diverging_epoch.epoch, diverging.diverging_epoch.end_offset) == (0, 2)
    assert (diverging.error_code, diverging.records, diverging.high_watermark) == (0, b"", 3)
    unheard = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(3, last_epoch=9)))))
    assert unheard.error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_what_is_not_committed_is_not_read_by_consumers(replicas: Replicas) -> None:
    replicas.create_topic("t", replicas=(1, 2))
    replicas.produce("t", batch(b"a"), acks=1)
    replicas.produce("t", batch(b"b"), acks=1)
    replicas.partition("t").advance_high_watermark(1)
    assert values_of(only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0)))))) == [(0, b"a")]
    between = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(2)))))
    assert (between.error_code, between.records, between.high_watermark) == (0, b"", 1)
    debugging = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0)), replica_id=-2)))
    assert values_of(debugging) == [(0, b"a"), (1, b"b")]


def test_read_committed_has_a_list_of_aborted_transactions(replicas: Replicas) -> None:
    replicas.create_topic("t")
    replicas.append("t", b"a")
    data = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0)), isolation_level=1)))
    assert (values_of(data), data.last_stable_offset, data.aborted_transactions) == ([(0, b"a")], 1, [])


class TestLimits:
    """KIP-74: the first batch of the answer comes whole, and nothing else is more than was asked for."""

    def test_the_first_batch_comes_however_large(self, replicas: Replicas) -> None:
        replicas.create_topic("t", 2)
        for index in (0, 1):
            replicas.append("t", b"x" * 1000, index=index)
        both = fetch_topic("t", at(0, index=1, max_bytes=1), at(0, index=0, max_bytes=1))
        found = partitions_of(replicas.fetch_now(fetch_request(both, max_bytes=1)))
        assert [value for _, value in values_of(found["t", 1])] == [b"x" * 1000]
        assert found["t", 0].records == b""
        assert found["t", 0].high_watermark == 1

    def test_a_partition_gives_no_more_than_its_limit(self, replicas: Replicas) -> None:
        replicas.create_topic("t")
        size = len(batch(b"x" * 100))
        for _ in range(5):
            replicas.append("t", b"x" * 100)
        data = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0, max_bytes=2 * size + 10)))))
        assert isinstance(data.records, bytes | memoryview)
        assert len(data.records) <= 2 * size + 10
        assert [offset for offset, _ in values_of(data)] == [0, 1]

    def test_all_partitions_give_no_more_than_the_request_says(self, replicas: Replicas) -> None:
        replicas.create_topic("t", 3)
        size = len(batch(b"x" * 100))
        for index in range(3):
            replicas.append("t", b"x" * 100, index=index)
        every = fetch_topic("t", *(at(0, index=index) for index in range(3)))
        found = partitions_of(replicas.fetch_now(fetch_request(every, max_bytes=2 * size)))
        assert [len(values_of(found["t", index])) for index in range(3)] == [1, 1, 0]

    def test_the_broker_has_a_limit_of_its_own(self, tmp_path: Path) -> None:
        replicas = Replicas(tmp_path, fetch_max_bytes=1024)
        replicas.create_topic("t")
        for _ in range(5):
            replicas.append("t", b"x" * 500)
        data = only(replicas.fetch_now(fetch_request(fetch_topic("t", at(0)), min_bytes=100_000, max_wait_ms=1000)))
        assert isinstance(data.records, bytes | memoryview)
        assert 0 < len(data.records) <= 1024


class TestLongPolling:
    async def test_an_append_wakes_the_fetch(self, replicas: Replicas) -> None:
        replicas.create_topic("t", 2)
        waiting = await parked(replicas, fetch_topic("t", at(0), at(0, index=1)), max_wait_ms=500)
        await turn()
        assert not waiting.done()
        replicas.append("t", b"a", index=1)
        replicas.append("t", b"b", index=1)  # of the same turn: comes along
        found = partitions_of(readable(await waiting, 12))
        assert values_of(found["t", 1]) == [(0, b"a"), (1, b"b")]
        assert found["t", 0].records == b""
        assert replicas.timers.pending == 0
        assert not replicas.partition("t").listeners
        assert not replicas.partition("t", 1).listeners

    async def test_what_has_nothing_new_is_not_looked_at_again(
        self, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replicas.create_topic("t", 4)
        for _ in range(3):
            replicas.append("t", b"old", index=2)
        looked_at: list[int] = []
        read = FetchRead._read

        def counted(self: FetchRead, wanted: FetchPartition, limit: int) -> PartitionData | None:
            looked_at.append(wanted.index)
            return read(self, wanted, limit)

        monkeypatch.setattr(FetchRead, "_read", counted)
        wanted = [at(0), at(0, index=1), at(3, index=2), at(0, index=3)]
        waiting = await parked(replicas, fetch_topic("t", *wanted), max_wait_ms=500)
        assert looked_at == [0, 1, 2, 3]
        replicas.partition("t", 2).delete_records(2)
        await turn()
        assert not waiting.done()
        assert looked_at == [0, 1, 2, 3, 2]
        replicas.append("t", b"a", index=1)
        found = partitions_of(readable(await waiting, 12))
        assert looked_at == [0, 1, 2, 3, 2, 1]
        assert [found["t", index].high_watermark for index in range(4)] == [0, 1, 3, 0]
        assert [found["t", index].log_start_offset for index in range(4)] == [0, 0, 2, 0]
        assert [values_of(found["t", index]) for index in range(4)] == [[], [(0, b"a")], [], []]

    async def test_time_runs_out(self, replicas: Replicas) -> None:
        replicas.create_topic("t")
        waiting = await parked(replicas, fetch_topic("t", at(0)), max_wait_ms=500)
        replicas.timers.advance(499)
        await turn()
        assert not waiting.done()
        replicas.timers.advance(1)
        data = only(readable(await waiting, 12))
        assert (data.error_code, data.records, data.high_watermark) == (0, b"", 0)
        assert not replicas.partition("t").listeners

    async def test_min_bytes_are_collected_over_partitions(self, replicas: Replicas) -> None:
        replicas.create_topic("t", 2)
        size = len(batch(b"x" * 100))
        waiting = await parked(replicas, fetch_topic("t", at(0), at(0, index=1)), max_wait_ms=500, min_bytes=3 * size)
        for index in (0, 1):
            replicas.append("t", b"x" * 100, index=index)
            await turn()
            assert not waiting.done()
        replicas.append("t", b"x" * 100)
        found = partitions_of(readable(await waiting, 12))
        assert [len(values_of(found["t", index])) for index in (0, 1)] == [2, 1]

    async def test_bytes_beyond_a_partition_limit_do_not_count(self, replicas: Replicas) -> None:
        replicas.create_topic("t")
        size = len(batch(b"x" * 100))
        waiting = await parked(replicas, fetch_topic("t", at(0, max_bytes=size)), max_wait_ms=500, min_bytes=2 * size)
        for _ in range(4):
            replicas.append("t", b"x" * 100)
            await turn()
        assert not waiting.done()
        replicas.timers.advance(500)
        assert len(values_of(only(readable(await waiting, 12)))) == 1

    async def test_a_moved_high_watermark_wakes_the_fetch(self, replicas: Replicas) -> None:
        replicas.create_topic("t", replicas=(1, 2))
        waiting = await parked(replicas, fetch_topic("t", at(0)), max_wait_ms=500)
        replicas.produce("t", batch(b"a"), acks=1)
        await turn()
        assert not waiting.done()
        replicas.partition("t").advance_high_watermark(1)
        assert values_of(only(readable(await waiting, 12))) == [(0, b"a")]

    @pytest.mark.parametrize(
        ("fate", "error"),
        [
            ("resigned", ErrorCode.FENCED_LEADER_EPOCH),
            ("deleted", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
            ("truncated", ErrorCode.OFFSET_OUT_OF_RANGE),
        ],
    )
    async def test_a_changed_partition_wakes_the_fetch(self, replicas: Replicas, fate: str, error: ErrorCode) -> None:
        topic_id = replicas.create_topic("t")
        replicas.append("t", b"a")
        waiting = await parked(replicas, fetch_topic("t", at(1, epoch=0)), max_wait_ms=500)
        if fate == "resigned":
            replicas.change(topic_id, leader=OTHER_NODE)
        elif fate == "deleted":
            replicas.delete_topic(topic_id)
        else:
            replicas.append("t", b"b")
            replicas.partition("t").delete_records(2)
        assert only(readable(await waiting, 12)).error_code == error

    async def test_an_unknown_partition_lets_the_others_wait(self, replicas: Replicas) -> None:
        replicas.create_topic("t")
        waiting = await parked(replicas, fetch_topic("nobody", at(0)), fetch_topic("t", at(0)), max_wait_ms=500)
        replicas.append("t", b"a")
        found = partitions_of(readable(await waiting, 12))
        assert found["nobody", 0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert values_of(found["t", 0]) == [(0, b"a")]

    async def test_a_disk_that_fails_under_a_session_is_told_of_for_all_its_partitions(
        self, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Found by simulation: cluster-combined-disks, seed 2369."""
        replicas.logs.on_failure = lambda _path, names, _error: replicas.manager.take_offline(names)
        replicas.create_topic("t", 2)
        both = fetch_topic("t", at(0), at(0, 1))
        session = replicas.fetch_now(fetch_request(both, session=(0, 0))).session_id
        request = fetch_request(session=(session, 1), max_wait_ms=500, min_bytes=1)
        waiting = replicas.fetch(request)
        assert isinstance(waiting, asyncio.Future)

        def fail(*_: object, **__: object) -> None:
            raise OSError

        monkeypatch.setattr(type(replicas.partition("t").log), "read", fail)
        replicas.append("t", b"a")
        await turn()
        found = partitions_of(readable(await waiting, 12))
        assert found["t", 0].error_code == ErrorCode.KAFKA_STORAGE_ERROR
        after = partitions_of(replicas.fetch_now(fetch_request(session=(session, 2))))
        assert after["t", 1].error_code == ErrorCode.KAFKA_STORAGE_ERROR

    async def test_a_connection_that_goes_away_leaves_nothing(self, replicas: Replicas) -> None:
        replicas.create_topic("t")
        waiting = await parked(replicas, fetch_topic("t", at(0)), max_wait_ms=500)
        assert replicas.partition("t").listeners
        waiting.cancel()
        await turn()
        assert not replicas.partition("t").listeners
        assert replicas.timers.pending == 0
        replicas.append("t", b"a")

    def test_nothing_to_fetch_is_answered_at_once(self, replicas: Replicas) -> None:
        assert replicas.fetch_now(fetch_request(max_wait_ms=500)).responses == []


async def test_fetches_leave_no_cycles_behind(replicas: Replicas) -> None:
    """What only the collector can free piles up until it stops every client for the time that freeing takes."""
    replicas.create_topic("t")
    replicas.append("t", b"a")
    gc.collect()
    gc.disable()
    try:
        for offset in range(1, 5):
            replicas.fetch_now(fetch_request(fetch_topic("t", at(0))))
            waiting = await parked(replicas, fetch_topic("t", at(offset)), max_wait_ms=1000)
            replicas.append("t", b"b")
            assert values_of(only(readable(await waiting, 12))) == [(offset, b"b")]
        del waiting
        await turn()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_failing_disk_takes_the_partition_offline(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    replicas.create_topic("t", 2)
    for index in (0, 1):
        replicas.append("t", b"a", index=index)
    broken = replicas.partition("t", 0).log
    real_read = type(broken).read

    def read(log: object, *args: object, **options: object) -> object:
        if log is broken:
            raise OSError(5, "input/output error")
        return real_read(log, *args, **options)  # type: ignore[arg-type]  # passed through as they are

    monkeypatch.setattr(type(broken), "read", read)
    both = fetch_topic("t", at(0), at(0, index=1))
    for _ in range(2):
        found = partitions_of(replicas.fetch_now(fetch_request(both)))
        assert found["t", 0].error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert values_of(found["t", 1]) == [(0, b"a")]
