"""What goes wrong, one misfortune at a time, each with how often. What is broken is mended by others of them, or in the
end by `SimulatedCluster.calm`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.cluster.network import Weather
from tests.simulation.cluster.partition_watchers import is_whole
from tests.simulation.disk import DATA, EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.cluster.cluster import SimulatedCluster
    from tests.simulation.cluster.node import SimulatedNode

Fault = "Callable[[SimulatedCluster], str]"
"""Does it; what to write down (nothing: it could not happen)."""


def a_node(cluster: SimulatedCluster) -> SimulatedNode:
    return cluster.random.choice(cluster.nodes)


def back_later(cluster: SimulatedCluster, node: SimulatedNode) -> None:
    cluster.loop.call_later(cluster.random.uniform(0.0, 3.0), node.start)


def kill(cluster: SimulatedCluster) -> str:
    node = a_node(cluster)
    if not node.is_up:
        return ""
    node.kill()
    back_later(cluster, node)
    return f"kill {node.name}"


def kill_in_the_middle(cluster: SimulatedCluster) -> str:
    node = a_node(cluster)
    if not node.is_up or node.process is None:
        return ""
    node.process.fuse = cluster.random.randrange(1, 120)

    def blow() -> None:
        cluster.trace.event(f"{node.name} dies")
        node.kill()
        back_later(cluster, node)

    node.process.blow = blow
    return f"arm {node.name}: {node.process.fuse}"


def lose_power(cluster: SimulatedCluster) -> str:
    node = a_node(cluster)
    if not node.is_up:
        return ""
    node.lose_power()
    back_later(cluster, node)
    return f"power of {node.name}"


def lose_power_of_one(cluster: SimulatedCluster) -> str:
    """While all others have what it may lose."""
    return lose_power(cluster) if is_whole(cluster) else ""


def restart(cluster: SimulatedCluster) -> str:
    node = a_node(cluster)
    if node.node is None:
        return ""
    node.stop()
    back_later(cluster, node)
    return f"stop {node.name}"


def revive(cluster: SimulatedCluster) -> str:
    dead = [node for node in cluster.nodes if not node.is_up]
    for node in dead:
        node.start()
    return f"start {', '.join(node.name for node in dead)}" if dead else ""


def pause(cluster: SimulatedCluster) -> str:
    """A process that stands still, as for a long collection or a snapshot of its machine."""
    node = a_node(cluster)
    if not node.is_up:
        return ""
    duration_s = cluster.random.choice((0.2, 1.0, 5.0, 12.0))
    process = node.process
    node.pause()
    if process is not None:
        cluster.loop.call_later(duration_s, cluster.loop.resume, process)
    return f"pause {node.name} for {duration_s} s"


def cut(cluster: SimulatedCluster) -> str:
    """Between two hosts, in one direction or both."""
    hosts = [node.name for node in cluster.nodes] + [client.name for client in cluster.clients]
    one, other = cluster.random.choice(hosts[: len(cluster.nodes)]), cluster.random.choice(hosts)
    if one == other:
        return ""
    pairs = {(one, other), (other, one)} if cluster.random.random() < 0.6 else {(one, other)}
    if cluster.random.random() < 0.3:
        pairs = {(b, a) for a, b in pairs}
    cluster.network.cut |= pairs
    return f"cut {sorted(pairs)}"


def isolate(cluster: SimulatedCluster) -> str:
    """A node from all others, or from the other nodes only; in one direction or both."""
    one = a_node(cluster).name
    others = [node.name for node in cluster.nodes if node.name != one]
    if cluster.random.random() < 0.5:
        others += [client.name for client in cluster.clients]
    ways = cluster.random.choice(("both", "both", "in", "out"))
    if ways != "in":
        cluster.network.cut |= {(one, other) for other in others}
    if ways != "out":
        cluster.network.cut |= {(other, one) for other in others}
    return f"isolate {one}: {ways}"


def heal(cluster: SimulatedCluster) -> str:
    if not cluster.network.cut:
        return ""
    cluster.network.cut.clear()
    return "heal"


def weather(cluster: SimulatedCluster) -> str:
    random = cluster.random
    now = cluster.network.weather = Weather(
        latency_s=random.choice(((0.0001, 0.0008), (0.0001, 0.0008), (0.001, 0.05), (0.0002, 0.4))),
        loss=random.choice((0.0, 0.0, 0.01, 0.1)),
        bytes_per_s=random.choice((100e6, 100e6, 1e6, 50e3)),
    )
    return f"weather {now}"


def fine_weather(cluster: SimulatedCluster) -> str:
    cluster.network.weather = replace(Weather())
    return "fine weather"


def reset(cluster: SimulatedCluster) -> str:
    return "reset a connection" if cluster.network.reset_one() else ""


def fail_disk(cluster: SimulatedCluster) -> str:
    """Some kind of operation below one of its log directories, for a while or until the process is gone."""
    node, random = a_node(cluster), cluster.random
    if not node.is_up:
        return ""
    directories = node.config.get_list("log.dirs")
    directory = random.choice([directories[-1], *directories])
    kinds = random.choice((DATA, DATA, frozenset({"sync"}), frozenset({"write"}), frozenset({"read"}), EVERYTHING))
    times = random.choice((1, 3, 100_000))
    node.machine.disk.fail_after(random.randrange(1, 40), times=times, under=f"{directory}/", kinds=kinds)
    return f"disk of {node.name} fails below {directory}: {', '.join(sorted(kinds))}, {times} times"


def slow_disk(cluster: SimulatedCluster) -> str:
    node = a_node(cluster)
    node.machine.sync_s = cluster.random.choice(((0.0005, 0.006), (0.005, 0.05), (0.05, 1.0)))
    return f"disk of {node.name}: {node.machine.sync_s}"


def set_clock(cluster: SimulatedCluster) -> str:
    node = a_node(cluster)
    clock = node.machine.clock
    clock.offset_ms = cluster.random.choice((0.0, -3_000.0, 500.0, 60_000.0))
    clock.drift = cluster.random.choice((0.0, 1e-4, -1e-4))
    return f"clock of {node.name}: {clock.offset_ms} ms"


def kill_client(cluster: SimulatedCluster) -> str:
    """A program that its supervisor starts again."""
    client = cluster.random.choice(cluster.clients)
    if client.is_done or not client.process.is_alive:
        return ""
    client.kill()

    def again() -> None:
        if not client.process.is_alive:
            client.start()

    cluster.loop.call_later(cluster.random.uniform(0.0, 2.0), again)
    return f"kill {client.name}"


CRASHES: Mapping[Callable[[SimulatedCluster], str], int] = {kill: 3, kill_in_the_middle: 4, restart: 2, revive: 2}
POWER: Mapping[Callable[[SimulatedCluster], str], int] = {lose_power: 3, revive: 1}
POWER_OF_ONE: Mapping[Callable[[SimulatedCluster], str], int] = {lose_power_of_one: 6, revive: 1}
NETWORK: Mapping[Callable[[SimulatedCluster], str], int] = {
    cut: 2,
    isolate: 2,
    heal: 3,
    weather: 2,
    fine_weather: 1,
    reset: 3,
}
DISKS: Mapping[Callable[[SimulatedCluster], str], int] = {fail_disk: 4, restart: 1, revive: 1}
STALLS: Mapping[Callable[[SimulatedCluster], str], int] = {pause: 2, slow_disk: 1}
CLOCKS: Mapping[Callable[[SimulatedCluster], str], int] = {set_clock: 1}
CLIENTS: Mapping[Callable[[SimulatedCluster], str], int] = {kill_client: 2}
