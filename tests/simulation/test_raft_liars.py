"""One replica among others that say anything: old, new, contradictory and malformed things, through its crashes.

Whatever it is told, it does not fail but by `CommittedDataLostError`, gives one vote an epoch, never goes back in
epochs, never leads an epoch twice, and does not spin.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from tests.unit.raft.replicas import FakeLog, Replica, key, voter_set
from tests.unit.raft.test_follower import fetched
from tests.unit.raft.test_leader import fetch
from tests.unit.raft.test_voter_changes import add, remove, update, versions
from tests.unit.raft.test_votes import begin, vote

from ottla.protocol.api.api_versions import ApiVersionsRequest
from ottla.protocol.api.fetch import FetchRequest
from ottla.protocol.api.vote import (
    VoteRequest,
    VoteResponse,
    VoteResponsePartitionData,
    VoteResponseTopicData,
)
from ottla.protocol.errors import ErrorCode
from ottla.raft.batches import control_batch, data_batch
from ottla.raft.effects import BecameLeader, Effect, StoreElection
from ottla.raft.election_state import NOBODY, ElectionState
from ottla.raft.peer_effects import InstallSnapshot, SendRequest
from ottla.raft.state import CommittedDataLostError

SEEDS = int(os.environ.get("OTTLA_SEEDS", "200"))
STEPS = 80


class Liars:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.stored: ElectionState | None = None
        self.votes: dict[int, int] = {}
        self.led: set[int] = set()
        self.open: list[SendRequest] = []
        self.replica = Replica(log=FakeLog.of((1, 3)))
        self.look(self.replica.started)

    def look(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, StoreElection):
                election = effect.election
                assert self.stored is None or election.epoch >= self.stored.epoch
                self.stored = election
                if election.voted_id != NOBODY:
                    assert self.votes.setdefault(election.epoch, election.voted_id) == election.voted_id
            elif isinstance(effect, BecameLeader):
                assert effect.epoch not in self.led
                self.led.add(effect.epoch)
            elif isinstance(effect, SendRequest):
                self.open.append(effect)
            elif isinstance(effect, InstallSnapshot):
                self.look(self.replica.quorum.snapshot_refused(self.replica.now))
        assert self.replica.quorum.next_poll_ms >= self.replica.time_ms

    def step(self) -> None:
        random, replica = self.random, self.replica
        chance = random.random()
        epoch = max(replica.quorum.epoch + random.choice((-1, 0, 0, 0, 0, 1, 2)), 0)
        peer = random.choice((1, 2, 2, 3, 3, 9))
        end = (random.choice((0, 1, 2, epoch)), random.randrange(8))
        if chance < 0.25:
            self.look(replica.ask(vote(peer, epoch, end, pre_vote=random.random() < 0.3)))
        elif chance < 0.35:
            self.look(replica.ask(begin(peer, epoch)))
        elif chance < 0.45:
            self.look(replica.ask(fetch(peer, epoch, end[1], end[0], wait_ms=random.choice((0, 100)))))
        elif chance < 0.5:
            self.look(replica.ask(random.choice((add(peer), remove(peer), update(peer, epoch)))))
        elif chance < 0.55:
            self.restart()
        elif chance < 0.7:
            self.look(replica.after(random.choice((0, 1, 50, 500, 1500))))
        elif chance < 0.75:
            self.look(replica.sync())
        elif chance < 0.8 and replica.quorum.is_leader:
            self.look(replica.append(b"x"))
        elif self.open:
            self.answer(self.open.pop(random.randrange(len(self.open))), peer, epoch)

    def answer(self, asked: SendRequest, peer: int, epoch: int) -> None:
        random, replica = self.random, self.replica
        leader = random.choice((-1, peer, replica.quorum.leader_id))
        error = random.choice((ErrorCode.NONE, ErrorCode.NONE, ErrorCode.FENCED_LEADER_EPOCH, *ErrorCode))
        if random.random() < 0.1:
            self.look(replica.fail(asked))
        elif isinstance(asked.request, VoteRequest):
            partition = VoteResponsePartitionData(
                partition_index=0,
                error_code=error,
                leader_id=leader,
                leader_epoch=epoch,
                vote_granted=random.random() < 0.7,
            )
            topic = VoteResponseTopicData(topic_name="__cluster_metadata", partitions=[partition])
            self.look(replica.answer(asked, VoteResponse(error_code=0, topics=[topic] * random.choice((0, 1, 1, 1)))))
        elif isinstance(asked.request, ApiVersionsRequest):
            self.look(replica.answer(asked, versions(0, random.choice((0, 1)))))
        elif isinstance(asked.request, FetchRequest):
            offset = replica.quorum.log_end_offset
            batch = data_batch(offset, epoch, [b"y"], 0)
            if random.random() < 0.2:
                voters = voter_set(*random.sample((1, 2, 3, 4), 3))
                batch = control_batch(offset, epoch, [voters.to_record()], 0)
            nowhere = (-1, -1)
            response = fetched(
                records=random.choice((b"", batch, batch[:-3], random.randbytes(70))),
                high_watermark=random.choice((-1, offset - 1, offset, 99)),
                diverging=random.choice((nowhere, nowhere, nowhere, (random.randrange(4), random.randrange(9)))),
                snapshot=random.choice((nowhere, nowhere, nowhere, (random.randrange(9), random.randrange(4)))),
                error=error,
                leader=leader,
                epoch=epoch,
            )
            self.look(replica.answer(asked, response))

    def restart(self) -> None:
        old = self.replica
        del self.open[:]
        old.log.epochs = old.quorum._state.epochs.entries
        self.replica = Replica(log=old.log, voters=old.quorum.history.voters, election=self.stored)
        self.look(self.replica.started)


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_one_replica_among_liars(first: int) -> None:
    lost = 0
    for seed in range(first, first + 50):
        liars = Liars(seed)
        try:
            for _ in range(STEPS):
                liars.step()
        except CommittedDataLostError:
            lost += 1  # a leader that denies what another said is committed
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
        assert key(1) == liars.replica.quorum._state.local
    assert lost < 25, "most histories go on to their end"
