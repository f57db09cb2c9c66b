"""Two instances of an application on a node answer queries of both versions, before, during and after rebalances."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, QUICK, STREAMS
from tests.streams.queried import PARTITIONS, TEXT, make_topics, send, topology
from tests.streams.test_standbys import set_group_config

from ottla.streams.application.instance_state import State
from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.errors import (
    InvalidStateStoreError,
    InvalidStateStorePartitionError,
    StreamsNotStartedError,
    StreamsStoppedError,
    UnknownStateStoreError,
)
from ottla.streams.membership.assignment import HostInfo
from ottla.streams.queries.key_query import KeyQuery, TimestampedKeyQuery
from ottla.streams.queries.key_query_metadata import NOT_AVAILABLE
from ottla.streams.queries.position import Position, PositionBound
from ottla.streams.queries.query_result import FailureReason
from ottla.streams.queries.queryable_store_types import QueryableStoreTypes
from ottla.streams.queries.range_query import RangeQuery
from ottla.streams.queries.state_query_request import StateQueryRequest
from ottla.streams.queries.store_query_parameters import StoreQueryParameters
from ottla.streams.queries.versioned_query import MultiVersionedKeyQuery, VersionedKeyQuery
from ottla.streams.queries.window_query import WindowKeyQuery, WindowRangeQuery
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.windows import Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(200)
WORDS: Final = [f"word{number}" for number in range(20)]
COUNTS: Final = StoreQueryParameters.from_name_and_type("counts", QueryableStoreTypes.key_value_store())
ONE, TWO = HostInfo("one.example", 1), HostInfo("two.example", 2)
PROTOCOLS = pytest.mark.parametrize(
    "protocol", [pytest.param(CLASSIC, id="classic", marks=pytest.mark.long), pytest.param(STREAMS, id="streams")]
)


@pytest.fixture
def make(tmp_path: Path, broker: NodeProcess) -> Iterator[Callable[[HostInfo, dict[str, Any]], KafkaStreams]]:
    """Makes instances in this process, which end with the test."""
    made: list[KafkaStreams] = []

    def make(host: HostInfo, settings: dict[str, Any]) -> KafkaStreams:
        config = QUICK | settings | {
            "application.id": "queried",
            "bootstrap.servers": broker.address,
            "application.server": f"{host.host}:{host.port}",
            "state.dir": str(tmp_path / host.host),
            "num.standby.replicas": "1",
        }  # fmt: skip
        app = KafkaStreams(topology().build(config), config)
        made.append(app)
        return app

    yield make
    for app in made:
        app.close()


def test_every_kind_of_store_answers(
    make: Callable[[HostInfo, dict[str, Any]], KafkaStreams], broker: NodeProcess
) -> None:
    make_topics(broker.address)
    send(broker.address, "names", [("a", "Ottla", 1_000)])
    app = make(ONE, STREAMS | EXACTLY_ONCE)
    with pytest.raises(StreamsNotStartedError):
        app.store(COUNTS)
    app.start()
    app.wait_until_running()
    seen = send(broker.address, "words", [("a", "x", 1_000), ("a", "x", 2_000), ("b", "x", 3_000), ("a", "x", 30_000)])
    prices = send(broker.address, "prices", [("a", "1", 1_000), ("a", "2", 5_000), ("a", "3", 9_000)])
    everything = StateQueryRequest.in_store

    def ask(store: str, query: Any, bound: Position = seen) -> Any:
        """The answers of a store that is here whole and has seen what was written: `NOT_UP_TO_BOUND` until then."""
        request = everything(store).with_query(query).with_position_bound(PositionBound.at(bound)).require_active()

        def answered() -> Any:
            result = app.query(request)
            reasons = {each.failure_reason for each in result.partition_results.values()} - {None}
            assert reasons <= {FailureReason.NOT_UP_TO_BOUND}, result
            return None if reasons or len(result.partition_results) < PARTITIONS else result

        found: Any = wait_for(answered, f"{store} has seen {bound}")
        assert PositionBound.at(bound).permits(found.position, None)
        return found

    def one(store: str, query: Any, bound: Position = seen) -> Any:
        only = ask(store, query, bound).only_partition_result
        return None if only is None else only.result

    # Version 2: what was written is there, without waiting for a commit
    assert one("counts", KeyQuery.with_key("a")) == 3
    assert one("counts", TimestampedKeyQuery.with_key("a")) == ValueAndTimestamp(3, 30_000)
    assert one("counts", KeyQuery.with_key("nothing")) is None
    rows = [
        row for each in ask("counts", RangeQuery.with_no_bounds()).partition_results.values() for row in each.result
    ]
    assert sorted(rows) == [("a", 3), ("b", 1)]
    windows = ask("windows", WindowKeyQuery.with_key_and_window_start_range("a", 0, 30_000)).partition_results.values()
    assert [row for each in windows for row in each.result] == [
        (0, ValueAndTimestamp(2, 2_000)),
        (30_000, ValueAndTimestamp(1, 30_000)),
    ]
    sessions = ask("sessions", WindowRangeQuery.with_key("a")).partition_results.values()
    assert [row for each in sessions for row in each.result] == [
        (Windowed("a", Window(1_000, 2_000)), 2),
        (Windowed("a", Window(30_000, 30_000)), 1),
    ]
    assert one("prices", VersionedKeyQuery.with_key("a").as_of(6_000), prices).value == "2"
    versions = ask("prices", MultiVersionedKeyQuery.with_key("a").from_time(5_000), prices).partition_results.values()
    assert [record.value for each in versions for record in each.result] == ["3", "2"]
    shared = app.query(everything("names").with_query(KeyQuery.with_key("a")).enable_execution_info())
    assert shared.global_result is not None
    assert shared.global_result.result == "Ottla"
    assert "Handled in" in shared.global_result.execution_info[0]
    assert shared.position.topics == {"names"}
    failed = app.query(everything("counts").with_query(WindowRangeQuery.with_key("a")).with_partitions({0, 7}))
    assert {each: result.failure_reason for each, result in failed.partition_results.items()} == {
        0: FailureReason.UNKNOWN_QUERY_TYPE,
        7: FailureReason.NOT_PRESENT,
    }

    # Version 1
    assert sorted(app.store(COUNTS).all()) == [("a", 3), ("b", 1)]
    types = QueryableStoreTypes
    of_kind = StoreQueryParameters.from_name_and_type
    assert app.store(of_kind("counts", types.timestamped_key_value_store())).get("a") == ValueAndTimestamp(3, 30_000)
    assert list(app.store(of_kind("windows", types.window_store())).fetch("a", 0, 30_000)) == [(0, 2), (30_000, 1)]
    assert app.store(of_kind("windows", types.timestamped_window_store())).get("b", 0) == ValueAndTimestamp(1, 3_000)
    assert app.store(of_kind("sessions", types.session_store())).fetch_session("a", 1_000, 2_000) == 2
    assert app.store(of_kind("names", types.key_value_store())).get("a") == "Ottla"
    with pytest.raises(InvalidStateStoreError, match="what was asked for: session store"):
        app.store(of_kind("counts", types.session_store()))
    with pytest.raises(UnknownStateStoreError, match="no store other"):
        app.store(of_kind("other", types.key_value_store()))
    with pytest.raises(InvalidStateStorePartitionError, match="partition 7"):
        app.store(COUNTS.with_partition(7))
    view = app.store(COUNTS)
    app.close()
    with pytest.raises(StreamsStoppedError):
        view.get("a")
    with pytest.raises(StreamsStoppedError):
        app.store(COUNTS)


@PROTOCOLS
def test_two_instances_answer_through_rebalances(
    make: Callable[[HostInfo, dict[str, Any]], KafkaStreams], broker: NodeProcess, protocol: dict[str, str]
) -> None:
    make_topics(broker.address)
    asyncio.run(set_group_config(broker.address, "queried", "streams.num.standby.replicas", "1"))
    settings = protocol | EXACTLY_ONCE | {"num.stream.threads": "2"}
    one = make(ONE, settings)
    one.start()
    one.wait_until_running()
    seen = send(broker.address, "words", [(word, "x", 1_000 + at) for at, word in enumerate(WORDS * 3)])
    view = one.store(COUNTS)
    wait_for(lambda: _sees(one, seen), "the first instance has counted")
    assert dict(view.all()) == dict.fromkeys(WORDS, 3)

    with _Asking(view) as asking:
        two = make(TWO, settings)
        two.start()
        two.wait_until_running()
        apps = {ONE: one, TWO: two}
        wait_for(lambda: all(_knows_all(app) for app in apps.values()), "both know where everything is")
        seen = seen.merge(send(broker.address, "words", [(word, "x", 2_000) for word in WORDS]))
        wait_for(lambda: all(_answers(apps, word, 4) for word in WORDS), "whoever has a key answers for it")
        _check_copies(apps, seen)
        assert two.close()
        wait_for(lambda: one.state is State.RUNNING and _sees(one, seen), "the first instance has everything again")
        assert dict(view.all()) == dict.fromkeys(WORDS, 4)  # the view of before all that
    assert asking.wrong == []
    assert asking.answered["right"] > 0
    assert one.query_metadata_for_key("counts", "word1", key_serializer=TEXT.serializer) != NOT_AVAILABLE


@pytest.mark.long
def test_stores_answer_while_the_cluster_does_not(
    make: Callable[[HostInfo, dict[str, Any]], KafkaStreams], broker: NodeProcess
) -> None:
    """The node stands still, and the producer's queue is full: the thread waits in the middle of a record."""
    make_topics(broker.address)
    small = {"statestore.cache.max.bytes": "0", "producer.queue.buffering.max.messages": "100"}
    app = make(ONE, STREAMS | small | {"producer.linger.ms": "100"})
    app.start()
    app.wait_until_running()
    seen = send(broker.address, "words", [("first", "x", 1_000)])
    wait_for(lambda: _sees(app, seen), "the first word is counted")
    (thread,) = app.threads
    send(broker.address, "words", [(f"word{number}", "x", 2_000) for number in range(20_000)])
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        before = -1
        while before != thread.processed:  # until it gets no further
            before = thread.processed
            assert app.store(COUNTS).get("first") == 1
            time.sleep(1.0)
        began_s = time.monotonic()
        assert dict(app.store(COUNTS).all())["first"] == 1
        assert time.monotonic() - began_s < 5
    finally:
        os.kill(broker.pid, signal.SIGCONT)


class _Asking:
    """A thread that asks without end. Where it is answered, the answer is right: what is moving says so."""

    def __init__(self, view: Any) -> None:
        self.wrong: list[Any] = []
        self.answered: Counter[str] = Counter()
        self._view = view
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> _Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _ask(self) -> None:
        at = 0
        while not self._stop.wait(0.001):
            at += 1
            try:
                found = self._view.get(WORDS[at % len(WORDS)]) if at % 10 else dict(self._view.all())
            except InvalidStateStoreError as error:
                self.answered[type(error).__name__] += 1
                continue
            except Exception as error:
                self.wrong.append(error)
                return
            counts = found.values() if isinstance(found, dict) else [found]
            if any(count not in (3, 4, None) for count in counts):
                self.wrong.append(found)
            self.answered["right" if counts else "elsewhere"] += 1


def _sees(app: KafkaStreams, position: Position) -> bool:
    request = StateQueryRequest.in_store("counts").with_query(KeyQuery.with_key("word0")).require_active()
    result = app.query(request.with_position_bound(PositionBound.at(position)).with_partitions(range(PARTITIONS)))
    return all(each.is_success for each in result.partition_results.values())


def _knows_all(app: KafkaStreams) -> bool:
    """Who has every key, and a copy of it, and that these are not the same."""
    found = [app.query_metadata_for_key("counts", word, key_serializer=TEXT.serializer) for word in WORDS]
    return all(
        {each.active_host, *each.standby_hosts} == {ONE, TWO} and each.active_host not in each.standby_hosts
        for each in found
    )


def _answers(apps: dict[HostInfo, KafkaStreams], word: str, count: int) -> bool:
    where = apps[ONE].query_metadata_for_key("counts", word, key_serializer=TEXT.serializer)
    try:
        return apps[where.active_host].store(COUNTS.with_partition(where.partition)).get(word) == count
    except InvalidStateStoreError:
        return False


def _check_copies(apps: dict[HostInfo, KafkaStreams], seen: Position) -> None:
    """A copy answers who asks for stale stores, and nobody else."""
    where = apps[ONE].query_metadata_for_key("counts", "word1", key_serializer=TEXT.serializer)
    (host,) = where.standby_hosts
    copy, partition = apps[host], where.partition
    wait_for(lambda: copy.all_local_store_partition_lags()["counts"][partition].offset_lag == 0, "the copy is complete")
    mine = COUNTS.with_partition(partition)
    with pytest.raises(InvalidStateStoreError, match=r"is copy here|not here"):
        copy.store(mine)
    wait_for(lambda: copy.store(mine.enable_stale_stores()).get("word1") == 4, "the copy has the last count")
    request = StateQueryRequest.in_store("counts").with_query(KeyQuery.with_key("word1")).with_partitions({partition})
    assert copy.query(request).partition_results[partition].result == 4
    refused = copy.query(request.require_active()).partition_results[partition]
    assert refused.failure_reason is FailureReason.NOT_ACTIVE
    behind = copy.query(request.with_position_bound(PositionBound.at(seen))).partition_results[partition]
    assert behind.failure_reason is FailureReason.NOT_UP_TO_BOUND
