"""Fetch sessions: only what changed is asked, looked at and answered; and a bounded number is remembered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import (
    Replicas,
    at,
    fetch_request,
    fetch_topic,
    partitions_of,
    readable,
    values_of,
)

from ottla.broker.replica.fetch_session import (
    MAX_EPOCH,
    MIN_EVICTION_AGE_MS,
    FetchSession,
    FetchSessionCache,
    next_epoch,
)
from ottla.log.log import Log
from ottla.protocol.api.fetch import FetchResponse, FetchTopic, ForgottenTopic
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTITIONS = 4


@pytest.fixture
def replicas(tmp_path: Path) -> Replicas:
    made = Replicas(tmp_path)
    made.create_topic("t", PARTITIONS)
    return made


class Fetcher:
    """A consumer with a session, as librdkafka and the Java client keep one."""

    def __init__(self, replicas: Replicas, version: int = 12) -> None:
        self.replicas = replicas
        self.version = version
        self.session_id = 0
        self.epoch = 0

    def fetch(
        self, *topics: FetchTopic, forgotten: tuple[ForgottenTopic, ...] = (), max_bytes: int = 50_000_000
    ) -> FetchResponse:
        request = fetch_request(
            *topics, session=(self.session_id, self.epoch), forgotten=forgotten, max_bytes=max_bytes
        )
        response = self.replicas.fetch_now(request, self.version)
        self.learn(response)
        return response

    def park(self, *topics: FetchTopic) -> asyncio.Future[FetchResponse]:
        request = fetch_request(*topics, session=(self.session_id, self.epoch), max_wait_ms=500)
        waiting = self.replicas.fetch(request, self.version)
        assert isinstance(waiting, asyncio.Future)
        return waiting

    def learn(self, response: FetchResponse) -> None:
        if response.error_code == 0:
            self.session_id = response.session_id
            self.epoch += 1


def every(offset: int = 0, topic: str | bytes = "t") -> FetchTopic:
    return fetch_topic(topic, *(at(offset, index=index) for index in range(PARTITIONS)))


def test_only_what_changed_is_answered(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    first = fetcher.fetch(every())
    assert fetcher.session_id == 1
    assert sorted(index for _, index in partitions_of(first)) == [0, 1, 2, 3]
    assert fetcher.fetch().responses == []
    replicas.append("t", b"a", index=2)
    found = partitions_of(fetcher.fetch())
    assert list(found) == [("t", 2)]
    assert values_of(found["t", 2]) == [(0, b"a")]
    # The consumer says how far it is; there is nothing more, and the high watermark was told.
    assert fetcher.fetch(fetch_topic("t", at(1, index=2))).responses == []
    # A consumer that does not move on is given the same again.
    replicas.append("t", b"b", index=2)
    for _ in range(2):
        assert values_of(partitions_of(fetcher.fetch())["t", 2]) == [(1, b"b")]


def test_sessions_go_by_topic_id_since_version_13(replicas: Replicas) -> None:
    topic_id = replicas.partition("t").topic_id
    fetcher = Fetcher(replicas, version=13)
    fetcher.fetch(every(topic=topic_id))
    replicas.append("t", b"a", index=1)
    assert list(partitions_of(fetcher.fetch())) == [(topic_id, 1)]
    request = fetch_request(session=(fetcher.session_id, fetcher.epoch))
    assert replicas.fetch_now(request, 12).error_code == ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_partitions_join_and_are_forgotten(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(fetch_topic("t", at(0, index=0)))
    added = partitions_of(fetcher.fetch(fetch_topic("t", at(0, index=1))))
    assert list(added) == [("t", 1)]
    assert fetcher.fetch(forgotten=(ForgottenTopic(topic="t", partitions=[0, 3]),)).responses == []
    replicas.append("t", b"a", index=0)
    assert fetcher.fetch().responses == []
    assert not replicas.partition("t", 0).listeners
    # The last one forgotten: the session ends.
    ended = fetcher.fetch(forgotten=(ForgottenTopic(topic="t", partitions=[1]),))
    assert (ended.session_id, len(replicas.sessions)) == (0, 0)
    assert not replicas.partition("t", 1).listeners


def test_errors_are_repeated_until_they_go_and_then_all_is_told(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every(), fetch_topic("later", at(0)))
    for _ in range(2):
        found = partitions_of(fetcher.fetch())
        assert {key: data.error_code for key, data in found.items()} == {
            ("later", 0): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        }
    replicas.create_topic("later")
    assert partitions_of(fetcher.fetch())["later", 0].error_code == 0
    assert fetcher.fetch().responses == []


def test_after_an_error_all_is_told_again(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every())
    beyond = partitions_of(fetcher.fetch(fetch_topic("t", at(9))))["t", 0]
    assert beyond.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    back = partitions_of(fetcher.fetch(fetch_topic("t", at(0))))["t", 0]
    assert (back.error_code, back.high_watermark, back.records) == (0, 0, b"")
    assert fetcher.fetch().responses == []


def test_a_topic_that_is_deleted_and_made_again(replicas: Replicas) -> None:
    topic_id = replicas.partition("t").topic_id
    fetcher = Fetcher(replicas)
    fetcher.fetch(fetch_topic("t", at(0)))
    replicas.delete_topic(topic_id)
    gone = partitions_of(fetcher.fetch())["t", 0]
    assert gone.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    replicas.create_topic("t")
    replicas.append("t", b"new")
    assert values_of(partitions_of(fetcher.fetch())["t", 0]) == [(0, b"new")]


def test_who_was_given_records_comes_last_next_time(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    for index in range(PARTITIONS):
        for _ in range(4):
            replicas.append("t", b"x" * 100, index=index)
    fetcher.fetch(every(), max_bytes=1)  # partition 0 is given a batch
    given = []
    for _ in range(PARTITIONS):
        found = partitions_of(fetcher.fetch(max_bytes=1))
        given += [index for (_, index), data in found.items() if data.records]
    assert given == [1, 2, 3, 0]


def test_epochs_count_and_strangers_are_refused(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every())
    for session, error in (
        ((1, 7), ErrorCode.INVALID_FETCH_SESSION_EPOCH),
        ((99, 1), ErrorCode.FETCH_SESSION_ID_NOT_FOUND),
    ):
        response = replicas.fetch_now(fetch_request(session=session))
        assert (response.error_code, response.session_id, response.responses) == (error, 0, [])
    assert fetcher.fetch().error_code == 0
    assert next_epoch(MAX_EPOCH) == 1


def test_a_new_full_fetch_or_a_last_one_ends_the_session(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every())
    again = replicas.fetch_now(fetch_request(every(), session=(1, 0)))
    assert (again.session_id, len(replicas.sessions)) == (2, 1)
    last = replicas.fetch_now(fetch_request(session=(2, -1)))
    assert (last.error_code, last.session_id, len(replicas.sessions)) == (0, 0, 0)
    assert not any(replicas.partition("t", index).listeners for index in range(PARTITIONS))


def test_a_fetch_looks_at_nothing_but_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = Replicas(tmp_path)
    replicas.create_topic("many", 50)
    fetcher = Fetcher(replicas)
    fetcher.fetch(fetch_topic("many", *(at(0, index=index) for index in range(50))))
    session = replicas.sessions.find(fetcher.session_id)
    assert session is not None
    assert len(session.partitions) == 50
    assert not session.ready
    reads = []
    real_read: Callable[..., object] = Log.read

    def counting_read(log: Log, *args: int, **options: int) -> object:
        reads.append(log)
        return real_read(log, *args, **options)

    monkeypatch.setattr(Log, "read", counting_read)
    replicas.append("many", b"a", index=17)
    fetcher.fetch()
    assert reads == [replicas.partition("many", 17).log]


def test_a_session_whose_fetcher_is_gone_costs_appends_nothing(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every())
    partition = replicas.partition("t")
    assert partition.listeners
    replicas.append("t", b"a")
    assert not partition.listeners
    assert values_of(partitions_of(fetcher.fetch())["t", 0]) == [(0, b"a")]
    fetcher.fetch(fetch_topic("t", at(1)))
    assert partition.listeners


async def test_a_partition_that_appears_while_its_fetch_is_parked_wakes_it(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every(), fetch_topic("later", at(0)))
    waiting = fetcher.park()
    replicas.create_topic("later")
    replicas.append("t", b"x")  # wakes and answers; the next one waits for the new partition
    fetcher.learn(await waiting)
    waiting = fetcher.park(fetch_topic("t", at(1)))
    replicas.append("later", b"a")
    assert values_of(partitions_of(readable(await waiting, 12))["later", 0]) == [(0, b"a")]


async def test_an_incremental_fetch_parks_and_is_woken(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every())
    waiting = fetcher.park()
    await asyncio.sleep(0)
    replicas.append("t", b"a", index=3)
    response = readable(await waiting, 12)
    fetcher.learn(response)
    assert list(partitions_of(response)) == [("t", 3)]
    assert replicas.timers.pending == 0
    waiting = fetcher.park(fetch_topic("t", at(1, index=3)))
    replicas.timers.advance(500)
    empty = await waiting
    assert (empty.responses, empty.session_id) == ([], fetcher.session_id)


async def test_a_second_fetch_of_a_session_replaces_the_parked_one(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    fetcher.fetch(every())
    first = fetcher.park()
    fetcher.epoch += 1
    second = fetcher.park()
    assert (await first).error_code == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    replicas.append("t", b"a")
    assert values_of(partitions_of(readable(await second, 12))["t", 0]) == [(0, b"a")]


async def test_a_session_may_begin_parked(replicas: Replicas) -> None:
    fetcher = Fetcher(replicas)
    waiting = fetcher.park(every())
    assert len(replicas.sessions) == 0
    replicas.append("t", b"a", index=1)
    response = readable(await waiting, 12)
    fetcher.learn(response)
    assert response.session_id == 1
    assert len(partitions_of(response)) == PARTITIONS
    assert fetcher.fetch(fetch_topic("t", at(1, index=1))).responses == []
    replicas.append("t", b"b", index=0)
    assert list(partitions_of(fetcher.fetch())) == [("t", 0)]


class TestCache:
    @staticmethod
    def session(size: int, *, privileged: bool = False) -> FetchSession:
        session = FetchSession(by_topic_id=False, privileged=privileged)
        session.want([fetch_topic("t", *(at(0, index=index) for index in range(size)))])
        return session

    @staticmethod
    def cache(slots: int) -> FetchSessionCache:
        ids = iter([0, *range(1, 100)])
        return FetchSessionCache(slots, lambda: next(ids))

    def test_without_slots_nothing_is_remembered(self, tmp_path: Path) -> None:
        replicas = Replicas(tmp_path, session_slots=0)
        replicas.create_topic("t")
        response = replicas.fetch_now(fetch_request(fetch_topic("t", at(0)), session=(0, 0)))
        assert (response.error_code, response.session_id) == (0, 0)
        assert not replicas.partition("t").listeners

    def test_an_idle_session_goes_first(self) -> None:
        cache = self.cache(2)
        idle, used = self.session(9), self.session(9)
        assert cache.add(idle, 0)
        assert cache.add(used, 0)
        cache.touch(used, MIN_EVICTION_AGE_MS)
        assert not cache.add(self.session(1), MIN_EVICTION_AGE_MS)
        assert cache.add(self.session(1), MIN_EVICTION_AGE_MS + 1)
        assert cache.find(idle.id) is None
        assert cache.find(used.id) is used
        assert (len(cache), cache.evictions) == (2, 1)

    def test_a_larger_session_takes_the_place_of_a_smaller_old_one(self) -> None:
        cache = self.cache(2)
        large, small = self.session(9), self.session(2)
        for session in (large, small):
            cache.add(session, 0)
        now_ms = MIN_EVICTION_AGE_MS + 1
        for session in (large, small):
            cache.touch(session, now_ms)
        assert not cache.add(self.session(1), now_ms)
        assert cache.add(self.session(3), now_ms)
        assert cache.find(small.id) is None

    def test_young_sessions_stay_except_for_a_follower(self) -> None:
        cache = self.cache(1)
        young = self.session(1)
        cache.add(young, 0)
        assert not cache.add(self.session(50), 1)
        assert cache.add(self.session(1, privileged=True), 1)
        assert not cache.add(self.session(50, privileged=True), 2)
        assert not cache.add(self.session(50), MIN_EVICTION_AGE_MS)

    def test_an_evicted_session_stops_listening(self, replicas: Replicas) -> None:
        fetcher = Fetcher(replicas)
        fetcher.fetch(every())
        replicas.sessions.remove(fetcher.session_id)
        assert not replicas.partition("t").listeners
        assert fetcher.fetch().error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
