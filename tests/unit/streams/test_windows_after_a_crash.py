"""A task with windows that is killed anywhere goes on from its last commit as if nothing had been.

What a transaction would take back is taken back: what was sent since the last commit, to changelogs, too. Stores are in
RocksDB, but for the buffers of suppressions, which only their changelogs bring back.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.streams_builder import StreamsBuilder
from ottla.streams.dsl.suppressed import Suppressed
from ottla.streams.record import RawRecord, TopicPartition
from ottla.streams.serdes.serdes import Serdes
from ottla.streams.tasks.stream_task import StreamTask
from ottla.streams.windows import EmitStrategy, JoinWindows, SessionWindows, SlidingWindows, TimeWindows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.record import Headers
    from ottla.streams.tasks.topic_partition_metadata import OffsetAndMetadata
    from ottla.streams.topology.topology import Topology

pytest.importorskip("rocksdict")

IN = TopicPartition("in", 0)
CONFIG: dict[str, Any] = {
    "application.id": "app",
    "default.key.serde": Serdes.str(),
    "default.value.serde": Serdes.str(),
    "__emit.interval.ms.kstreams.windowed.aggregation__": 0,
    "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__": 0,
}


def windowed(windows: Any, *, final: bool = False, suppressed: bool = False) -> Callable[[StreamsBuilder], None]:
    def write(builder: StreamsBuilder) -> None:
        stream = builder.stream("in").group_by_key().windowed_by(windows)
        if final:
            stream = stream.emit_strategy(EmitStrategy.on_window_close())
        counts: Materialized[Any, Any] = Materialized.as_("counts")
        table = stream.count(materialized=counts.with_key_serde(Serdes.str()))
        if suppressed:
            table = table.suppress(Suppressed.until_window_closes())
        changes = table.to_stream()
        changes.map(lambda key, value: (str(key), str(value))).to("out")

    return write


def joined(builder: StreamsBuilder) -> None:
    stream = builder.stream("in")
    early = stream.filter(lambda key, value: value < "m")
    late = stream.filter(lambda key, value: value >= "m")
    windows = JoinWindows.of_time_difference_and_grace(5, 3)
    early.outer_join(late, lambda one, two: f"{one}+{two}", windows).to("out")


TOPOLOGIES = {
    "tumbling": windowed(TimeWindows.of_size_with_no_grace(10)),
    "hopping": windowed(TimeWindows.of_size_and_grace(10, 5).advance_by(5)),
    "final": windowed(TimeWindows.of_size_with_no_grace(10), final=True),
    "sliding": windowed(SlidingWindows.of_time_difference_with_no_grace(10)),
    "final sliding": windowed(SlidingWindows.of_time_difference_with_no_grace(10), final=True),
    "session": windowed(SessionWindows.of_inactivity_gap_with_no_grace(5)),
    "final session": windowed(SessionWindows.of_inactivity_gap_with_no_grace(5), final=True),
    "suppressed": windowed(TimeWindows.of_size_and_grace(10, 5), suppressed=True),
    "joined": joined,
}


class Life:
    """A task from one crash to the next, and what outlives it: the disk, what is committed, what was sent by then."""

    def __init__(self, topology: Topology, directory: str, inputs: list[RawRecord]) -> None:
        self.built = topology.build(CONFIG)
        self.directory = directory
        self.inputs = inputs
        self.sent: list[tuple[str, bytes | None, bytes | None, int, Headers]] = []
        self.committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self.committed_sent = 0
        self.begin()

    def begin(self) -> None:
        del self.sent[self.committed_sent :]
        sub_topology = self.built.sub_topologies[0]
        self.task = StreamTask(
            sub_topology, 0, [IN], "app", self.built.config, self, directory=self.directory, cache_bytes=1 << 20
        )
        self.task.open_stores()
        for name, store in self.task.stores.items():
            store.restore(self.logged(name)[store.committed_offset or 0 :])
        self.task.initialize(self.committed)
        self.next = self.committed[IN].offset if self.committed else 0

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        partition: int | None,
        /,
    ) -> None:
        self.sent.append((topic, key, value, timestamp_ms, headers))

    def partitions_for(self, topic: str) -> int:
        return 1

    def logged(self, store: str) -> list[tuple[bytes, bytes | None, int, Headers]]:
        topic = f"app-{store}-changelog"
        return [(key or b"", value, at, headers) for name, key, value, at, headers in self.sent if name == topic]

    def process(self) -> None:
        self.task.add_records(IN, [self.inputs[self.next]])
        self.next += 1
        self.task.process(0, 1)

    def commit(self) -> None:
        offsets = self.task.prepare_commit()
        if offsets:
            self.committed = offsets
            self.committed_sent = len(self.sent)
            self.task.post_commit({name: len(self.logged(name)) for name in self.task.stores})

    def crash(self) -> None:
        self.task.close()
        self.begin()

    def results(self) -> list[Any]:
        return [record for record in self.sent if record[0] == "out"]


inputs = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("am"), st.integers(0, 8)), min_size=1, max_size=25)


@pytest.mark.parametrize("name", TOPOLOGIES)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=inputs, commits=st.sets(st.integers(0, 25)), crashes=st.sets(st.integers(0, 25), max_size=4))
def test_results_are_those_of_a_task_that_was_never_killed(
    name: str, steps: list[tuple[str, str, int]], commits: set[int], crashes: set[int]
) -> None:
    builder = StreamsBuilder()
    TOPOLOGIES[name](builder)
    topology = builder.build()
    at = 0
    records = []
    for offset, (key, value, advance) in enumerate([*steps, ("end", "a", 1_000)]):
        at += advance
        records.append(RawRecord(*IN, offset, at, key.encode(), value.encode()))

    def run(killed_after: set[int]) -> list[Any]:
        with tempfile.TemporaryDirectory() as directory:
            life = Life(topology, directory, records)
            pending = set(killed_after)
            while life.next < len(records):
                done = life.next
                life.process()
                if done in commits:
                    life.commit()
                if done in pending:
                    pending.remove(done)
                    life.crash()
            life.commit()
            life.task.close()
            return life.results()

    if name == "joined":
        # After a restart a join does not know who waits for longest, and may tell later who stayed alone; as in Java.
        assert sorted(run(crashes)) == sorted(run(set()))
    else:
        assert run(crashes) == run(set())
