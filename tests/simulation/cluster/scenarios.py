"""All scenarios, by name: where the nodes are, what happens to them, what must hold.

alone-…         one node that is everything
controllers-…   three controllers without brokers
combined-…      three nodes of both roles
cluster-…       three controllers, and brokers beside them

…-killed        processes die at any moment, stop, start; what was sent arrives soon or never
…-far-apart     and the network is cut, slow, loses and forgets; processes stand still
…-disks         disks fail: log directories go out of service, or nodes
…-without-power a machine at a time loses what was not synced, while all others are in sync
…-flushed       any machine may lose power at any time, and what is acknowledged is on its disk
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster import faults
from tests.simulation.cluster.invariants import (
    ExactlyOnce,
    NoAcknowledgedRecordLost,
    NoCommitLost,
    NothingHangs,
    NothingSkipped,
    NothingSkippedByShareGroup,
    NothingTwice,
    OffsetsNeverReused,
    OrderOfEachProducer,
    TopicsAreWhatWasSaid,
)
from tests.simulation.cluster.layouts import BROKER, COMBINED, CONTROLLER, FLUSHED, TWO_DISKS, alone, cluster
from tests.simulation.cluster.partition_watchers import REPLICATION
from tests.simulation.cluster.scenario import Scenario, play
from tests.simulation.cluster.watchers import METADATA, NoAcknowledgedConfigLost
from tests.simulation.cluster.workloads.config_writers import ConfigWriters
from tests.simulation.cluster.workloads.copiers import Copiers
from tests.simulation.cluster.workloads.epoch_members import EpochMembers
from tests.simulation.cluster.workloads.epoch_membership import ConsumerMembership, StreamsMembership
from tests.simulation.cluster.workloads.group_members import GroupMembers
from tests.simulation.cluster.workloads.idempotent_producers import IdempotentProducers
from tests.simulation.cluster.workloads.movers import Movers
from tests.simulation.cluster.workloads.readers import Readers
from tests.simulation.cluster.workloads.share_members import ShareMembers
from tests.simulation.cluster.workloads.topic_churn import TopicChurn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.invariants import Invariant
    from tests.simulation.cluster.workloads.workload import Workload


def everybody(random: Random) -> Sequence[Workload]:
    """Producers, and some of the others: each seed is about something."""
    chances: Sequence[tuple[float, Workload]] = (
        (0.6, Copiers()),
        (0.4, GroupMembers()),
        (0.3, EpochMembers("consumers", ConsumerMembership)),
        (0.2, EpochMembers("streams", StreamsMembership)),
        (0.3, ShareMembers()),
        (0.4, TopicChurn()),
        (0.3, Movers()),
    )
    return (IdempotentProducers(), Readers(), *(one for chance, one in chances if random.random() < chance))


def writers(random: Random) -> Sequence[Workload]:
    return (ConfigWriters(),)


def no_commit_lost(*, is_prompt: bool = True) -> Sequence[Invariant]:
    return [NoCommitLost(group, is_prompt=is_prompt) for group in ("group", "consumers", "streams")]


def whole_cluster(
    roles: Sequence[str],
    misfortunes: Mapping[Callable[[SimulatedCluster], str], int],
    *,
    is_prompt: bool = True,
    settings: Mapping[str, str] | None = None,
) -> Scenario:
    return Scenario(
        cluster(roles, settings or {}),
        everybody,
        misfortunes,
        (*EVERYTHING, *no_commit_lost(is_prompt=is_prompt)),
        watchers=(*METADATA, *REPLICATION),
        is_prompt=is_prompt,
        replication_factor=3,
        groups=GROUPS,
        share_group=SHARE_GROUP,
    )


EVERYTHING: Final = (
    NoAcknowledgedRecordLost(),
    NothingTwice(),
    OrderOfEachProducer(),
    OffsetsNeverReused(),
    NothingSkipped("group"),
    NothingSkipped("consumers"),
    NothingSkipped("streams"),
    NothingSkippedByShareGroup(),
    ExactlyOnce("records", "copies", "copiers"),
    NothingHangs(),
    TopicsAreWhatWasSaid(),
)
SHARE_GROUP: Final = "share"
GROUPS: Final = ("group", "copiers", "consumers", "streams")

SCENARIOS: Final[dict[str, Scenario]] = {
    "alone-killed": Scenario(
        alone({}),
        everybody,
        {**faults.CRASHES, **faults.CLIENTS, **faults.CLOCKS},
        (*EVERYTHING, *no_commit_lost()),
        groups=GROUPS,
        share_group=SHARE_GROUP,
    ),
    "alone-far-apart": Scenario(
        alone({}),
        everybody,
        {**faults.CRASHES, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        (*EVERYTHING, *no_commit_lost(is_prompt=False)),
        is_prompt=False,
        groups=GROUPS,
        share_group=SHARE_GROUP,
    ),
    "alone-flushed": Scenario(
        alone(FLUSHED),
        everybody,
        {**faults.CRASHES, **faults.POWER, **faults.CLIENTS},
        (*EVERYTHING, *no_commit_lost()),
        groups=GROUPS,
        share_group=SHARE_GROUP,
    ),
    "controllers-killed": Scenario(
        cluster([CONTROLLER] * 3, {}),
        writers,
        {**faults.CRASHES, **faults.POWER, **faults.CLIENTS, **faults.CLOCKS},
        (),
        watchers=(*METADATA, NoAcknowledgedConfigLost),
    ),
    "controllers-far-apart": Scenario(
        cluster([CONTROLLER] * 3, {}),
        writers,
        {**faults.CRASHES, **faults.POWER, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        (),
        watchers=(*METADATA, NoAcknowledgedConfigLost),
        is_prompt=False,
    ),
    "combined-killed": whole_cluster([COMBINED] * 3, {**faults.CRASHES, **faults.CLIENTS, **faults.CLOCKS}),
    "cluster-killed": whole_cluster(
        [CONTROLLER] * 3 + [BROKER] * 4, {**faults.CRASHES, **faults.CLIENTS, **faults.CLOCKS}
    ),
    "combined-far-apart": whole_cluster(
        [COMBINED] * 3,
        {**faults.CRASHES, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        is_prompt=False,
    ),
    "cluster-far-apart": whole_cluster(
        [CONTROLLER] * 3 + [BROKER] * 5,
        {**faults.CRASHES, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        is_prompt=False,
    ),
    "combined-disks": whole_cluster(
        [COMBINED] * 3, {**faults.CRASHES, **faults.DISKS, **faults.CLIENTS}, settings=TWO_DISKS
    ),
    "cluster-disks": whole_cluster(
        [CONTROLLER] * 3 + [BROKER] * 4, {**faults.CRASHES, **faults.DISKS, **faults.CLIENTS}, settings=TWO_DISKS
    ),
    "combined-without-power": whole_cluster([COMBINED] * 3, {**faults.POWER_OF_ONE, **faults.CLIENTS}),
    "combined-flushed": whole_cluster(
        [COMBINED] * 3, {**faults.CRASHES, **faults.POWER, **faults.NETWORK}, is_prompt=False, settings=FLUSHED
    ),
}


WORLDS: Final[dict[str, Callable[[int], str]]] = {
    f"cluster-{name}": partial(play, scenario, name) for name, scenario in SCENARIOS.items()
}
