"""All scenarios, by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tests.simulation.cluster import faults
from tests.simulation.cluster.cluster import PORT, Layout, NodeLayout
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
from tests.simulation.cluster.scenario import Scenario, play
from tests.simulation.cluster.workloads.copiers import Copiers
from tests.simulation.cluster.workloads.group_members import GroupMembers
from tests.simulation.cluster.workloads.idempotent_producers import IdempotentProducers
from tests.simulation.cluster.workloads.readers import Readers
from tests.simulation.cluster.workloads.topic_churn import TopicChurn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.cluster.workloads.workload import Workload

SMALL: Final = {
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "100",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "log.segment.delete.delay.ms": "500",
    "auto.create.topics.enable": "false",
}
FLUSHED: Final = {"log.flush.interval.messages": "1"}
"""What is acknowledged is on the disk."""


def alone(**settings: str) -> Layout:
    """One node that is everything."""
    node = NodeLayout("node-1", {"node.id": "1", "listeners": f"PLAINTEXT://node-1:{PORT}", **SMALL, **settings})
    return Layout([node], [f"node-1:{PORT}"])


def everybody() -> Sequence[Workload]:
    return IdempotentProducers(), Readers(), GroupMembers(), Copiers(), TopicChurn()


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
}


WORLDS: Final[dict[str, Callable[[int], str]]] = {
    f"cluster-{name}": partial(play, scenario, name) for name, scenario in SCENARIOS.items()
}
