"""Brokers that replicate: what was acknowledged with `acks=all` is never lost, whatever dies, as long as one in sync
stays. The invariants are in `replication_checker`, the world in `replication_world`.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.simulation.replication_world import REPLICAS, ReplicationWorld

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = int(os.environ.get("OTTLA_SEEDS", "30"))
STEPS = 120
SETTLES_WITHIN_MS = 20_000


def chaos(seed: int, nodes: int = 3) -> ReplicationWorld:
    """With more nodes than replicas the partition moves, too."""
    world = ReplicationWorld(seed, nodes=nodes)
    random = world.random
    world.run_for(200)
    world.loss, world.doubling = random.choice([0.0, 0.02, 0.1]), random.choice([0.0, 0.05])
    for _ in range(STEPS):
        chance = random.random()
        replica = random.choice(list(world.replicas.values()))
        if chance < 0.60:
            world.produce()
        elif chance < 0.68:
            if replica.is_up and world.may_go(replica):
                world.crash(replica, power=random.random() < 0.5)
        elif chance < 0.72:
            if world.may_go(replica):
                world.fence_wrongly(replica)
        elif chance < 0.78:
            world.prefer_leaders()
        elif chance < 0.84:
            other = random.choice([one for one in world.replicas if one != replica.node_id])
            world.cut.add(frozenset((replica.node_id, other)))
        elif chance < 0.92:
            world.cut.clear()
        elif chance < 0.94:
            world.trim()
        elif nodes > REPLICAS:
            world.reassign()
        world.run_for(random.randrange(1, 120))
    world.calm()
    world.run_until(world.has_settled, SETTLES_WITHIN_MS)
    world.produce()
    world.run_for(100)
    world.run_until(world.has_settled, SETTLES_WITHIN_MS)
    world.check_end()
    return world


def moves(seed: int) -> ReplicationWorld:
    return chaos(seed, nodes=4)


WORLDS: dict[str, Callable[[int], object]] = {"replication": chaos, "replication-moves": moves}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_acknowledged_is_lost(seed: int) -> None:
    chaos(seed)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_acknowledged_is_lost_while_the_partition_moves(seed: int) -> None:
    moves(seed)


@pytest.mark.parametrize("seed", [30590, 32129, 32434])
def test_what_once_lost_a_record_does_so_no_more(seed: int) -> None:
    moves(seed)


def test_the_worlds_are_bad_enough() -> None:
    """Else the invariants would prove nothing."""
    met: Counter[str] = Counter()
    for seed in range(10):
        world = chaos(seed)
        met["acknowledged"] += len(world.acknowledged)
        met["crashes"] += world.crashes
        met["power losses"] += world.power_losses
        met["wiped"] += world.wiped
        met["trimmed"] += world.trimmed
        met["epochs"] += world.registration.leader_epoch
    assert met["acknowledged"] > 200
    assert met["crashes"] > 30
    assert met["power losses"] > 5
    assert sum(moves(seed).moves for seed in range(5)) > 5
    assert met["wiped"] > 0
    assert met["trimmed"] > 5
    assert met["epochs"] > 50


def test_a_seed_is_one_history() -> None:
    assert str(chaos(3)) == str(chaos(3))
