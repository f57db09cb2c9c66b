"""A leader of followers: what is committed, who is in sync, and what followers and consumers are given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.replicas import (
    LAG_TIME_MAX_MS,
    NODE_ID,
    Replicas,
    at,
    batch,
    fetch_request,
    fetch_topic,
    over_the_wire,
    partition_of,
    partitions_of,
    readable,
    values_of,
)

from ottla.broker.apis.delete_records import DeleteRecordsHandler
from ottla.broker.replica.isr_changes import CommittedIsr, IsrAnswer, IsrChange
from ottla.protocol.api.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from ottla.protocol.api.fetch import FetchResponse, PartitionData, ReplicaState
from ottla.protocol.api.produce import PartitionProduceResponse, ProduceResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

ALL = (1, 2, 3)
NOTHING = PartitionData(partition_index=-1, error_code=0, high_watermark=-1, records=b"", aborted_transactions=None)


class AskedIsr:
    """`IsrChanges` that the test answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[IsrChange, Callable[[IsrAnswer], None]]] = []

    def propose(self, change: IsrChange, answered: Callable[[IsrAnswer], None]) -> None:
        self.asked.append((change, answered))

    @property
    def newest(self) -> tuple[tuple[int, int], ...]:
        return self.asked[-1][0].isr

    def answer(self, answer: IsrAnswer) -> None:
        self.asked.pop()[1](answer)


@pytest.fixture
def isr() -> AskedIsr:
    return AskedIsr()


@pytest.fixture
def replicas(tmp_path: Path, isr: AskedIsr) -> Replicas:
    replicas = Replicas(tmp_path, isr_changes=isr)
    replicas.register_broker(2, 9093, epoch=20)
    replicas.register_broker(3, 9094, epoch=30)
    return replicas


class Follower:
    """Fetches as a replica: in one session, from where its log ends."""

    def __init__(self, replicas: Replicas, broker_id: int, topic_id: bytes, *, epoch: int | None = None) -> None:
        self._replicas = replicas
        self._topic_id = topic_id
        self.state = ReplicaState(replica_id=broker_id, replica_epoch=broker_id * 10 if epoch is None else epoch)
        self.session = (0, 0)

    def ask(
        self, offset: int | None, *, leader_epoch: int = 0, last_epoch: int = -1, start: int = 0, wait_ms: int = 0
    ) -> FetchResponse | Awaitable[FetchResponse]:
        """`None`: nothing changed since the last fetch."""
        wanted = (
            [] if offset is None else [at(offset, epoch=leader_epoch, last_epoch=last_epoch, log_start_offset=start)]
        )
        request = fetch_request(
            *([fetch_topic(self._topic_id, *wanted)] if wanted else []),
            session=self.session,
            replica_state=self.state,
            max_wait_ms=wait_ms,
        )
        return self._replicas.fetch(request, 17)

    def fetch(
        self, offset: int | None, *, leader_epoch: int = 0, last_epoch: int = -1, start: int = 0
    ) -> PartitionData:
        answer = self.ask(offset, leader_epoch=leader_epoch, last_epoch=last_epoch, start=start)
        assert isinstance(answer, FetchResponse)
        return self.take(answer)

    def take(self, answer: FetchResponse) -> PartitionData:
        assert answer.error_code == 0
        self.session = (answer.session_id, self.session[1] + 1)
        found = list(partitions_of(readable(answer, 17)).values())
        return found[0] if found else NOTHING


def high_watermark(replicas: Replicas) -> int:
    return replicas.partition("t").log.high_watermark


async def settled() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def waiting_for(answer: object) -> asyncio.Future[ProduceResponse]:
    assert isinstance(answer, asyncio.Future), answer
    return answer


class TestHighWatermark:
    def test_it_is_the_lowest_end_of_those_in_sync(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL)
        two, three = Follower(replicas, 2, topic_id), Follower(replicas, 3, topic_id)
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        assert high_watermark(replicas) == 0
        given = two.fetch(0)
        assert (values_of(given), given.high_watermark) == ([(0, b"a"), (1, b"b")], 0)
        two.fetch(2)
        assert high_watermark(replicas) == 0  # nothing is known of the third
        three.fetch(0)
        assert high_watermark(replicas) == 0
        assert three.fetch(2).high_watermark == 2  # told by the fetch that moved it
        assert high_watermark(replicas) == 2

    def test_a_follower_is_told_of_a_high_watermark_that_another_moved(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL)
        two, three = Follower(replicas, 2, topic_id), Follower(replicas, 3, topic_id)
        replicas.produce("t", batch(b"a"), acks=1)
        two.fetch(0)
        two.fetch(1)
        assert two.fetch(None).partition_index == -1  # nothing new
        three.fetch(1)
        told = two.fetch(None)
        assert (told.partition_index, told.high_watermark, told.records) == (0, 1, b"")

    def test_nothing_is_committed_below_min_insync_replicas(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL, isr=(1,), configs={"min.insync.replicas": "2"})
        replicas.produce("t", batch(b"a"), acks=1)
        assert high_watermark(replicas) == 0
        Follower(replicas, 2, topic_id).fetch(1)
        assert high_watermark(replicas) == 0  # asked for, not committed
        isr.answer(CommittedIsr(NODE_ID, 0, (1, 2), 1))
        assert high_watermark(replicas) == 1

    def test_alone_in_sync_it_follows_the_log_unless_somebody_is_about_to_join(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        replicas.produce("t", batch(b"a"), acks=1)
        assert high_watermark(replicas) == 1
        two = Follower(replicas, 2, topic_id, epoch=19)  # of an earlier life: may not join, is not waited for
        assert two.fetch(1).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
        replicas.produce("t", batch(b"b"), acks=1)
        assert high_watermark(replicas) == 2

    def test_a_follower_that_is_being_added_counts_before_it_is_committed(
        self, replicas: Replicas, isr: AskedIsr
    ) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        replicas.produce("t", batch(b"a"), acks=1)
        two = Follower(replicas, 2, topic_id)
        two.fetch(1)
        assert isr.newest == ((1, 0), (2, 20))
        replicas.produce("t", batch(b"b"), acks=1)
        assert high_watermark(replicas) == 1
        two.fetch(2)
        assert high_watermark(replicas) == 2

    def test_it_never_moves_back(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        two = Follower(replicas, 2, topic_id)
        two.fetch(2)
        assert high_watermark(replicas) == 2
        two.fetch(0)
        assert high_watermark(replicas) == 2


class TestFollowersFetch:
    def test_who_is_no_replica_is_told_to_wait_for_metadata(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        assert Follower(replicas, 3, topic_id).fetch(0).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
        assert Follower(replicas, 3, topic_id).fetch(0, leader_epoch=-1).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER

    def test_a_diverging_fetch_proves_nothing(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        replicas.produce("t", batch(b"a"), acks=1)
        replicas.change(topic_id, leader=NODE_ID)
        replicas.produce("t", batch(b"b"), acks=1)
        two = Follower(replicas, 2, topic_id)
        diverging = two.fetch(2, leader_epoch=1, last_epoch=0)
        assert (diverging.diverging_epoch.epoch, diverging.diverging_epoch.end_offset) == (0, 1)
        assert high_watermark(replicas) == 0
        two.fetch(1, leader_epoch=1, last_epoch=0)
        two.fetch(2, leader_epoch=1, last_epoch=1)
        assert high_watermark(replicas) == 2
        assert isr.asked == []

    def test_a_follower_gets_no_answer_from_a_follower(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), leader=2)
        assert Follower(replicas, 2, topic_id).fetch(0).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER

    async def test_a_parked_fetch_wakes_when_something_is_appended(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        two = Follower(replicas, 2, topic_id)
        two.fetch(0)
        waiting = two.ask(None, wait_ms=500)
        assert isinstance(waiting, asyncio.Future)
        replicas.produce("t", batch(b"a"), acks=1)
        await settled()
        assert values_of(two.take(await waiting)) == [(0, b"a")]

    def test_all_that_a_session_asks_for_is_heard_even_if_not_all_fits(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", 2, replicas=(1, 2))
        for index in (0, 1):
            replicas.produce("t", batch(b"a"), index=index, acks=1)
            replicas.produce("t", batch(b"b"), index=index, acks=1)

        def ask(session: tuple[int, int], offset: int) -> FetchResponse:
            return replicas.fetch_now(
                fetch_request(
                    fetch_topic(topic_id, at(offset, epoch=0), at(offset, 1, epoch=0)),
                    session=session,
                    max_bytes=1,
                    replica_state=ReplicaState(replica_id=2, replica_epoch=20),
                ),
                17,
            )

        first = ask((0, 0), 0)
        second = ask((first.session_id, 1), 1)
        assert len(partitions_of(second)) == 1  # one batch fills the answer
        assert [replicas.partition("t", index).log.high_watermark for index in (0, 1)] == [1, 1]

    def test_a_request_that_was_lost_and_comes_late_is_set_right_by_the_next(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        two, late = Follower(replicas, 2, topic_id), Follower(replicas, 2, topic_id)
        two.fetch(2)
        late.fetch(0)  # of a connection that the follower gave up
        leadership = replicas.partition("t").leadership
        assert leadership is not None
        assert leadership.followers[2].log_end_offset == 0
        two.fetch(None)
        assert leadership.followers[2].log_end_offset == 2

    async def test_a_request_that_comes_late_while_the_next_is_parked_is_set_right_by_the_one_after(
        self, replicas: Replicas
    ) -> None:
        """Found by simulation: cluster-combined-far-apart, seed 2008."""
        topic_id = replicas.create_topic("t", 2, replicas=(1, 2))
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        two, late = Follower(replicas, 2, topic_id), Follower(replicas, 2, topic_id)
        two.fetch(2)
        two.fetch(None)
        waiting = two.ask(None, wait_ms=100)
        late.fetch(0)
        assert isinstance(waiting, asyncio.Future)
        replicas.timers.advance(100)
        two.take(await waiting)
        leadership = replicas.partition("t").leadership
        assert leadership is not None
        two.fetch(None)
        assert leadership.followers[2].log_end_offset == 2

    async def test_who_asks_before_this_node_knows_the_topic_is_heard_when_it_does(self, replicas: Replicas) -> None:
        """Its fetch waits with those of other topics, and its session does not say again where it is."""
        known = replicas.create_topic("t", replicas=(1, 2))
        new = (int.from_bytes(known) + 1).to_bytes(16)
        two = ReplicaState(replica_id=2, replica_epoch=20)
        first = fetch_request(fetch_topic(known, at(0, epoch=0)), session=(0, 0), replica_state=two)
        session = replicas.fetch_now(first, 17).session_id
        waiting = replicas.fetch(
            fetch_request(
                fetch_topic(new, at(0, epoch=0)), session=(session, 1), max_wait_ms=500, min_bytes=1, replica_state=two
            ),
            17,
        )
        assert isinstance(waiting, asyncio.Future)
        assert replicas.create_topic("new", replicas=(1, 2)) == new
        replicas.produce("t", batch(b"a"), acks=1)
        await settled()
        assert {data.error_code for data in partitions_of(await waiting).values()} == {0}
        leadership = replicas.partition("new").leadership
        assert leadership is not None
        assert leadership.followers[2].log_end_offset == 0

    @pytest.mark.parametrize("version", [4, 11, 12, 14])
    def test_older_versions_name_the_replica_without_its_epoch(
        self, replicas: Replicas, isr: AskedIsr, version: int
    ) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        replicas.produce("t", batch(b"a"), acks=1)
        topic = topic_id if version >= 13 else "t"
        replicas.fetch_now(fetch_request(fetch_topic(topic, at(1)), replica_id=2), version)
        assert isr.newest == ((1, 0), (2, -1))


class TestInSyncReplicas:
    def test_who_reaches_the_high_watermark_and_the_epoch_is_added(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL, isr=(1,))
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        two = Follower(replicas, 2, topic_id)
        two.fetch(0)
        assert isr.asked == []
        two.fetch(2)
        (change, _) = isr.asked[0]
        assert (change.topic_id, change.index, change.leader_epoch, change.partition_epoch) == (topic_id, 0, 0, 0)
        assert change.isr == ((1, 0), (2, 20))
        Follower(replicas, 3, topic_id).fetch(2)
        assert len(isr.asked) == 1  # one at a time
        isr.answer(CommittedIsr(NODE_ID, 0, (1, 2), 1))
        assert replicas.partition("t").isr == (1, 2)
        assert replicas.partition("t").partition_epoch == 1

    @pytest.mark.parametrize("why", ["fenced", "leaving", "an earlier life"])
    def test_who_may_not_stay_is_not_added(self, replicas: Replicas, isr: AskedIsr, why: str) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        if why == "fenced":
            replicas.register_broker(2, 9093, epoch=20, fenced=True)
        elif why == "leaving":
            replicas.replay(BrokerRegistrationChangeRecord(broker_id=2, broker_epoch=20, in_controlled_shutdown=1))
        epoch = 19 if why == "an earlier life" else 20
        Follower(replicas, 2, topic_id, epoch=epoch).fetch(0)
        assert isr.asked == []

    def test_who_lags_too_long_is_taken_out(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL)
        two, three = Follower(replicas, 2, topic_id), Follower(replicas, 3, topic_id)
        two.fetch(0)
        three.fetch(0)
        replicas.produce("t", batch(b"a"), acks=1)
        leadership = replicas.partition("t").leadership
        assert leadership is not None
        replicas.clock.ms += LAG_TIME_MAX_MS
        leadership.shrink()
        assert isr.asked == []
        two.fetch(1)
        replicas.clock.ms += 1
        leadership.shrink()
        assert isr.newest == ((1, 0), (2, 20))
        assert high_watermark(replicas) == 0  # it counts until it is out
        isr.answer(CommittedIsr(NODE_ID, 0, (1, 2), 1))
        assert high_watermark(replicas) == 1

    def test_a_follower_at_rest_has_lagged_only_since_the_append(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        two = Follower(replicas, 2, topic_id)
        two.fetch(0)
        leadership = replicas.partition("t").leadership
        assert leadership is not None
        replicas.clock.ms += 10 * LAG_TIME_MAX_MS
        two.fetch(None)  # its session goes on; of this partition it has nothing to say
        replicas.clock.ms += LAG_TIME_MAX_MS - 1
        replicas.produce("t", batch(b"a"), acks=1)
        leadership.shrink()
        assert isr.asked == []
        replicas.clock.ms += 2
        leadership.shrink()
        assert isr.newest == ((1, 0),)

    def test_what_a_follower_had_in_an_earlier_epoch_proves_nothing(self, replicas: Replicas, isr: AskedIsr) -> None:
        """It may have been removed, and added again with an empty log (found by simulation)."""
        topic_id = replicas.create_topic("t", replicas=ALL)
        replicas.produce("t", batch(b"a"), acks=1)
        two = Follower(replicas, 2, topic_id)
        two.fetch(1)
        replicas.change(topic_id, leader=NODE_ID, isr=[1, 3])
        assert isr.asked == []
        two.fetch(0, leader_epoch=1)
        assert isr.asked == []
        two.fetch(1, leader_epoch=1)
        assert isr.newest == ((1, 0), (3, -1), (2, 20))

    def test_one_that_is_not_heard_of_any_more_is_not_added_again(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), configs={"min.insync.replicas": "2"})
        two = Follower(replicas, 2, topic_id)
        two.fetch(0)
        replicas.produce("t", batch(b"a"), acks=1)
        replicas.clock.ms += LAG_TIME_MAX_MS + 1
        leadership = replicas.partition("t").leadership
        assert leadership is not None
        leadership.shrink()
        isr.answer(CommittedIsr(NODE_ID, 0, (1,), 1))
        assert isr.asked == []  # though it has all that is committed, as nothing is below min.insync.replicas
        two.fetch(0)
        assert isr.newest == ((1, 0), (2, 20))

    @pytest.mark.parametrize("error", [ErrorCode.INELIGIBLE_REPLICA, ErrorCode.OPERATION_NOT_ATTEMPTED])
    def test_what_was_not_done_is_off_the_table(self, replicas: Replicas, isr: AskedIsr, error: ErrorCode) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        two = Follower(replicas, 2, topic_id)
        two.fetch(0)
        isr.answer(error)
        assert replicas.partition("t").isr == (1,)
        two.fetch(0)
        assert isr.newest == ((1, 0), (2, 20))  # asked anew

    @pytest.mark.parametrize("error", [ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.INVALID_UPDATE_VERSION])
    def test_old_knowledge_waits_for_the_metadata(self, replicas: Replicas, isr: AskedIsr, error: ErrorCode) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        two = Follower(replicas, 2, topic_id)
        two.fetch(0)
        isr.answer(error)
        two.fetch(0)
        assert isr.asked == []
        replicas.change(topic_id, isr=[1])
        two.fetch(0)
        assert isr.asked[0][0].partition_epoch == 1

    def test_an_unexpected_error_is_asked_again(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        Follower(replicas, 2, topic_id).fetch(0)
        before = isr.asked[0][0]
        isr.answer(ErrorCode.UNKNOWN_SERVER_ERROR)
        assert isr.asked[0][0] is before

    def test_the_metadata_overrides_what_was_asked_and_answers_that_come_late(
        self, replicas: Replicas, isr: AskedIsr
    ) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), isr=(1,))
        Follower(replicas, 2, topic_id).fetch(0)
        replicas.change(topic_id, isr=[1, 2])
        assert replicas.partition("t").isr == (1, 2)
        isr.answer(CommittedIsr(NODE_ID, 0, (1,), 0))
        assert replicas.partition("t").isr == (1, 2)

    def test_metadata_that_an_answer_told_before_leaves_what_was_asked_since(
        self, replicas: Replicas, isr: AskedIsr
    ) -> None:
        """The controller may have added who was asked for, however far that one is."""
        replicas.register_broker(4, 9095, epoch=40)
        topic_id = replicas.create_topic("t", replicas=(1, 2, 3, 4), isr=(1,))
        Follower(replicas, 2, topic_id).fetch(0)
        isr.answer(CommittedIsr(NODE_ID, 0, (1, 2), 1))
        Follower(replicas, 4, topic_id).fetch(0)
        Follower(replicas, 3, topic_id).fetch(0)
        replicas.change(topic_id, isr=[1, 2])  # partition epoch 1
        leadership = replicas.partition("t").leadership
        assert leadership is not None
        assert leadership.maximal_isr == {1, 2, 4}
        assert len(isr.asked) == 1
        isr.answer(CommittedIsr(NODE_ID, 0, (1, 2, 4), 2))
        assert replicas.partition("t").isr == (1, 2, 4)
        assert isr.newest == ((1, 0), (2, 20), (4, 40), (3, 30))

    def test_metadata_that_is_older_than_an_answer_is_passed_over(self, replicas: Replicas, isr: AskedIsr) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL, isr=(1,))
        Follower(replicas, 2, topic_id).fetch(0)
        isr.answer(CommittedIsr(NODE_ID, 0, (1, 2), 2))
        replicas.change(topic_id, isr=[1])  # partition epoch 1
        assert replicas.partition("t").isr == (1, 2)


class TestProduce:
    async def test_acks_all_waits_for_those_in_sync(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        waiting = waiting_for(replicas.produce("t", batch(b"a")))
        Follower(replicas, 2, topic_id).fetch(1)
        assert partition_of(await waiting, 9).error_code == 0

    async def test_acks_all_gives_up_after_its_time(self, replicas: Replicas) -> None:
        replicas.create_topic("t", replicas=(1, 2))
        waiting = waiting_for(replicas.produce("t", batch(b"a"), timeout_ms=100))
        replicas.timers.advance(100)
        assert partition_of(await waiting, 9).error_code == ErrorCode.REQUEST_TIMED_OUT

    def test_acks_all_is_refused_when_too_few_are_in_sync(self, replicas: Replicas) -> None:
        replicas.create_topic("t", replicas=ALL, isr=(1,), configs={"min.insync.replicas": "2"})
        refused = replicas.produce("t", batch(b"a"))
        assert isinstance(refused, PartitionProduceResponse)
        assert refused.error_code == ErrorCode.NOT_ENOUGH_REPLICAS
        taken = replicas.produce("t", batch(b"a"), acks=1)
        assert isinstance(taken, PartitionProduceResponse)
        assert taken.error_code == 0

    async def test_who_waits_hears_of_a_lost_leadership(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        waiting = waiting_for(replicas.produce("t", batch(b"a")))
        replicas.change(topic_id, leader=2)
        assert partition_of(await waiting, 9).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER


class TestRacks:
    """KIP-392."""

    @pytest.fixture
    def topic_id(self, replicas: Replicas) -> bytes:
        replicas.register_broker(2, 9093, epoch=20, rack="r2")
        replicas.register_broker(3, 9094, epoch=30, rack="r2")
        return replicas.create_topic("t", replicas=ALL)

    @staticmethod
    def consume(replicas: Replicas, topic_id: bytes, rack: str, offset: int = 0, version: int = 13) -> PartitionData:
        topic = topic_id if version >= 13 else "t"
        request = fetch_request(fetch_topic(topic, at(offset)), rack_id=rack)
        (data,) = partitions_of(replicas.fetch_now(request, version)).values()
        return data

    def test_a_consumer_is_sent_to_the_replica_in_its_rack_that_has_most(
        self, replicas: Replicas, topic_id: bytes
    ) -> None:
        replicas.produce("t", batch(b"a"), acks=1)
        replicas.produce("t", batch(b"b"), acks=1)
        two, three = Follower(replicas, 2, topic_id), Follower(replicas, 3, topic_id)
        assert self.consume(replicas, topic_id, "r2").preferred_read_replica == -1  # nobody is known to have anything
        two.fetch(1)
        three.fetch(2)
        sent = self.consume(replicas, topic_id, "r2")
        assert (sent.error_code, sent.preferred_read_replica, sent.records) == (0, 3, b"")
        two.fetch(2)
        replicas.change(topic_id, isr=[1, 2])
        assert self.consume(replicas, topic_id, "r2").preferred_read_replica == 2
        replicas.register_broker(2, 9093, epoch=21, rack="r2", fenced=True)
        assert self.consume(replicas, topic_id, "r2").preferred_read_replica == -1

    @pytest.mark.parametrize("rack", ["", "r1", "r9"])
    def test_who_has_no_replica_nearer_reads_here(self, replicas: Replicas, topic_id: bytes, rack: str) -> None:
        replicas.produce("t", batch(b"a"), acks=1)
        for broker_id in (2, 3):
            Follower(replicas, broker_id, topic_id).fetch(1)
        here = self.consume(replicas, topic_id, rack)
        assert (here.preferred_read_replica, values_of(here)) == (-1, [(0, b"a")])

    def test_a_follower_gives_consumers_what_it_knows_to_be_committed(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), leader=2)
        partition = replicas.partition("t")
        partition.append_fetched(batch(b"a"), replicas.clock.ms)
        assert self.consume(replicas, topic_id, "r1").records == b""
        partition.take_bounds(1, 0)
        assert values_of(self.consume(replicas, topic_id, "r1")) == [(0, b"a")]
        assert self.consume(replicas, topic_id, "r1", version=10).error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER

    async def test_a_consumer_that_waits_at_a_follower_wakes_when_it_hears_of_a_commit(
        self, replicas: Replicas
    ) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2), leader=2)
        waiting = replicas.fetch(fetch_request(fetch_topic(topic_id, at(0)), max_wait_ms=500), 13)
        assert isinstance(waiting, asyncio.Future)
        partition = replicas.partition("t")
        partition.append_fetched(batch(b"a"), replicas.clock.ms)
        await settled()
        assert not waiting.done()
        partition.take_bounds(1, 0)
        (data,) = partitions_of(readable(await waiting, 13)).values()
        assert values_of(data) == [(0, b"a")]


class TestDeleteRecords:
    @staticmethod
    def ask(replicas: Replicas, offset: int, timeout_ms: int = 60_000) -> Awaitable[tuple[int, int]]:
        request = DeleteRecordsRequest(
            topics=[
                DeleteRecordsTopic(name="t", partitions=[DeleteRecordsPartition(partition_index=0, offset=offset)])
            ],
            timeout_ms=timeout_ms,
        )
        request = over_the_wire(request, 2)
        response = DeleteRecordsHandler(replicas.manager)(replicas.context(request, 2), request)

        async def result() -> tuple[int, int]:
            assert not hasattr(response, "topics"), "it does not wait"
            (partition,) = (await response).topics[0].partitions
            return partition.error_code, partition.low_watermark

        return asyncio.ensure_future(result())

    async def test_it_waits_until_the_live_replicas_have_deleted(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL, isr=(1, 2))
        replicas.register_broker(3, 9094, epoch=30, fenced=True)
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        two = Follower(replicas, 2, topic_id)
        two.fetch(2)
        deleted = self.ask(replicas, 1)
        await settled()
        assert two.fetch(None).log_start_offset == 1
        await settled()
        assert not asyncio.ensure_future(deleted).done()
        two.fetch(2, start=1)
        assert await deleted == (0, 1)

    async def test_it_gives_up_after_its_time(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=(1, 2))
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        Follower(replicas, 2, topic_id).fetch(2)
        assert await self.ask(replicas, 1, timeout_ms=1) == (ErrorCode.REQUEST_TIMED_OUT, -1)

    async def test_who_is_no_replica_any_more_is_not_waited_for(self, replicas: Replicas) -> None:
        topic_id = replicas.create_topic("t", replicas=ALL, isr=(1, 2))
        replicas.produce("t", batch(b"a", b"b"), acks=1)
        two = Follower(replicas, 2, topic_id)
        two.fetch(2)
        deleted = self.ask(replicas, 1)
        two.fetch(2, start=1)
        await settled()
        assert not asyncio.ensure_future(deleted).done()
        replicas.move(topic_id, [1, 2])
        assert await deleted == (0, 1)
