"""An instance comes, and another goes, while states are being restored: nothing is lost or doubled."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, QUICK, STREAMS
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines
from tests.streams.dsl_word_count import topology

from ottla.streams.application.instance_state import State
from ottla.streams.application.kafka_streams import KafkaStreams

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]


class Gate:
    """A restore listener that holds its thread in the middle of a restoration until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.told: list[tuple[str, int]] = []

    def on_restore_start(self, partition: Any, store: str, start_offset: int, end_offset: int) -> None:
        self.told.append(("start", partition.partition))

    def on_batch_restored(self, partition: Any, store: str, batch_end_offset: int, records: int) -> None:
        self.reached.set()
        self.go_on.wait(60)

    def on_restore_end(self, partition: Any, store: str, total_restored: int) -> None:
        self.told.append(("end", partition.partition))

    def on_restore_suspended(self, partition: Any, store: str, total_restored: int) -> None:
        self.told.append(("suspended", partition.partition))


def make(
    tmp_path: Path, bootstrap: str, label: str, protocol: dict[str, str], gate: Gate | None = None
) -> KafkaStreams:
    needed = {"application.id": "word-count", "bootstrap.servers": bootstrap, "state.dir": str(tmp_path / label)}
    config = needed | QUICK | EXACTLY_ONCE | {"statestore.cache.max.bytes": "0"} | protocol
    options: dict[str, Any] = {} if gate is None else {"state_restore_listener": gate}
    return KafkaStreams(topology({}).build(config), config, **options)


@pytest.mark.parametrize("protocol", [CLASSIC, STREAMS], ids=["classic", "streams"])
def test_another_comes_and_goes_in_the_middle(tmp_path: Path, ottla: NodeProcess, protocol: dict[str, str]) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(1500, 1))
    with make(tmp_path, ottla.address, "before", protocol) as app:
        app.wait_until_running()
        assert_exactly_once(read_counts(ottla.address, words), words)
    words += send_lines(ottla.address, some_lines(300, 2))
    gate = Gate()
    first, second = (
        make(tmp_path, ottla.address, "first", protocol, gate),
        make(tmp_path, ottla.address, "second", protocol),
    )
    try:
        first.start()
        assert gate.reached.wait(60)
        second.start()
        wait_for(lambda: second.threads[0].session.member.member_id != "", "the second is a member")
        wait_for(
            lambda: first.threads[0].session.duty is not None or second.threads[0].tasks.tasks,
            "the group wants to share the tasks",
        )
        gate.go_on.set()
        first.wait_until_running()
        second.wait_until_running()
        assert_exactly_once(read_counts(ottla.address, words), words)
        started = [partition for what, partition in gate.told if what == "start"]
        over = [partition for what, partition in gate.told if what != "start"]
        assert sorted(started) == sorted(over)  # every restoration has ended, or was suspended
        assert second.close()
        words += send_lines(ottla.address, some_lines(300, 3))
        assert_exactly_once(read_counts(ottla.address, words), words)
        wait_for(lambda: first.state is State.RUNNING, "the first runs alone")
    finally:
        gate.go_on.set()
        first.close()
        second.close()
