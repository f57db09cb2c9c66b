"""Brokers that replicate one partition, out of one seed: simulated time, network, disks and crashes; real decisions of
the controller, whose records reach each broker in its own time.

The network loses, delays and doubles requests and answers, and is cut between two brokers. Brokers die, with or without
what they had not synced; are fenced, rightly and wrongly; come back with another epoch. A broker loses unsynced records
only while another one in sync is up, and no further one goes before the controller has taken it out: any other loss is
one that replication does not promise to survive. `calm` heals it all.
"""

from __future__ import annotations

import heapq
from functools import partial
from random import Random
from typing import TYPE_CHECKING, TypeVar

from tests.simulation.replication_checker import ReplicationChecker, values_between
from tests.simulation.replication_replica import SimulatedReplica
from tests.unit.broker.replicas import ManualClock, ManualTimers, batch
from tests.unit.metadata.decisions import Controller, topic

from ottla.broker.replica.isr_changes import CommittedIsr
from ottla.metadata.controller.alter_partition import alter_partition
from ottla.metadata.controller.brokers import fence_broker, unfence_broker
from ottla.metadata.controller.elections import balance_leaders
from ottla.metadata.controller.reassignments import alter_partition_reassignments
from ottla.protocol.api.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionRequestPartitionData,
    AlterPartitionRequestTopicData,
    BrokerState,
)
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.replica.fetcher.fetcher_state import FetcherState
    from ottla.broker.replica.isr_changes import IsrAnswer, IsrChange
    from ottla.metadata.controller.result import Decision
    from ottla.metadata.partition import PartitionRegistration
    from ottla.metadata.record_serde import VersionedRecord
    from ottla.protocol.api.fetch import FetchResponse
    from ottla.protocol.api.list_offsets import ListOffsetsResponse

T = TypeVar("T")

REPLICAS = 3
TIMEOUT_MS = 120
RESTED_MS = 8


class ReplicationWorld:
    def __init__(self, seed: int, *, nodes: int = 3) -> None:
        self.random = Random(seed)
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.checker = ReplicationChecker()
        self.reports: list[str] = []
        self.loss = self.doubling = 0.0
        self.cut: set[frozenset[int]] = set()
        self.min_insync_replicas = self.random.choice([1, 2, 2])
        self.acknowledged: dict[int, bytes] = {}
        self.crashes = self.power_losses = self.wiped = self.elections = self.produced = self.trimmed = self.moves = 0
        self._asked: list[tuple[SimulatedReplica, int, int, int, bytes]] = []
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._altering = 0
        """Changes of the ISR whose asker has no answer yet: they may take out who is to be relied on, or let a broker
        in, and lead alone, for what it had before it lost power (seed 50443: asked again after the first was lost)."""
        self._hurt: set[int] = set()
        """Lost records, and is in sync or may be added, for all that the controller knows."""
        self.controller = Controller({"min.insync.replicas": str(self.min_insync_replicas)})
        self.history: list[list[VersionedRecord]] = [list(self.controller.records)]
        if self.random.random() < 0.5:
            self.decide_records(FeatureLevelRecord(name="eligible.leader.replicas.version", feature_level=0))
        self.replicas = {
            node_id: SimulatedReplica(self, node_id, seed * 10 + node_id) for node_id in range(1, nodes + 1)
        }
        for replica in self.replicas.values():
            self._register(replica)
        self.controller.create(topic("t", assignments=[list(self.replicas)[:REPLICAS]]))
        self._note_history()
        for replica in self.replicas.values():
            replica.start()
            self._live(replica)

    # --- time

    def at(self, delay_ms: int, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.clock.ms + delay_ms, self._count, event))

    def run_for(self, ms: int) -> None:
        end = self.clock.ms + ms
        while self._events and self._events[0][0] <= end:
            when, _, event = heapq.heappop(self._events)
            self.clock.ms = max(self.clock.ms, when)
            event()
            self._check()
        self.clock.ms = end

    def run_until(self, condition: Callable[[], bool], within_ms: int) -> None:
        end = self.clock.ms + within_ms
        while not condition():
            assert self.clock.ms < end, f"not within {within_ms} ms: {self}"
            self.run_for(10)

    def _check(self) -> None:
        for replica in self.replicas.values():
            found = replica.partition if replica.is_up else None
            if found is not None:
                self.checker.look(replica, found)
        for asked in list(self._asked):
            replica, run, epoch, offset, value = asked
            found = replica.partition if replica.is_up and replica.run == run else None
            if found is None or not found.is_leader or found.leader_epoch != epoch:
                self._asked.remove(asked)  # nobody is told
            elif found.log.high_watermark > offset:
                self.acknowledged[offset] = value
                self._asked.remove(asked)

    # --- the controller

    @property
    def registration(self) -> PartitionRegistration:
        return self.controller.partition()

    def decide_records(self, *records: FeatureLevelRecord) -> None:
        self.controller.replay(*records)
        self._note_history()

    def decide(self, decision: Decision[T]) -> None:
        self.controller.records = []
        self.controller.decide(decision)
        self._note_history()

    def _note_history(self) -> None:
        if self.controller.records:
            self.history.append(list(self.controller.records))
            self.controller.records = []
        if "t" in self.controller.image.topics.by_name:
            brokers = self.controller.image.cluster.brokers
            self._hurt = {one for one in self._hurt if one in self.registration.isr or not brokers[one].fenced}

    def _register(self, replica: SimulatedReplica) -> None:
        replica.broker_epoch = self.controller.register(replica.node_id, incarnation=replica.run + 1)
        self._note_history()
        self._unfence(replica)

    def _unfence(self, replica: SimulatedReplica) -> None:
        schema, epoch = self.controller.schema, replica.broker_epoch
        self.decide(lambda view: unfence_broker(view, schema, replica.node_id, epoch))

    def fence(self, replica: SimulatedReplica) -> None:
        controller = self.controller
        self.decide(lambda view: fence_broker(view, controller.schema, replica.node_id, controller.heartbeats))

    def may_go(self, replica: SimulatedReplica) -> bool:
        """Whether this broker may be taken away without more being lost than is promised to survive."""
        return not (self._hurt - {replica.node_id}) or replica.node_id not in self.registration.isr

    def reassign(self) -> None:
        """Move the partition to other brokers, or give up moving it.

        What is under way is not changed: as in Apache Kafka, a replica that was to be added and is to be removed then
        keeps the reassignment open for ever.
        """
        under_way = bool(self.registration.adding_replicas or self.registration.removing_replicas)
        if under_way and self.random.random() < 0.5:
            return
        nodes = None if under_way else self.random.sample(list(self.replicas), REPLICAS)
        wanted = ReassignablePartition(partition_index=0, replicas=nodes)
        request = AlterPartitionReassignmentsRequest(topics=[ReassignableTopic(name="t", partitions=[wanted])])
        schema = self.controller.schema
        self.moves += 1
        self.decide(lambda view: alter_partition_reassignments(view, schema, request))

    def prefer_leaders(self) -> None:
        """As the controller does from time to time; here a leader is moved without anybody dying."""
        schema = self.controller.schema
        self.elections += 1
        self.decide(lambda view: balance_leaders(view, schema, 10))

    def alter_partition(
        self, replica: SimulatedReplica, change: IsrChange, answered: Callable[[IsrAnswer], None]
    ) -> None:
        """Over a network that loses it; asked again until there is an answer. It may be carried out twice."""
        run = replica.run
        self._altering += 1

        def send() -> None:
            if not replica.is_up or replica.run != run:
                self._altering -= 1
                return
            delay = self.random.randrange(1, 15)
            lost = self.random.random()
            if lost < self.loss:
                self.at(TIMEOUT_MS, send)
                return
            self.at(delay, partial(carry_out, answer_lost=lost < 2 * self.loss))

        def carry_out(*, answer_lost: bool) -> None:
            answer = self._alter(replica.node_id, change)
            if answer_lost:
                self.at(TIMEOUT_MS, send)
            else:
                self.at(self.random.randrange(1, 15), partial(tell, answer))

        def tell(answer: IsrAnswer) -> None:
            self._altering -= 1
            if replica.is_up and replica.run == run:
                answered(answer)

        send()

    def _alter(self, broker_id: int, change: IsrChange) -> IsrAnswer:
        asked = AlterPartitionRequestPartitionData(
            partition_index=change.index,
            leader_epoch=change.leader_epoch,
            new_isr_with_epochs=[BrokerState(broker_id=one, broker_epoch=epoch) for one, epoch in change.isr],
            partition_epoch=change.partition_epoch,
        )
        request = AlterPartitionRequest(
            broker_id=broker_id,
            broker_epoch=self.replicas[broker_id].broker_epoch,
            topics=[AlterPartitionRequestTopicData(topic_id=change.topic_id, partitions=[asked])],
        )
        schema = self.controller.schema
        self.controller.records = []
        try:
            response = self.controller.decide(lambda view: alter_partition(view, schema, request, api_version=3))
        except KafkaError as error:
            return error.code
        self._note_history()
        (data,) = response.topics[0].partitions
        if data.error_code:
            return ErrorCode(data.error_code)
        return CommittedIsr(data.leader_id, data.leader_epoch, tuple(data.isr), data.partition_epoch)

    # --- brokers

    def _live(self, replica: SimulatedReplica) -> None:
        """What a broker does by itself, as long as this run lasts."""
        run = replica.run

        def alive() -> bool:
            return replica.is_up and replica.run == run

        def metadata() -> None:
            if alive():
                if replica.seen < len(self.history):
                    self._take_metadata(replica, self.random.randrange(replica.seen, len(self.history)) + 1)
                self.at(self.random.randrange(2, 60), metadata)

        def look() -> None:
            if alive():
                found = replica.partition
                if found is not None and found.leadership is not None:
                    found.leadership.shrink()
                if self.random.random() < 0.3:
                    replica.logs.checkpoint()
                if found is not None and self.random.random() < 0.3:
                    found.log.flush()
                self.at(self.random.randrange(50, 200), look)

        metadata()
        self.at(100, look)

    def _take_metadata(self, replica: SimulatedReplica, upto: int) -> None:
        records = [record for batch in self.history[replica.seen : upto] for record in batch]
        replica.seen = upto
        replica.take_metadata(records)
        self._fetch_where_needed(replica)

    def crash(self, replica: SimulatedReplica, *, power: bool) -> None:
        self.crashes += 1
        if power:
            others = [self.replicas[one] for one in self.registration.isr if one != replica.node_id]
            if not any(other.is_up for other in others) or self._hurt or self._altering:
                power = False
            else:
                self._hurt.add(replica.node_id)
        self.power_losses += power
        replica.crash(power=power)
        if power and self.random.random() < 0.2:
            replica.wipe()
            self.wiped += 1
        run = replica.run
        self.at(self.random.randrange(20, 600), lambda: self._found_dead(replica, run))

    def _found_dead(self, replica: SimulatedReplica, run: int) -> None:
        if replica.run == run and not replica.is_up:
            self.fence(replica)
            self.at(self.random.randrange(1, 800), lambda: self.restart(replica, run))

    def restart(self, replica: SimulatedReplica, run: int) -> None:
        if replica.is_up or replica.run != run:
            return
        replica.start()
        replica.broker_epoch = self.controller.register(replica.node_id, incarnation=replica.run % 250 + 2)
        self._note_history()
        # As a broker does: nothing is hosted before the metadata is known up to its own registration. Who replayed
        # its past would lead once more what it led then.
        self._take_metadata(replica, len(self.history))
        self._live(replica)
        self._join_later(replica, len(self.history))

    def _join_later(self, replica: SimulatedReplica, position: int) -> None:
        """Unfenced once it has seen its own registration, or that it was fenced."""
        run = replica.run

        def join() -> None:
            if not replica.is_up or replica.run != run:
                return
            if replica.seen >= position:
                self._unfence(replica)
            else:
                self.at(20, join)

        self.at(20, join)

    def fence_wrongly(self, replica: SimulatedReplica) -> None:
        """It lives, but is not heard."""
        broker = self.controller.image.cluster.brokers[replica.node_id]
        if replica.is_up and not broker.fenced and broker.epoch == replica.broker_epoch:
            self.fence(replica)
            self._join_later(replica, len(self.history))

    def produce(self) -> None:
        """With `acks=all`, to whoever thinks that it leads."""
        for replica in self.replicas.values():
            found = replica.partition if replica.is_up else None
            if found is None or not found.is_leader or found.lacks_replicas():
                continue
            self.produced += 1
            value = b"%d" % self.produced
            values = [value + b"-%d" % number for number in range(self.random.randrange(1, 4))]
            result = found.append(batch(*values), self.clock.now_ms())
            assert result.error is ErrorCode.NONE, result
            for number, one in enumerate(values):
                self._asked.append((replica, replica.run, found.leader_epoch, result.base_offset + number, one))
        self._check()

    def trim(self) -> None:
        """Delete records, as DeleteRecords and retention do."""
        for replica in self.replicas.values():
            found = replica.partition if replica.is_up else None
            if found is not None and found.is_leader and found.leader_epoch == self.registration.leader_epoch:
                log = found.log
                found.delete_records(self.random.randrange(log.log_start_offset, log.high_watermark + 1))
                log.delete_old_segments(self.clock.now_ms())
                self.trimmed += 1

    # --- fetching

    def _fetch_where_needed(self, replica: SimulatedReplica) -> None:
        for leader, state in replica.fetchers.items():
            if len(state) and leader not in replica.asking:
                replica.asking.add(leader)
                self._cycle(replica, leader, state, replica.run)

    def _cycle(self, replica: SimulatedReplica, leader: int, state: FetcherState, run: int) -> None:
        if not replica.is_up or replica.run != run:
            return
        if not len(state):
            replica.asking.discard(leader)
            return
        again = partial(self._cycle, replica, leader, state, run)
        served = self.replicas[leader]

        def failed() -> None:
            state.lost(self.clock.monotonic_ms())
            self.at(RESTED_MS, again)

        lookups = state.lookups()
        if lookups is not None:
            earliest_request, latest_request = lookups

            def looked_up(answers: tuple[ListOffsetsResponse, ListOffsetsResponse]) -> None:
                state.looked_up(*answers, self.clock.monotonic_ms(), self.clock.now_ms())
                self.at(1, again)

            self._exchange(
                replica,
                served,
                lambda: (served.serve_list_offsets(earliest_request), served.serve_list_offsets(latest_request)),
                looked_up,
                failed,
            )
            return
        request = state.next_request(17, replica.broker_epoch, self.clock.monotonic_ms())
        if request is None:
            self.at(RESTED_MS, again)
            return

        def answered(response: FetchResponse) -> None:
            state.answered(response, self.clock.monotonic_ms(), self.clock.now_ms())
            self.at(1 if response.responses else RESTED_MS, again)

        self._exchange(replica, served, lambda: served.serve_fetch(request), answered, failed)

    def _exchange(
        self,
        sender: SimulatedReplica,
        server: SimulatedReplica,
        serve: Callable[[], object],
        done: Callable[..., None],
        failed: Callable[[], None],
    ) -> None:
        """A request and its answer over the network, which may lose or double either."""
        random, run = self.random, sender.run
        cut = frozenset((sender.node_id, server.node_id)) in self.cut

        def tell(event: Callable[[], None]) -> None:
            if sender.is_up and sender.run == run:
                event()

        def arrive() -> None:
            if not server.is_up:
                self.at(random.randrange(1, 10), partial(tell, failed))
                return
            answer = serve()
            if random.random() < self.loss:
                self.at(TIMEOUT_MS, partial(tell, failed))
            else:
                self.at(self._delay(), partial(tell, partial(done, answer)))

        def arrive_again() -> None:
            if server.is_up:
                serve()

        if cut or random.random() < self.loss:
            self.at(TIMEOUT_MS, partial(tell, failed))
            return
        self.at(self._delay(), arrive)
        if random.random() < self.doubling:
            self.at(self._delay() * 10, arrive_again)

    def _delay(self) -> int:
        return self.random.randrange(1, 40) if self.random.random() < 0.1 else self.random.randrange(1, 4)

    # --- the end

    def calm(self) -> None:
        """Everybody comes back, and the network is well."""
        self.loss = self.doubling = 0.0
        self.cut.clear()

    def hosts(self) -> list[SimulatedReplica]:
        return [self.replicas[node_id] for node_id in self.registration.replicas]

    def has_settled(self) -> bool:
        registration = self.registration
        if registration.leader < 0 or len(registration.isr) < REPLICAS or len(registration.replicas) > REPLICAS:
            return False
        if not all(replica.is_up and replica.seen == len(self.history) for replica in self.replicas.values()):
            return False
        ends = set()
        for replica in self.hosts():
            found = replica.partition
            if found is None or found.leader_epoch != registration.leader_epoch:
                return False
            ends |= {found.log.log_end_offset, found.log.high_watermark}
        return len(ends) == 1

    def check_end(self) -> None:
        """All replicas have one history, in which everything is that was acknowledged."""
        histories = []
        for replica in self.replicas.values():
            found = replica.partition
            if replica not in self.hosts():
                assert found is None, f"node {replica.node_id} still hosts what was moved away"
                continue
            assert found is not None
            histories.append(dict(values_between(found.log, found.log.log_start_offset, found.log.log_end_offset)))
        committed = dict(enumerate(self.checker.committed))
        start = max(min(history, default=0) for history in histories)
        for history in histories:
            known = {offset: value for offset, value in history.items() if offset >= start}
            assert known == {offset: value for offset, value in committed.items() if offset >= start}, "at the end"
        lost = {offset: value for offset, value in self.acknowledged.items() if committed.get(offset) != value}
        assert not lost, f"NoAcknowledgedLoss: {lost}"

    def __str__(self) -> str:
        logs = {one.node_id: one.partition.log for one in self.replicas.values() if one.run and one.partition}
        ends = {node_id: (log.log_end_offset, log.high_watermark) for node_id, log in logs.items()}
        return (
            f"{len(self.acknowledged)} of {self.produced} acknowledged, {self.crashes} crashes, {self.power_losses} of "
            f"power, epoch {self.registration.leader_epoch}, isr {self.registration.isr}, {ends}"
        )
