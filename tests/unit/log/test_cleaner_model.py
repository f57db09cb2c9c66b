"""Whatever was appended, in whatever order it is compacted: readers from the start see the same last values."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.compacted import IDEMPOTENT, PLAIN, TRANSACTIONAL, CompactedLife, assert_compacted

from ottla.protocol.record_batch import CompressionType

KEYS = [b"a", b"b", b"c", b"", b"fifteen bytes!!", b"sixteen bytes!!!", b"a key that is longer than a hash" * 3]


class CompactedLog(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.life = CompactedLife(SimulatedDisk(1))

    @rule(
        pairs=st.lists(st.tuples(st.sampled_from(KEYS), st.none() | st.binary(max_size=40)), min_size=1, max_size=8),
        producer=st.sampled_from([PLAIN, IDEMPOTENT, TRANSACTIONAL]),
        compression=st.sampled_from(list(CompressionType)),
    )
    def produce(self, pairs: list[tuple[bytes, bytes | None]], producer: int, compression: CompressionType) -> None:
        self.life.produce(pairs, producer, compression)

    @rule(commit=st.booleans())
    def end_transaction(self, commit: bool) -> None:
        self.life.end_transaction(commit=commit)

    @rule()
    def roll(self) -> None:
        self.life.log.roll(self.life.now_ms)

    @rule(ms=st.sampled_from([1, 400, 1100]))
    def time_goes_by(self, ms: int) -> None:
        self.life.now_ms += ms

    @rule(keys_a_pass=st.sampled_from([1, 3, 1000]))
    def clean(self, keys_a_pass: int) -> None:
        life = self.life
        before, sequences = life.seen(committed=True), life.next_sequences()
        start, end = life.log.log_start_offset, life.log.log_end_offset
        if not life.clean(keys_a_pass):
            return
        assert_compacted(before, life.seen(committed=True), life)
        assert (life.log.log_start_offset, life.log.log_end_offset) == (start, end)
        assert life.next_sequences() == sequences

    @rule(clean=st.booleans())
    def reopen(self, clean: bool) -> None:
        """With the producers read anew from the batches that are left, when the snapshots are gone."""
        life = self.life
        seen, sequences, end = life.seen(committed=True), life.next_sequences(), life.log.log_end_offset
        if clean:
            life.log.close()
        life.disk.crash(power=False)
        for name in life.disk.list(life.log.directory):
            if name.endswith(".snapshot"):
                life.disk.remove(life.log.directory / name)
        life.log = life.open(clean=clean)
        life.commit_everything()
        assert life.log.log_end_offset == end
        assert life.seen(committed=True) == seen
        assert life.next_sequences() == sequences


TestCompactedLog = CompactedLog.TestCase
TestCompactedLog.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
