"""A task that goes to another instance and stays here as a copy keeps its state: not even memory is filled anew."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, QUICK
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines
from tests.streams.dsl_word_count import topology

from ottla.streams.application.kafka_streams import KafkaStreams
from ottla.streams.application.restore_listener import SuspendReason

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.streams.record import TopicPartition

pytestmark = [pytest.mark.timeout(200), pytest.mark.long]


def make(tmp_path: Path, bootstrap: str, label: str, cache: str) -> KafkaStreams:
    needed = {"application.id": "word-count", "bootstrap.servers": bootstrap, "client.id": label}
    own = {
        "num.standby.replicas": "1",
        "default.dsl.store": "in_memory",
        "statestore.cache.max.bytes": cache,
        "metrics.recording.level": "DEBUG",
        "state.dir": str(tmp_path / label),
    }
    config = needed | QUICK | CLASSIC | EXACTLY_ONCE | own
    return KafkaStreams(topology({}).build(config), config)


def stateful(app: KafkaStreams, phase: str) -> set[str]:
    return {
        str(owned.id)
        for thread in app.threads
        for owned in list(thread.tasks.tasks.values())
        if owned.changelogs and owned.phase.value == phase
    }


def total(app: KafkaStreams, name: str) -> int:
    return sum(int(metric.value) for each, metric in app.metrics().items() if each.name == name)


def counted(found: dict[str, list[int]], words: Counter[str], cache: str) -> None:
    """Each word in its order; behind a cache not every count is told, but the last one is."""
    if cache == "0":
        assert_exactly_once(found, words)
    assert {word: counts[-1] for word, counts in found.items()} == dict(words)
    assert all(counts == sorted(set(counts)) for counts in found.values())


class Heard:
    """What a listener of copies is told."""

    def __init__(self) -> None:
        self.loaded: list[tuple[int, int]] = []
        self._heard: list[tuple[str, TopicPartition]] = []

    def partitions(self, what: str) -> set[TopicPartition]:
        return {partition for each, partition in list(self._heard) if each == what}

    @property
    def promoted(self) -> set[str]:
        return {f"1_{partition.partition}" for partition in self.partitions("promoted")}

    def on_update_start(self, partition: TopicPartition, store: str, start_offset: int) -> None:
        self._heard.append(("start", partition))

    def on_batch_loaded(
        self, partition: TopicPartition, store: str, batch_end_offset: int, records: int, end_offset: int
    ) -> None:
        assert records > 0
        self.loaded.append((batch_end_offset, end_offset))
        self._heard.append(("loaded", partition))

    def on_update_suspended(
        self, partition: TopicPartition, store: str, store_offset: int, end_offset: int, reason: SuspendReason
    ) -> None:
        if reason is SuspendReason.PROMOTED:
            self._heard.append(("promoted", partition))


@pytest.mark.parametrize("cache", ["0", "1000000"])
def test_what_was_active_goes_on_as_a_copy(
    tmp_path: Path, ottla: NodeProcess, caplog: pytest.LogCaptureFixture, cache: str
) -> None:
    caplog.set_level(logging.INFO, "ottla.streams")
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(2000, 1))
    first, second = (make(tmp_path, ottla.address, label, cache) for label in ("first", "second"))
    heard = Heard()
    second.set_standby_update_listener(heard)
    try:
        first.start()
        first.wait_until_running()
        read_counts(ottla.address, words)
        before = stateful(first, "running")
        assert len(before) == 3
        second.start()  # copies first; when they have caught up, some of them take over
        wait_for(lambda: stateful(second, "running"), "tasks move to the second")
        moved = stateful(second, "running")
        assert heard.partitions("start") >= heard.partitions("loaded") > set()
        assert all(end <= known for end, known in heard.loaded)
        assert heard.promoted >= moved
        wait_for(lambda: moved <= stateful(first, "copy"), "what has moved is a copy where it was")
        demoted = set(re.findall(r"task (\d+_\d+) becomes a copy", caplog.text))
        assert moved <= demoted
        more = send_lines(ottla.address, some_lines(300, 2))
        words += more
        counted(read_counts(ottla.address, words), words, cache)
        wait_for(lambda: total(first, "update-total") > 0, "the copies follow")
        assert total(first, "update-total") <= more.total()  # nothing of before was read again
        assert second.close()
        words += send_lines(ottla.address, some_lines(300, 3))
        counted(read_counts(ottla.address, words), words, cache)
        assert stateful(first, "running") == before
    finally:
        first.close()
        second.close()
