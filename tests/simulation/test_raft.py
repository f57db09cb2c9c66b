"""Quorums of three and five voters with observers, through loss, cuts, crashes and changes of the voters, from a seed.

`raft_checker` has the invariants that are looked at in every step; here also: once the network is well and everybody
up, somebody leads within a bounded time, and everybody has everything (`Liveness`). Each seed is one history:

    OTTLA_SEEDS=5000 pytest tests/simulation/test_raft.py             seeds 0 … 4999
    OTTLA_FIRST_SEED=1234 OTTLA_SEEDS=1 pytest tests/simulation/test_raft.py -k chaos     one again
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.simulation.raft_world import ELECTION_TIMEOUT_MS, FETCH_TIMEOUT_MS, REQUEST_TIMEOUT_MS, RaftWorld

from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = int(os.environ.get("OTTLA_SEEDS", "200"))
FIRST_SEED = int(os.environ.get("OTTLA_FIRST_SEED", "0"))
SEEDS_PER_TEST = 20
CHAOS_MS = 4_000
ELECTED_WITHIN_MS = 20 * (ELECTION_TIMEOUT_MS + FETCH_TIMEOUT_MS)


def chaos(seed: int) -> RaftWorld:
    """One history, until everything is well again."""
    world = _world(seed)
    random = world.random
    world.loss = random.choice((0.0, 0.0, 0.02, 0.2))
    world.doubling = random.choice((0.0, 0.05))
    world.delay_ms = random.choice(((0.2, 3.0), (0.2, 3.0), (1.0, 60.0), (0.2, 300.0)))
    world.sync_ms = random.choice(((0.1, 5.0), (0.1, 5.0), (1.0, 150.0)))
    end_ms = world.time_ms + CHAOS_MS
    while world.time_ms < end_ms:
        world.run_for(random.choice((5, 20, 20, 100, 300)))
        _misfortune(world)
    world.calm()
    return world


def _world(seed: int) -> RaftWorld:
    return RaftWorld(
        seed,
        voters=(3, 3, 5)[seed % 3],
        observers=(1, 0, 2, 1)[seed % 4],
        kraft_version=0 if seed % 7 == 0 else 1,
        auto_join=seed % 11 == 0,
    )


def _misfortune(world: RaftWorld) -> None:
    random = world.random
    replicas = list(world.replicas.values())
    one = random.choice(replicas)
    chance = random.random()
    if chance < 0.35:
        world.append(one if random.random() < 0.3 else None)
    elif chance < 0.45:
        if one.is_up:
            world.crash(one)
        else:
            world.restart(one)
    elif chance < 0.5:
        one.arm(random.randrange(12))
    elif chance < 0.6:
        world.cut.add((one.key.node_id, random.choice(replicas).key.node_id))
    elif chance < 0.64:
        others = [other.key.node_id for other in replicas if other is not one]
        world.cut |= {(one.key.node_id, other) for other in others}
        if random.random() < 0.7:
            world.cut |= {(other, one.key.node_id) for other in others}
    elif chance < 0.72:
        world.cut.clear()
    elif chance < 0.78:
        if one.is_up:
            one.take_snapshot()
    elif chance < 0.81:
        if one.is_up:
            epoch = one.quorum.epoch
            world.run(one, lambda: one.quorum.resign(epoch, world.now))
    elif chance < 0.86:
        for other in replicas:
            if not other.is_up:
                world.restart(other)
    elif chance < 0.92 and world.initial_kraft_version == 0 and not world.upgrades:
        world.upgrade_kraft_version()
    elif chance < 0.92:
        world.add_voter(one.key.node_id)
    elif chance < 0.96:
        world.remove_voter(one.key.node_id)


def settle(world: RaftWorld) -> None:
    """Liveness: what is well becomes whole again, and what is appended then is committed everywhere.

    Not from the first moment on: a follower whose last fetch was lost asks again only when that has timed out, and may
    by then have waited for as long as makes it ask for pre-votes, which others in the same case grant. In seed 5431 it
    deposed the leader 90 ms after all was well, and with it what was appended 80 ms before; Raft promises nothing to
    what nobody was told is committed. One request and one fetch timeout later nobody waits for anything that was lost.
    """
    world.run_for(REQUEST_TIMEOUT_MS + FETCH_TIMEOUT_MS)
    world.run_until(lambda: world.leader is not None, ELECTED_WITHIN_MS)
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)
    end = world.append()
    assert end is not None
    world.run_until(lambda: world.checker.committed_end >= end and world.has_settled(), ELECTED_WITHIN_MS)
    digests = {replica.digest for replica in world.replicas.values()}
    assert len(digests) == 1, "OneHistory: in the end"


def life(seed: int) -> RaftWorld:
    world = chaos(seed)
    settle(world)
    return world


@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + SEEDS, SEEDS_PER_TEST))
def test_chaos(first: int) -> None:
    for seed in range(first, min(first + SEEDS_PER_TEST, FIRST_SEED + SEEDS)):
        try:
            life(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error


def healthy(seed: int, voters: int, observers: int = 0, kraft_version: int = 1) -> RaftWorld:
    world = RaftWorld(seed, voters=voters, observers=observers, kraft_version=kraft_version)
    world.run_until(lambda: world.append() is not None, ELECTED_WITHIN_MS)
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)
    return world


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("one_way", [False, True])
def test_a_voter_that_was_cut_off_does_not_depose_a_healthy_leader(seed: int, one_way: bool) -> None:
    """Pre-vote (KIP-996): it comes back in the epoch that it left, and follows."""
    world = healthy(seed, voters=3 + seed % 2 * 2)
    leader = world.leader
    assert leader is not None
    epoch = leader.quorum.epoch
    cut_off = next(one for one in world.replicas.values() if one is not leader)
    others = [one.key.node_id for one in world.replicas.values() if one is not cut_off]
    world.cut |= {(other, cut_off.key.node_id) for other in others}
    if not one_way:
        world.cut |= {(cut_off.key.node_id, other) for other in others}
    for _ in range(20):
        world.run_for(200)
        assert world.append() is not None
    world.calm()
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)
    assert world.leader is leader
    assert {one.quorum.epoch for one in world.replicas.values()} == {epoch}


@pytest.mark.parametrize("seed", range(20))
def test_the_first_leader_is_there_at_once(seed: int) -> None:
    """Nobody waits for an election timeout where nobody has ever led."""
    world = RaftWorld(seed, voters=3 + seed % 2 * 2)
    took_ms = world.run_until(lambda: world.leader is not None, ELECTED_WITHIN_MS)
    assert took_ms < ELECTION_TIMEOUT_MS
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)


@pytest.mark.parametrize("seed", [seed for seed in range(40) if seed % 3])
def test_a_leader_that_is_seen_to_be_gone_is_followed_within_an_election_timeout(seed: int) -> None:
    """ADR 5, point 9: nobody waits for the fetch timeout."""
    world = healthy(seed, voters=3 + seed % 2 * 2)
    leader = world.leader
    assert leader is not None
    world.crash(leader)
    took_ms = world.run_until(lambda: world.append() is not None, FETCH_TIMEOUT_MS)
    assert took_ms < ELECTION_TIMEOUT_MS
    world.restart(leader)
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)


@pytest.mark.parametrize("seed", range(10))
def test_a_new_leader_is_there_soon_after_the_old_one_crashed(seed: int) -> None:
    world = healthy(seed, voters=3)
    leader = world.leader
    assert leader is not None
    world.crash(leader)
    took_ms = world.run_until(lambda: world.leader is not None, ELECTED_WITHIN_MS)
    assert took_ms <= FETCH_TIMEOUT_MS + 4 * ELECTION_TIMEOUT_MS + 200


@pytest.mark.parametrize("seed", range(5))
def test_a_leader_that_is_cut_off_resigns(seed: int) -> None:
    world = healthy(seed, voters=5)
    leader = world.leader
    assert leader is not None
    for other in world.replicas:
        world.cut |= {(leader.key.node_id, other), (other, leader.key.node_id)}
    world.append(leader)
    world.run_for(3 * FETCH_TIMEOUT_MS)
    assert not leader.quorum.is_leader
    world.run_until(lambda: world.append() is not None, ELECTED_WITHIN_MS)
    world.calm()
    settle(world)


@pytest.mark.parametrize("seed", range(5))
def test_a_leader_that_votes_itself_out_and_crashes_twice_is_elected_until_that_is_committed(seed: int) -> None:
    """Found by seed 3244: leading again it wrote the voters anew, and knew no more that it had been one of them."""
    world = healthy(seed, voters=2)
    leader = world.leader
    assert leader is not None
    [other] = [one for one in world.replicas.values() if one is not leader]
    for last in (False, True):
        world.cut |= {(leader.key.node_id, other.key.node_id), (other.key.node_id, leader.key.node_id)}
        if not last:
            world.remove_voter(leader.key.node_id)
        world.run_for(10)  # its own disk has what nobody else has
        world.crash(leader)
        world.cut.clear()
        world.restart(leader)
        while not last and not leader.quorum.is_leader:
            world.run_for(0.5)
            assert world.time_ms < ELECTED_WITHIN_MS
    world.calm()
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)
    assert other.quorum.history.voters.node_ids == [other.key.node_id]


@pytest.mark.parametrize("seed", range(5))
def test_a_quorum_moves_to_other_nodes_one_by_one(seed: int) -> None:
    """From the voters 0, 1, 2 to 3, 4, 5; also who leads goes."""
    world = healthy(seed, voters=3, observers=3)
    for joining, leaving in ((3, 0), (4, 1), (5, 2)):
        _until_done(world, partial(world.add_voter, joining))
        _until_done(world, partial(world.remove_voter, leaving))
        assert world.append() is not None
    leader = world.leader
    assert leader is not None
    assert sorted(leader.quorum.history.voters.node_ids) == [3, 4, 5]
    for old in (0, 1, 2):
        world.crash(world.replicas[old])
    world.run_until(lambda: world.append() is not None, ELECTED_WITHIN_MS)
    world.calm()
    settle(world)


@pytest.mark.parametrize("seed", range(5))
def test_static_voters_become_voters_of_the_log(seed: int) -> None:
    world = healthy(seed, voters=3, observers=1, kraft_version=0)
    world.run_for(3 * FETCH_TIMEOUT_MS)  # each has told the leader which directory is its own
    world.upgrade_kraft_version()
    assert world.upgrades == 1
    world.run_until(world.has_settled, ELECTED_WITHIN_MS)
    _until_done(world, partial(world.add_voter, 3))
    leader = world.leader
    assert leader is not None
    world.crash(leader)
    world.run_until(lambda: world.append() is not None, ELECTED_WITHIN_MS)
    world.calm()
    settle(world)
    for replica in world.replicas.values():
        assert replica.quorum.history.kraft_version == 1
        assert [voter.key for voter in replica.quorum.history.voters] == [one.key for one in world.replicas.values()]


def _until_done(world: RaftWorld, ask: Callable[[], None]) -> None:
    for _ in range(20):
        del world.answers[:]
        ask()
        world.run_for(1000)
        if world.errors() and world.errors()[-1] in (
            ErrorCode.NONE,
            ErrorCode.DUPLICATE_VOTER,
            ErrorCode.VOTER_NOT_FOUND,
        ):
            return
    raise AssertionError(f"{world.errors()} {world}")


def test_a_seed_is_one_history() -> None:
    first, second = chaos(5), chaos(5)
    assert str(first) == str(second)
    assert first.checker.committed == second.checker.committed
