"""Fetch sessions against a model that looks at every partition at every fetch: `ready` must hold all that changed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.unit.broker.replicas import Replicas, at, fetch_request, fetch_topic, partitions_of, values_of

from ottla.protocol.api.fetch import ForgottenTopic, PartitionData
from ottla.protocol.errors import ErrorCode

PARTITIONS = 4  # the last does not exist
UNKNOWN = PARTITIONS - 1
indexes = st.integers(0, PARTITIONS - 1)
existing = st.integers(0, UNKNOWN - 1)


@dataclass
class Told:
    """What the session knows of a partition."""

    offset: int
    high_watermark: int = -1
    log_start_offset: int = -1


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.replicas = Replicas(Path(self.directory.name))
        self.replicas.create_topic("t", UNKNOWN)
        self.ends = [0] * UNKNOWN
        self.starts = [0] * UNKNOWN
        self.told: dict[int, Told] = {}
        self.wanted: dict[int, int] = {}
        self.forgotten: set[int] = set()
        self.session = (0, 0)

    def teardown(self) -> None:
        self.directory.cleanup()

    @initialize()
    def begin(self) -> None:
        self.want(0, 0)
        self.fetch()

    @rule(index=existing, count=st.integers(1, 3))
    def append(self, index: int, count: int) -> None:
        for _ in range(count):
            assert self.replicas.append("t", b"%d" % self.ends[index], index=index) == self.ends[index]
            self.ends[index] += 1

    @rule(index=existing, share=st.floats(0, 1))
    def delete_records(self, index: int, share: float) -> None:
        self.starts[index] += int((self.ends[index] - self.starts[index]) * share)
        self.replicas.partition("t", index).delete_records(self.starts[index])

    @rule(index=indexes, offset=st.integers(0, 6))
    def want(self, index: int, offset: int) -> None:
        self.wanted[index] = offset
        self.forgotten.discard(index)

    @rule(index=indexes)
    def forget(self, index: int) -> None:
        if len(self.told) > 1 and index in self.told:
            self.wanted.pop(index, None)
            self.forgotten.add(index)

    @rule()
    def begin_again(self) -> None:
        self.wanted = {index: known.offset for index, known in self.told.items()} | self.wanted
        self.forgotten.clear()
        self.told.clear()
        self.session = (self.session[0], 0)
        self.fetch()

    @rule()
    def read_on(self) -> None:
        """As a consumer does: move to the end of what it was given."""
        for index, known in self.told.items():
            if index < UNKNOWN and self.starts[index] <= known.offset <= self.ends[index]:
                self.want(index, self.ends[index])
        self.fetch()

    @rule(index=existing)
    def append_and_fetch(self, index: int) -> None:
        self.append(index, 1)
        self.fetch()

    @rule()
    def fetch(self) -> None:
        full = self.session[1] == 0
        response = self.replicas.fetch_now(
            fetch_request(
                fetch_topic("t", *(at(offset, index=index) for index, offset in self.wanted.items())),
                session=self.session,
                forgotten=[ForgottenTopic(topic="t", partitions=sorted(self.forgotten))],
            )
        )
        assert response.error_code == 0
        for index, offset in self.wanted.items():
            self.told.setdefault(index, Told(offset)).offset = offset
        for index in self.forgotten:
            self.told.pop(index, None)
        self.wanted, self.forgotten = {}, set()
        if not self.told:
            self.session = (0, 0)
            self.want(0, 0)
            return
        self.session = (response.session_id, self.session[1] + 1)
        found = {index: data for (_, index), data in partitions_of(response).items()}
        for index, known in self.told.items():
            self._check(index, known, found.pop(index, None), full=full)
        assert not found

    def _check(self, index: int, known: Told, data: PartitionData | None, *, full: bool) -> None:
        if index == UNKNOWN or not self.starts[index] <= known.offset <= self.ends[index]:
            assert data is not None
            unknown = index == UNKNOWN
            assert data.error_code == (
                ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if unknown else ErrorCode.OFFSET_OUT_OF_RANGE
            )
            known.high_watermark = -1
            return
        readable = [(offset, b"%d" % offset) for offset in range(known.offset, self.ends[index])]
        now = (self.ends[index], self.starts[index])
        if readable or now != (known.high_watermark, known.log_start_offset) or full:
            assert data is not None
            assert data.error_code == 0
            assert (data.high_watermark, data.log_start_offset) == now
            assert values_of(data) == readable
            known.high_watermark, known.log_start_offset = now
        else:
            assert data is None


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
