"""What an application sees of its instance: states, failures, threads, stores, and what is missing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, QUICK, STREAMS
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines
from tests.streams.word_count import Count, topology

from ottla.streams.application.instance_state import State
from ottla.streams.application.kafka_streams import KafkaStreams, StreamThreadExceptionResponse
from ottla.streams.errors import StreamsError, UnknownStateStoreError
from ottla.streams.membership.assignment import HostInfo
from ottla.streams.queries.queryable_store_types import QueryableStoreTypes
from ottla.streams.queries.store_query_parameters import StoreQueryParameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.streams.record import Record

pytestmark = pytest.mark.timeout(200)
COUNTS = StoreQueryParameters.from_name_and_type("counts", QueryableStoreTypes.key_value_store())
PROTOCOLS = pytest.mark.parametrize(
    "protocol", [pytest.param(CLASSIC, id="classic", marks=pytest.mark.long), pytest.param(STREAMS, id="streams")]
)


class Apps:
    """Instances in this process, which end with the test."""

    def __init__(self, directory: Path, bootstrap: str) -> None:
        self.made: list[KafkaStreams] = []
        self._directory = directory
        self._bootstrap = bootstrap

    def make(self, label: str, settings: dict[str, Any], **options: Any) -> KafkaStreams:
        needed = {"application.id": "word-count", "bootstrap.servers": self._bootstrap}
        config = needed | QUICK | {"state.dir": str(self._directory / label)} | settings
        app = KafkaStreams(topology(), config, **options)
        self.made.append(app)
        return app


@pytest.fixture
def apps(tmp_path: Path, ottla: NodeProcess) -> Iterator[Apps]:
    made = Apps(tmp_path, ottla.address)
    yield made
    for app in made.made:
        app.close()


@PROTOCOLS
def test_two_threads_share_the_tasks_and_stores_are_read(
    apps: Apps, ottla: NodeProcess, protocol: dict[str, str]
) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(500, 1))
    app = apps.make("one", protocol | EXACTLY_ONCE | {"num.stream.threads": "2"})
    states: list[State] = []
    app.set_state_listener(lambda new, _: states.append(new))
    with app:
        app.wait_until_running()
        assert_exactly_once(read_counts(ottla.address, words), words)
        assert all(thread.tasks.running for thread in app.threads)
        assert dict(app.store(COUNTS).all()) == dict(words)
        with pytest.raises(UnknownStateStoreError, match="no store"):
            app.store(StoreQueryParameters.from_name_and_type("other", QueryableStoreTypes.key_value_store()))
        name = app.add_stream_thread()
        assert name.endswith("-3")
        app.wait_until_running()
        assert app.remove_stream_thread() is not None
    assert states[0] is State.REBALANCING
    assert states[-2:] == [State.PENDING_SHUTDOWN, State.NOT_RUNNING]
    with pytest.raises(StreamsError, match="once"):
        app.start()


def test_paused_it_keeps_its_tasks_and_does_nothing(apps: Apps, ottla: NodeProcess) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(100, 1))
    app = apps.make("one", STREAMS | EXACTLY_ONCE)
    with app:
        app.wait_until_running()
        read_counts(ottla.address, words)
        app.pause()
        (thread,) = app.threads
        words += send_lines(ottla.address, some_lines(100, 2))

        def waiting() -> int:
            return sum(each.task.buffered_records for each in thread.tasks.running)

        wait_for(lambda: waiting() == 100, "all are read, and none is processed")
        assert app.is_paused
        assert app.state is State.RUNNING
        assert sum(dict(app.store(COUNTS).all()).values()) == words.total() - 300
        (here,) = app.metadata_for_local_threads()
        assert (here.thread_name, here.thread_state) == (thread.name, "RUNNING")
        assert {str(each.task_id) for each in here.active_tasks} == {
            f"{sub}_{each}" for sub in "01" for each in range(3)
        }
        assert {part.topic for each in here.active_tasks for part in each.topic_partitions} == {"lines", "words"}
        assert here.standby_tasks == frozenset()
        app.resume()
        assert_exactly_once(read_counts(ottla.address, words), words)


@PROTOCOLS
def test_missing_source_topics_end_it_with_their_names(apps: Apps, protocol: dict[str, str]) -> None:
    app = apps.make("one", protocol)
    app.start()
    with pytest.raises(StreamsError, match="lines"):
        app.wait_until_running(60)
    assert app.state is State.ERROR


@PROTOCOLS
def test_a_failed_thread_is_replaced_and_nothing_is_lost(
    apps: Apps, ottla: NodeProcess, protocol: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(ottla.address)
    failures = threading.Semaphore(2)
    process = Count.process

    def fail_twice(self: Count, record: Record[Any, Any]) -> None:
        process(self, record)
        if record.key == "word3" and failures.acquire(blocking=False):
            raise ValueError("a bad day")

    monkeypatch.setattr(Count, "process", fail_twice)
    words = send_lines(ottla.address, some_lines(500, 2))
    seen: list[BaseException] = []

    def replace(failure: BaseException) -> StreamThreadExceptionResponse:
        seen.append(failure)
        return StreamThreadExceptionResponse.REPLACE_THREAD

    app = apps.make("one", protocol | EXACTLY_ONCE)
    app.set_uncaught_exception_handler(replace)
    app.start()
    assert_exactly_once(read_counts(ottla.address, words), words)
    assert len(seen) == 2
    assert isinstance(seen[0].__cause__, ValueError)
    app.wait_until_running()


@PROTOCOLS
def test_one_failure_may_stop_all_instances(
    apps: Apps, ottla: NodeProcess, protocol: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Count, record: Record[Any, Any]) -> None:
        raise ValueError("not to be mended")

    monkeypatch.setattr(Count, "process", fail)
    make_topics(ottla.address)
    both = [apps.make(label, protocol) for label in ("one", "two")]
    for app in both:
        app.set_uncaught_exception_handler(lambda _: StreamThreadExceptionResponse.SHUTDOWN_APPLICATION)
        app.start()
    for app in both:
        app.wait_until_running()
    send_lines(ottla.address, ["word1"])
    for app in both:
        wait_for(lambda app=app: app.state is State.ERROR, "the instance stops")  # type: ignore[misc]
    assert all(app.failure is not None for app in both)


@PROTOCOLS
def test_instances_know_where_everything_is(apps: Apps, ottla: NodeProcess, protocol: dict[str, str]) -> None:
    make_topics(ottla.address)
    both = [
        apps.make(label, protocol | {"application.server": f"{label}.example:{port}"})
        for label, port in (("one", 1), ("two", 2))
    ]
    for app in both:
        app.start()
    for app in both:
        app.wait_until_running()

    def everything(app: KafkaStreams) -> bool:
        found = {each.host_info: each.topic_partitions for each in app.metadata_for_all_streams_clients()}
        partitions = [each for some in found.values() for each in some]
        hosts = {HostInfo("one.example", 1), HostInfo("two.example", 2)}
        return found.keys() == hosts and sorted(partitions) == sorted(
            (topic, partition) for topic in ("lines", "words") for partition in range(3)
        )

    for app in both:
        wait_for(lambda app=app: everything(app), "the instance knows of both")  # type: ignore[misc]
        assert app.streams_metadata_for_store("counts")


def test_restoration_is_told(apps: Apps, ottla: NodeProcess) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(500, 3))
    with apps.make("one", CLASSIC | EXACTLY_ONCE):
        read_counts(ottla.address, words)
        time.sleep(0.5)
    told: list[tuple[str, int]] = []

    class Listener:
        def on_restore_start(self, partition: Any, store: str, start_offset: int, end_offset: int) -> None:
            told.append(("start", start_offset))

        def on_batch_restored(self, partition: Any, store: str, batch_end_offset: int, records: int) -> None:
            told.append(("batch", records))

        def on_restore_end(self, partition: Any, store: str, total_restored: int) -> None:
            told.append(("end", total_restored))

        def on_restore_suspended(self, partition: Any, store: str, total_restored: int) -> None:
            told.append(("suspended", total_restored))

    with apps.make("elsewhere", CLASSIC | EXACTLY_ONCE, state_restore_listener=Listener()) as app:
        app.wait_until_running()
        assert dict(app.store(COUNTS).all()) == dict(words)
    assert [what for what, _ in told].count("start") == 3
    assert sum(count for what, count in told if what == "end") == words.total()
