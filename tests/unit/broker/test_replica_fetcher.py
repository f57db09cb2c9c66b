"""A fetcher and its leader over real sockets: a follower becomes what its leader is, whatever comes between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import NODE_ID, Replicas, batch, partition_of, records_of
from tests.unit.broker.test_leadership import AskedIsr
from tests.unit.broker.wire import Server

from ottla.broker.apis.list_offsets import ListOffsetsHandler
from ottla.broker.peer.peer import Peer, PeerContext
from ottla.broker.replica.fetcher.fetcher_state import FetcherSettings, FetcherState
from ottla.broker.replica.fetcher.followed_partition import FollowedPartition
from ottla.broker.replica.fetcher.replica_fetchers import ReplicaFetchers
from ottla.broker.replica.isr_changes import CommittedIsr
from ottla.broker.replica.leadership import LeaderContext
from ottla.broker.replica.replication import Replication
from ottla.protocol.api.api_versions import ApiVersion, ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.produce import ProduceResponse
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.runtime.clock import LoopTimers, SystemClock
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from ottla.broker.replica.leadership import Leadership
    from ottla.broker.replica.partition import Partition
    from ottla.broker.request_context import Handler, RequestContext
    from ottla.metadata.delta import MetadataDelta
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.api.fetch import FetchResponse

FOLLOWER = 2
FOLLOWER_EPOCH = 20
WITHIN_SECONDS = 20.0


class Following:
    """`Replication` of a node that only follows."""

    def __init__(self, fetchers: ReplicaFetchers) -> None:
        self.follow, self.unfollow = fetchers.follow, fetchers.unfollow

    def new_leadership(self, partition: Partition) -> Leadership:
        raise AssertionError("it leads nothing here")

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        pass


class Pair:
    """A leader behind a socket, and a follower that fetches from it. `address`: where the follower looks for it."""

    def __init__(self, directory: Path, fetch_versions: tuple[int, int] = (4, 18)) -> None:
        self._fetch_versions = fetch_versions
        loop = asyncio.get_running_loop()
        self.isr = AskedIsr()
        self.leader = Replicas(directory / "leader", isr_changes=self.isr)
        self.leader.register_broker(FOLLOWER, 9093, epoch=FOLLOWER_EPOCH)
        self.follower = Replicas(directory / "follower", node_id=FOLLOWER, isr_changes=AskedIsr())
        self.network = SocketNetwork(loop)
        self.address = ("127.0.0.1", 1)
        self.context = PeerContext(self.network, SystemClock(), LoopTimers(loop), "broker-2")
        self.fetchers = ReplicaFetchers(
            FetcherSettings(FOLLOWER, backoff_ms=100.0),
            lambda _: Peer(self.context, self.address),
            broker_epoch=lambda: FOLLOWER_EPOCH,
            clock=self.context.clock,
            timers=self.context.timers,
            follower=self.follower.manager,
            report=self.follower.reports.append,
        )
        self.follower.replication = Following(self.fetchers)

    def create(self, partitions: int = 1, isr: tuple[int, ...] = (NODE_ID, FOLLOWER)) -> bytes:
        replicas = (NODE_ID, FOLLOWER)
        topic_id = self.leader.create_topic("t", partitions, replicas=replicas, isr=isr)
        assert self.follower.create_topic("t", partitions, replicas=replicas, isr=isr) == topic_id
        return topic_id

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        def versions(context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
            oldest, newest = self._fetch_versions
            spoken = [
                ApiVersion(api_key=ApiKey.FETCH, min_version=oldest, max_version=newest),
                ApiVersion(api_key=ApiKey.LIST_OFFSETS, min_version=1, max_version=10),
            ]
            return ApiVersionsResponse(error_code=0, api_keys=spoken)

        table: dict[ApiKey, Handler] = {
            ApiKey.API_VERSIONS: versions,
            ApiKey.FETCH: self.leader.fetch_handler,
            ApiKey.LIST_OFFSETS: ListOffsetsHandler(self.leader.manager),
        }
        async with Server(table) as server:
            self.address = ("127.0.0.1", server.port)
            yield

    def close(self) -> None:
        self.fetchers.close()
        self.network.close()

    def caught_up(self, index: int = 0) -> bool:
        return (
            self.follower.partition("t", index).log.log_end_offset
            == self.leader.partition("t", index).log.log_end_offset
        )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not condition():  # noqa: ASYNC110 # it is no event that is waited for
            await asyncio.sleep(0.002)


def values(replicas: Replicas, index: int = 0) -> list[bytes | None]:
    return [one.value for one in records_of(replicas.partition("t", index).read_bytes(0, 1 << 20))]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("newest", [13, 14, 17, 18])
async def test_what_the_leader_has_the_follower_gets_in_every_version(tmp_path: Path, newest: int) -> None:
    pair = Pair(tmp_path, (4, newest))
    try:
        async with pair.serving():
            pair.create(3)
            for index in range(3):
                pair.leader.produce("t", batch(b"a", b"b"), index=index, acks=1)
            await until(lambda: all(pair.caught_up(index) for index in range(3)))
            assert values(pair.follower, 2) == [b"a", b"b"]
            pair.leader.produce("t", batch(b"c"), index=1, acks=1)
            await until(lambda: pair.caught_up(1))
            assert values(pair.follower, 1) == [b"a", b"b", b"c"]
    finally:
        pair.close()


async def test_a_producer_with_acks_all_is_answered_when_the_follower_has_it(pair: Pair) -> None:
    async with pair.serving():
        pair.create()
        for number in range(20):
            waiting = pair.leader.produce("t", batch(b"%d" % number))
            assert isinstance(waiting, asyncio.Future)
            response = await asyncio.wait_for(waiting, WITHIN_SECONDS)
            assert isinstance(response, ProduceResponse)
            assert partition_of(response, 9).error_code == 0
            assert pair.follower.partition("t").log.log_end_offset == number + 1


async def test_a_follower_that_was_away_comes_back_into_the_isr(pair: Pair) -> None:
    pair.create(isr=(NODE_ID,))
    pair.leader.produce("t", batch(b"a"), acks=1)
    await asyncio.sleep(0.1)  # nobody listens: it tries, and backs off
    async with pair.serving():
        await until(lambda: bool(pair.isr.asked))
        assert pair.isr.newest == ((NODE_ID, 0), (FOLLOWER, FOLLOWER_EPOCH))
        pair.isr.answer(CommittedIsr(NODE_ID, 0, (NODE_ID, FOLLOWER), 1))
        assert pair.leader.partition("t").isr == (NODE_ID, FOLLOWER)


async def test_a_bug_does_not_end_replication(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = FetcherState.answered
    calls: list[None] = []

    def fail_once(self: FetcherState, response: FetchResponse, monotonic_ms: float, now_ms: int) -> None:
        calls.append(None)
        if len(calls) == 1:
            raise RuntimeError("a bug")
        answered(self, response, monotonic_ms, now_ms)

    monkeypatch.setattr(FetcherState, "answered", fail_once)
    async with pair.serving():
        pair.create()
        pair.leader.produce("t", batch(b"a"), acks=1)
        await until(pair.caught_up)
    assert "a bug" in pair.follower.reports[0]


async def test_the_fetcher_finds_a_leader_that_has_moved(pair: Pair) -> None:
    pair.create()
    async with pair.serving():
        pair.leader.produce("t", batch(b"a"), acks=1)
        await until(pair.caught_up)
    pair.leader.produce("t", batch(b"b"), acks=1)
    async with pair.serving():
        await until(pair.caught_up)
        assert values(pair.follower) == [b"a", b"b"]


async def test_a_leader_that_is_gone_is_looked_for_ever_more_rarely(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says who leads instead, as in a cluster without controllers. Found by simulation: a thousand a second."""
    attempts = 0

    async def refuse(*_: object) -> None:
        nonlocal attempts
        attempts += 1
        raise ConnectionRefusedError

    monkeypatch.setattr(SocketNetwork, "connect", refuse)
    pair.create()
    await asyncio.sleep(0.4)
    assert 2 <= attempts <= 5


async def test_a_follower_that_is_too_old_begins_where_the_leader_begins(pair: Pair) -> None:
    pair.create(isr=(NODE_ID,))
    pair.leader.produce("t", batch(b"a", b"b", b"c"), acks=1)
    pair.leader.produce("t", batch(b"d"), acks=1)
    pair.leader.partition("t").delete_records(3)
    async with pair.serving():
        await until(pair.caught_up)
        log = pair.follower.partition("t").log
        assert (log.log_start_offset, log.log_end_offset) == (3, 4)
        pair.leader.produce("t", batch(b"e"), acks=1)
        await until(pair.caught_up)


async def test_what_the_leader_deletes_the_follower_deletes(pair: Pair) -> None:
    async with pair.serving():
        pair.create()
        pair.leader.produce("t", batch(b"a", b"b"), acks=1)
        await until(lambda: pair.leader.partition("t").log.high_watermark == 2)
        pair.leader.partition("t").delete_records(1)
        pair.leader.produce("t", batch(b"c"), acks=1)
        await until(lambda: pair.follower.partition("t").log.log_start_offset == 1)
        await until(lambda: pair.leader.partition("t").low_watermark == 1)


async def test_a_disk_that_fails_stops_its_partition_only(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair.serving():
        pair.create(2)
        failing = pair.follower.partition("t", 0)

        def fail(*_: object) -> int:
            raise OSError(5, "the disk is gone")

        monkeypatch.setattr(type(failing), "append_fetched", _failing_for(failing, fail))
        monkeypatch.setattr(pair.follower.logs, "fail_directory_of", lambda *_: None)
        for index in (0, 1):
            pair.leader.produce("t", batch(b"a"), index=index, acks=1)
        await until(lambda: pair.caught_up(1))
        await until(lambda: failing.closed)
        pair.leader.produce("t", batch(b"b"), index=1, acks=1)
        await until(lambda: pair.caught_up(1))


async def test_a_disk_that_fails_at_once_leaves_no_fetcher_behind(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise OSError(5, "the disk is gone")

    monkeypatch.setattr(FollowedPartition, "cut_what_no_epoch_tells", fail)
    monkeypatch.setattr(pair.follower.logs, "fail_directory_of", lambda *_: None)
    pair.create()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _failing_for(failing: Partition, fail: Callable[..., int]) -> Callable[[Partition, bytes, int, int], int]:
    append_fetched = type(failing).append_fetched

    def append(self: Partition, records: bytes, now_ms: int, leader_log_start: int) -> int:
        return fail() if self is failing else append_fetched(self, records, now_ms, leader_log_start)

    return append


async def test_a_leader_that_knows_no_topic_ids_is_not_fetched_from(tmp_path: Path) -> None:
    pair = Pair(tmp_path, (4, 12))
    try:
        async with pair.serving():
            pair.create()
            pair.leader.produce("t", batch(b"a"), acks=1)
            await until(lambda: bool(pair.follower.reports))
            assert "topic ids" in pair.follower.reports[0]
    finally:
        pair.close()


async def test_a_partition_that_is_added_while_a_fetch_is_parked_is_fetched_when_that_is_answered(pair: Pair) -> None:
    """The leader answers it once it leads something new; nothing else does here, where no time passes."""
    async with pair.serving():
        pair.create()
        pair.leader.produce("t", batch(b"a"), acks=1)
        await until(pair.caught_up)
        await until(lambda: pair.leader.timers.pending > 0)
        for replicas in (pair.leader, pair.follower):
            replicas.create_topic("u", replicas=(NODE_ID, FOLLOWER))
        pair.leader.produce("u", batch(b"c"), acks=1)
        pair.leader.sessions.answer_followers()
        await until(lambda: pair.follower.partition("u").log.log_end_offset == 1)


def replicating(replicas: Replicas, isr: AskedIsr, answer_followers: Callable[[], None] = lambda: None) -> Replication:
    context = LeaderContext(
        node_id=NODE_ID,
        clock=replicas.clock,
        cluster=lambda: replicas.manager.image.cluster,
        broker_epoch=lambda: 0,
        isr_changes=isr,
        lag_time_max_ms=lambda: 30_000,
    )
    replicas.replication = replication = Replication(
        context,
        FetcherSettings(NODE_ID),
        lambda _: None,
        timers=replicas.timers,
        manager=replicas.manager,
        report=replicas.reports.append,
        answer_followers=answer_followers,
    )
    return replication


async def test_who_was_about_to_join_and_is_fenced_is_not_waited_for(tmp_path: Path) -> None:
    isr = AskedIsr()
    replicas = Replicas(tmp_path, isr_changes=isr)
    replicas.register_broker(FOLLOWER, 9093, epoch=FOLLOWER_EPOCH)
    replication = replicating(replicas, isr)
    replicas.create_topic("t", replicas=(NODE_ID, FOLLOWER), isr=(NODE_ID,))
    partition = replicas.partition("t")
    assert partition.leadership is not None
    partition.leadership.fetched(partition.leadership.followers[FOLLOWER], 0, 0, FOLLOWER_EPOCH)
    isr.answer(ErrorCode.INELIGIBLE_REPLICA)
    replicas.produce("t", batch(b"a"), acks=1)
    assert partition.log.high_watermark == 0
    replicas.register_broker(FOLLOWER, 9093, epoch=FOLLOWER_EPOCH, fenced=True)
    assert partition.log.high_watermark == 1
    replication.close()


async def test_who_is_fenced_before_it_has_deleted_is_not_waited_for(tmp_path: Path) -> None:
    isr = AskedIsr()
    replicas = Replicas(tmp_path, isr_changes=isr)
    replicas.register_broker(FOLLOWER, 9093, epoch=FOLLOWER_EPOCH)
    replication = replicating(replicas, isr)
    replicas.create_topic("t", replicas=(NODE_ID, FOLLOWER))
    partition = replicas.partition("t")
    replicas.produce("t", batch(b"a"), acks=1)
    assert partition.leadership is not None
    partition.leadership.fetched(partition.leadership.followers[FOLLOWER], 1, 0, FOLLOWER_EPOCH)
    partition.delete_records(1)
    deleted = partition.deleted_everywhere(1)
    assert deleted is not None
    replicas.register_broker(FOLLOWER, 9093, epoch=FOLLOWER_EPOCH, fenced=True)
    assert deleted.done()
    assert deleted.result() is ErrorCode.NONE
    replication.close()


async def test_what_lacked_replicas_is_committed_when_fewer_are_wanted(tmp_path: Path) -> None:
    isr = AskedIsr()
    replicas = Replicas(tmp_path, isr_changes=isr)
    replication = replicating(replicas, isr)
    configs = {"min.insync.replicas": "2"}
    replicas.create_topic("t", replicas=(NODE_ID, FOLLOWER), isr=(NODE_ID,), configs=configs)
    replicas.produce("t", batch(b"a"), acks=1)
    assert replicas.partition("t").log.high_watermark == 0
    replicas.configure("t", "min.insync.replicas", "1")
    assert replicas.partition("t").log.high_watermark == 1
    replication.close()


async def test_followers_are_hurried_when_this_node_begins_to_lead(tmp_path: Path) -> None:
    replicas = Replicas(tmp_path, isr_changes=AskedIsr())
    answered: list[int] = []
    replication = replicating(replicas, AskedIsr(), lambda: answered.append(replicas.clock.ms))
    topic_id = replicas.create_topic("t", replicas=(NODE_ID, FOLLOWER))
    begun = replicas.clock.ms
    for _ in range(200):
        replicas.timers.advance(1)
    assert [at - begun for at in answered] == [1, 20, 100]
    replicas.change(topic_id, isr=[NODE_ID])
    for _ in range(200):
        replicas.timers.advance(1)
    assert len(answered) == 3
    replication.close()
    assert replicas.timers.pending == 0


async def test_who_follows_nothing_any_more_hangs_up(pair: Pair) -> None:
    async with pair.serving():
        topic_id = pair.create()
        pair.leader.produce("t", batch(b"a"), acks=1)
        await until(pair.caught_up)
        pair.follower.delete_topic(topic_id)
        await until(lambda: pair.leader.timers.pending == 0)  # its last fetch is not waiting any more
