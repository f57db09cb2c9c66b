"""How long a partition takes no writes: its leader is killed, stands still, is cut off; and how long for thousands.

A writer that goes on trying writes to one partition all the time; an outage is its longest time without an
acknowledgement. It holds the log against its notes afterwards. It asks anew after a second without an answer, so
that it is the cluster that is waited for; nothing of the clusters is set.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import confluent_kafka as ck
from tests.cluster.hosts import Hosts
from tests.cluster.load import CountedLoad
from tests.cluster.spread import NODES, Spread
from tests.cluster.test_faults import wait_until_whole
from tests.interop.quorum_nodes import has_settled, wait_for_status
from tests.peers.process import wait_for

from bench.side import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.side import Side

ENOUGH: Final = 200
"""Acknowledgements, before and after: more than are under way at any time."""
IMPATIENT: Final = {"socket.timeout.ms": 1_000, "request.timeout.ms": 1_000}


def measure_kills(side: Side, number: int) -> None:
    """The leader is the active controller, too, and then it is not. The client has its connections open."""
    for is_controller, metric in ((True, "killed_controller_s"), (False, "killed_s")):
        topic = f"{metric}-{number}"
        victim = _create_led_by(side, topic, is_controller=is_controller)
        node = side.running.nodes[victim]
        side.note(metric, _outage(side, topic, node.kill))
        node.start()
        wait_until_whole(side.running, topic)


def measure_pause(side: Side, number: int) -> None:
    topic = f"paused-{number}"
    victim = _create_led_by(side, topic, is_controller=False)
    pid = side.running.nodes[victim].pid
    try:
        side.note("paused_s", _outage(side, topic, lambda: os.kill(pid, signal.SIGSTOP)))
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until_whole(side.running, topic)


def measure_cuts(side: Side, directory: Path, rounds: int, settings: Mapping[str, str]) -> None:
    """Of three hosts of its own (network namespaces): neither the others nor the client reach the leader."""
    with Hosts(len(NODES)) as hosts, hosts.inside(), Spread(directory, hosts, side.make_node, settings) as spread:
        apart = side.at(spread)
        for number in range(rounds):
            topic = f"cut-{number}"
            victim = _create_led_by(apart, topic, is_controller=False)
            try:
                apart.note("cut_off_s", _outage(apart, topic, partial(hosts.cut, victim)))
            finally:
                hosts.mend(victim)
            wait_until_whole(spread, topic)


def _create_led_by(side: Side, topic: str, *, is_controller: bool) -> int:
    nodes = side.running.nodes
    active = wait_for_status(list(nodes.values()), has_settled, "an active controller").leader_id
    victim = active if is_controller else next(node_id for node_id in nodes if node_id != active)
    side.create_led_by(topic, victim)
    wait_until_whole(side.running, topic)
    return victim


def _outage(side: Side, topic: str, fault: Callable[[], object]) -> float:
    with CountedLoad(side.running.bootstrap, topic, 1, producers=1, settings=IMPATIENT) as load:
        load.wait_for(ENOUGH)
        begun = time.monotonic()
        fault()
        load.wait_for(ENOUGH)
        silence_s = load.longest_silence_s(begun)
    load.check()
    return silence_s


def measure_partitions_failover(side: Side, names: list[str]) -> None:
    """From the kill of a node until the others lead all that it led."""
    victim = sorted(side.running.nodes)[-1]
    node = side.running.nodes[victim]
    admin = side.admin()
    admin.list_topics(timeout=10)
    killed = time.perf_counter()
    node.kill()
    count = 0

    def led() -> bool:
        nonlocal count
        with contextlib.suppress(ck.KafkaException):
            topics = admin.list_topics(timeout=10).topics
            leaders = [one.leader for name in names for one in topics[name].partitions.values()]
            count = len(leaders)
            return victim not in leaders and -1 not in leaders
        return False

    wait_for(led, "the survivors lead all partitions", TIMEOUT_S)
    side.note(f"failover_{count}_s", time.perf_counter() - killed)
