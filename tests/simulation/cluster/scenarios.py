"""All scenarios, by name."""

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
from tests.simulation.cluster.layouts import CONTROLLER, FLUSHED, alone, cluster
from tests.simulation.cluster.scenario import Scenario, play
from tests.simulation.cluster.watchers import METADATA, NoAcknowledgedConfigLost
from tests.simulation.cluster.workloads.config_writers import ConfigWriters
from tests.simulation.cluster.workloads.copiers import Copiers
from tests.simulation.cluster.workloads.group_members import GroupMembers
from tests.simulation.cluster.workloads.idempotent_producers import IdempotentProducers
from tests.simulation.cluster.workloads.readers import Readers
from tests.simulation.cluster.workloads.topic_churn import TopicChurn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.cluster.workloads.workload import Workload


def everybody() -> Sequence[Workload]:
    return IdempotentProducers(), Readers(), GroupMembers(), Copiers(), TopicChurn()


def writers() -> Sequence[Workload]:
    return (ConfigWriters(),)


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
    "alone-far-away": Scenario(
        alone(),
        everybody,
        {**faults.CRASHES, **faults.NETWORK, **faults.STALLS, **faults.CLIENTS},
        (*EVERYTHING, NoCommitLost("group", is_prompt=False)),
        is_prompt=False,
        groups=GROUPS,
    ),
    "alone-without-power": Scenario(
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
}


WORLDS: Final[dict[str, Callable[[int], str]]] = {
    f"cluster-{name}": partial(play, scenario, name) for name, scenario in SCENARIOS.items()
}
