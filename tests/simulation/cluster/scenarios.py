"""All scenarios, by name: where the nodes are, what happens to them, what must hold.

alone-…         one node that is everything
controllers-…   three controllers without brokers
combined-…      three nodes of both roles
cluster-…       three controllers, and brokers beside them

…-killed        processes die at any moment, stop, start; what was sent arrives soon or never
…-far-apart     and the network is cut, slow, loses and forgets; processes stand still
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
    NothingTwice,
    OffsetsNeverReused,
    OrderOfEachProducer,
    TopicsAreWhatWasSaid,
)
from tests.simulation.cluster.layouts import BROKER, COMBINED, CONTROLLER, FLUSHED, alone, cluster
from tests.simulation.cluster.partition_watchers import REPLICATION
from tests.simulation.cluster.scenario import Scenario, play
from tests.simulation.cluster.watchers import METADATA, NoAcknowledgedConfigLost
from tests.simulation.cluster.workloads.config_writers import ConfigWriters
from tests.simulation.cluster.workloads.copiers import Copiers
from tests.simulation.cluster.workloads.group_members import GroupMembers
from tests.simulation.cluster.workloads.idempotent_producers import IdempotentProducers
from tests.simulation.cluster.workloads.readers import Readers
from tests.simulation.cluster.workloads.topic_churn import TopicChurn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.workloads.workload import Workload


def everybody() -> Sequence[Workload]:
    return IdempotentProducers(), Readers(), GroupMembers(), Copiers(), TopicChurn()


def writers() -> Sequence[Workload]:
    return (ConfigWriters(),)


def whole_cluster(
    roles: Sequence[str],
    misfortunes: Mapping[Callable[[SimulatedCluster], str], int],
    *,
    is_prompt: bool = True,
    **settings: str,
) -> Scenario:
    return Scenario(
        cluster(roles, **settings),
        everybody,
        misfortunes,
        (*EVERYTHING, NoCommitLost("group", is_prompt=is_prompt)),
        watchers=(*METADATA, *REPLICATION),
        is_prompt=is_prompt,
        replication_factor=3,
        groups=GROUPS,
    )


EVERYTHING: Final = (
    NoAcknowledgedRecordLost(),
    NothingTwice(),
    OrderOfEachProducer(),
    OffsetsNeverReused(),
    NothingSkipped("group"),
    ExactlyOnce("records", "copies", "copiers"),
    NothingHangs(),
    TopicsAreWhatWasSaid(),
)
GROUPS: Final = ("group", "copiers")

SCENARIOS: Final[dict[str, Scenario]] = {
    "alone-killed": Scenario(
        alone(),
        everybody,
        {**faults.CRASHES, **faults.CLIENTS, **faults.CLOCKS},
        (*EVERYTHING, NoCommitLost("group")),
        groups=GROUPS,
    ),
    "alone-far-apart": Scenario(
        alone(),
        everybody,
        {**faults.CRASHES, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        (*EVERYTHING, NoCommitLost("group", is_prompt=False)),
        is_prompt=False,
        groups=GROUPS,
    ),
    "alone-flushed": Scenario(
        alone(**FLUSHED),
        everybody,
        {**faults.CRASHES, **faults.POWER, **faults.CLIENTS},
        (*EVERYTHING, NoCommitLost("group")),
        groups=GROUPS,
    ),
    "controllers-killed": Scenario(
        cluster([CONTROLLER] * 3),
        writers,
        {**faults.CRASHES, **faults.POWER, **faults.CLIENTS, **faults.CLOCKS},
        (),
        watchers=(*METADATA, NoAcknowledgedConfigLost),
    ),
    "controllers-far-apart": Scenario(
        cluster([CONTROLLER] * 3),
        writers,
        {**faults.CRASHES, **faults.POWER, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        (),
        watchers=(*METADATA, NoAcknowledgedConfigLost),
        is_prompt=False,
    ),
    "combined-killed": whole_cluster([COMBINED] * 3, {**faults.CRASHES, **faults.CLIENTS, **faults.CLOCKS}),
    "cluster-killed": whole_cluster(
        [CONTROLLER] * 3 + [BROKER] * 3, {**faults.CRASHES, **faults.CLIENTS, **faults.CLOCKS}
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
    "combined-without-power": whole_cluster([COMBINED] * 3, {**faults.POWER_OF_ONE, **faults.CLIENTS}),
    "combined-flushed": whole_cluster(
        [COMBINED] * 3, {**faults.CRASHES, **faults.POWER, **faults.NETWORK}, is_prompt=False, **FLUSHED
    ),
}


WORLDS: Final[dict[str, Callable[[int], str]]] = {
    f"cluster-{name}": partial(play, scenario, name) for name, scenario in SCENARIOS.items()
}
