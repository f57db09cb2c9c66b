"""Copies of states take over: when their task's owner is killed, little or nothing is read again."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import CLASSIC, EXACTLY_ONCE, STREAMS
from tests.streams.counting import assert_exactly_once, make_topics, read_counts, send_lines, some_lines

from ottla.clients.client import KafkaClient
from ottla.clients.configs import alter_configs
from ottla.runtime.sockets import SocketNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.peers.process import NodeProcess
    from tests.streams.instance import Instance

pytestmark = pytest.mark.timeout(300)
DSL = "tests.streams.dsl_word_count:topology"


async def set_group_config(bootstrap: str, group: str, key: str, value: str) -> None:
    async with KafkaClient(SocketNetwork(asyncio.get_running_loop()), bootstrap) as client:
        assert await alter_configs(client, "group", {group: {key: value}}) == {}


@pytest.mark.parametrize(
    "protocol", [pytest.param(CLASSIC, id="classic", marks=pytest.mark.long), pytest.param(STREAMS, id="streams")]
)
def test_a_copy_takes_over(broker: NodeProcess, instance: Callable[..., Instance], protocol: dict[str, str]) -> None:
    make_topics(broker.address)
    if protocol is STREAMS:
        asyncio.run(set_group_config(broker.address, "word-count", "streams.num.standby.replicas", "1"))
    settings = protocol | EXACTLY_ONCE | {"num.standby.replicas": "1", "statestore.cache.max.bytes": "0"}
    first, second = (instance(broker, label, settings, DSL) for label in ("first", "second"))
    words = send_lines(broker.address, some_lines(3000, 1))
    first.start()
    first.wait_until_running()
    read_counts(broker.address, words)
    second.start()  # only now: a copy that has caught up has all of it then
    second.wait_until_running()
    everything = {f"{sub}_{partition}" for sub in (0, 1) for partition in range(3)}
    stateful = {task for task in everything if task.startswith("1_")}

    def settled() -> bool:
        running = _running(first), _running(second)
        copies = _warm(first) - running[0] | _warm(second) - running[1]
        return running[0] | running[1] == everything and copies == stateful

    wait_for(settled, "every task runs, and has a copy elsewhere that has read all there is", 120)
    owned = _running(first)
    seen = len(second.output)
    first.kill()
    words += send_lines(broker.address, some_lines(500, 2))
    assert_exactly_once(read_counts(broker.address, words), words)
    after = second.output[seen:]
    assert _running(second) == everything
    if protocol is CLASSIC:
        assert _taken_over(second) >= owned & stateful
    # The broker of a streams group takes the copy away first and gives the task then: its state is on the disk still.
    assert sum(int(number.replace(",", "")) for number in re.findall(r"([\d,]+) records", after)) < words.total() / 20
    assert second.stop() == 0


def _warm(one: Instance) -> set[str]:
    """Of which it has a copy that has caught up."""
    warm: set[str] = set()
    for task, what in re.findall(r"task (\d+_\d+)(?: |: its copy )(has caught up|takes over|is given up)", one.said):
        (warm.add if what == "has caught up" else warm.discard)(task)
    return warm


def _running(one: Instance) -> set[str]:
    running: set[str] = set()
    for task, what in re.findall(r"task (\d+_\d+) (runs|is given up|becomes a copy)", one.said):
        (running.add if what == "runs" else running.discard)(task)
    return running


def _taken_over(one: Instance) -> set[str]:
    return set(re.findall(r"task (\d+_\d+): its copy takes over", one.said))
