"""A scenario is data: which nodes, which clients, what goes wrong, what must hold. `play` lives one seed of it."""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.cluster.audit import Found, audit
from tests.simulation.cluster.cluster import SimulatedCluster
from tests.simulation.cluster.ledger import Ledger
from tests.simulation.cluster.partition_watchers import nothing_is_open
from tests.simulation.cluster.process import CURRENT
from tests.simulation.cluster.watchers import metadata_is_everywhere
from tests.simulation.cluster.workloads.share_members import ShareMembers
from tests.simulation.cluster.workloads.workload import MAY_PASS, connected, pause
from tests.simulation.disk import is_simulated

from ottla.clients.topics import CreatedTopic, NewTopic, create_topics
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.simulation.cluster.client import SimulatedClient
    from tests.simulation.cluster.invariants import Invariant
    from tests.simulation.cluster.layouts import Layout
    from tests.simulation.cluster.watchers import Watcher
    from tests.simulation.cluster.workloads.workload import Workload

READY_WITHIN_S = 60.0
DONE_WITHIN_S = 180.0
BEFORE_S = 0.5
RECOVERY_S = 1.0
AFTERWARDS_S = 3.0
OVER_WITHIN_S = 150.0
"""Transactions that nobody ends are. They began when a wrong clock said, and a request to a lost machine takes long."""
LAST_EVENTS = 30


@dataclass(frozen=True, slots=True)
class Scenario:
    layout: Layout
    workloads: Callable[[Random], Sequence[Workload]]
    faults: Mapping[Callable[[SimulatedCluster], str], int]
    invariants: Sequence[Invariant]
    watchers: Sequence[Callable[[], Watcher]] = ()
    replication_factor: int = 1
    is_prompt: bool = True
    """No fault delays what was sent."""
    topic_configs: Mapping[str, str | None] | None = None
    groups: Sequence[str] = ()
    share_group: str = ""


class Overheard(logging.Handler):
    """What nodes report; an error is a bug, unless it is the end of a process."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        super().__init__(logging.WARNING)
        self._cluster = cluster

    def emit(self, record: logging.LogRecord) -> None:
        process = CURRENT.get(None)
        self._cluster.trace.detail(f"{process} {record.getMessage()}")
        error = record.exc_info[1] if record.exc_info else None
        if is_simulated(error):
            return  # told of as it should be
        if record.levelno >= logging.ERROR and process is not None and process.is_alive:
            self._cluster.failed(f"NoUnhandledException: {process}: {record.getMessage()}", error)


def play(scenario: Scenario, name: str, seed: int) -> str:
    """One life; how it ended. `AssertionError` names the invariant, and what happened last."""
    cluster = SimulatedCluster(f"{name}/{seed}", scenario.layout)
    ledger = Ledger()
    log = Overheard(cluster)
    logger = logging.getLogger("ottla")
    logger.propagate = False
    logger.addHandler(log)
    gc.disable()  # a quarter of the time, at moments that follow from what was played before
    gc.freeze()
    try:
        _live(scenario, cluster, ledger)
        gc.collect()  # now exceptions that nobody looked at are found
        cluster.raise_failures()
    except Exception as error:
        events = "\n  ".join(cluster.trace.events[-LAST_EVENTS:])
        raise AssertionError(f"{error}\nlast events:\n  {events}\n{cluster}") from error
    finally:
        logger.removeHandler(log)
        logger.propagate = True
        cluster.dispose()
        gc.unfreeze()
        gc.enable()
    for what, count in cluster.disk_troubles().items():
        ledger.count(what, count)
    counts = " ".join(f"{what}={count}" for what, count in sorted(ledger.counts.items()))
    return f"{cluster.trace.digest()} {counts}"


def _live(scenario: Scenario, cluster: SimulatedCluster, ledger: Ledger) -> None:
    cluster.is_prompt = scenario.is_prompt
    watchers = [watcher() for watcher in scenario.watchers]
    for watcher in watchers:
        cluster.watchers.append(partial(watcher.look, cluster))
    cluster.start()
    workloads = scenario.workloads(Random(f"{cluster.seed}/workloads"))
    cluster.trace.event(", ".join(type(workload).__name__ for workload in workloads))
    topics = {name: count for workload in workloads for name, count in workload.topics.items()}

    if topics:
        founder = cluster.client("founder", lambda client: _create_topics(client, scenario, topics))
        cluster.run_until(lambda: founder.is_done, READY_WITHIN_S, "topics")
    for workload in workloads:
        workload.start(cluster, ledger)
    cluster.run_for(BEFORE_S)
    _chaos(scenario, cluster)
    cluster.calm()
    cluster.run_for(RECOVERY_S)
    cluster.is_ending = True
    cluster.trace.event("ending")
    cluster.run_until(lambda: all(client.is_done for client in cluster.clients), DONE_WITHIN_S, "everybody ends")
    cluster.run_for(AFTERWARDS_S)
    cluster.run_until(lambda: nothing_is_open(cluster), OVER_WITHIN_S, "NothingHangs: transactions are over")
    cluster.run_until(lambda: metadata_is_everywhere(cluster), READY_WITHIN_S, "all know what is committed")
    for watcher in watchers:
        watcher.end(cluster, ledger)
    found = Found()
    share_group = scenario.share_group if any(isinstance(one, ShareMembers) for one in workloads) else ""
    if topics:
        auditor = cluster.client("auditor", lambda client: audit(client, topics, scenario.groups, share_group, found))
        cluster.run_until(lambda: auditor.is_done, READY_WITHIN_S, "the audit")
    for invariant in scenario.invariants:
        invariant.check(found, ledger)


def _chaos(scenario: Scenario, cluster: SimulatedCluster) -> None:
    faults, weights = list(scenario.faults), list(scenario.faults.values())
    temper = cluster.temper
    cluster.trace.event(str(temper))
    end = cluster.now + temper.chaos_s
    while cluster.now < end:
        cluster.run_for(cluster.random.expovariate(1 / temper.fault_every_s))
        [fault] = cluster.random.choices(faults, weights)
        text = fault(cluster)
        if text:
            cluster.trace.event(text)


async def _create_topics(client: SimulatedClient, scenario: Scenario, topics: dict[str, int]) -> None:
    kafka = await connected(client)
    missing = [
        NewTopic(name, count, scenario.replication_factor, dict(scenario.topic_configs or {}))
        for name, count in topics.items()
    ]
    while missing:
        try:
            answers = await create_topics(kafka, missing)
        except MAY_PASS:
            answers = {}
        missing = [topic for topic in missing if not _is_there(answers.get(topic.name))]
        await pause(client, 0.2)
    kafka.close()


def _is_there(answer: CreatedTopic | KafkaError | None) -> bool:
    return isinstance(answer, CreatedTopic) or (
        isinstance(answer, KafkaError) and answer.code is ErrorCode.TOPIC_ALREADY_EXISTS
    )
