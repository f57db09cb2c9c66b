"""An application counts words, under each protocol and guarantee, on both kinds of broker; stopped, killed, shared."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from tests.peers.process import wait_for
from tests.streams.conftest import AT_LEAST_ONCE, CLASSIC, EXACTLY_ONCE, STREAMS
from tests.streams.counting import (
    assert_at_least_once,
    assert_exactly_once,
    make_topics,
    read_counts,
    send_lines,
    some_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.peers.process import NodeProcess
    from tests.streams.instance import Instance

pytestmark = pytest.mark.timeout(300)
KINDS = [
    pytest.param(CLASSIC | EXACTLY_ONCE, marks=pytest.mark.long),
    STREAMS | EXACTLY_ONCE,
    CLASSIC | AT_LEAST_ONCE,
    pytest.param(STREAMS | AT_LEAST_ONCE, marks=pytest.mark.long),
]
PROTOCOLS = pytest.mark.parametrize(
    "protocol", [pytest.param(CLASSIC, id="classic", marks=pytest.mark.long), pytest.param(STREAMS, id="streams")]
)
IDS = ["classic-exactly-once", "streams-exactly-once", "classic-at-least-once", "streams-at-least-once"]


@pytest.mark.parametrize("settings", KINDS, ids=IDS)
def test_it_goes_on_where_it_was_stopped(
    broker: NodeProcess, instance: Callable[..., Instance], settings: dict[str, str]
) -> None:
    make_topics(broker.address)
    words = send_lines(broker.address, some_lines(1000, 1))
    one = instance(broker, "one", settings)
    for part in (2, 3):
        one.start()
        one.wait_until_running()
        read_counts(broker.address, words)
        assert one.stop() == 0, one.said[-3000:]
        words += send_lines(broker.address, some_lines(300, part))
    one.start()
    assert_exactly_once(read_counts(broker.address, words), words)
    assert one.stop() == 0
    assert "wipe" not in one.output


@PROTOCOLS
def test_killed_at_random_it_counts_as_if_nothing_had_happened(
    broker: NodeProcess, instance: Callable[..., Instance], protocol: dict[str, str]
) -> None:
    make_topics(broker.address)
    words = send_lines(broker.address, some_lines(20_000, 4))
    one = instance(broker, "one", protocol | EXACTLY_ONCE)
    chance = random.Random(5)
    for _ in range(5):
        one.start()
        one.wait_until_running()
        time.sleep(chance.uniform(0.0, 1.5))
        one.kill()
        words += send_lines(broker.address, some_lines(200, chance.randrange(1000)))
    one.start()
    assert_exactly_once(read_counts(broker.address, words), words)
    assert one.stop() == 0


@PROTOCOLS
def test_two_share_the_work_and_one_takes_over(
    broker: NodeProcess, instance: Callable[..., Instance], protocol: dict[str, str]
) -> None:
    """Rebalances while records flow: an instance comes, one is killed, it comes back, the other is stopped."""
    make_topics(broker.address)
    words = send_lines(broker.address, some_lines(6000, 6))
    first, second = (instance(broker, label, protocol | EXACTLY_ONCE) for label in ("first", "second"))
    first.start()
    first.wait_until_running()
    second.start()
    second.wait_until_running()
    wait_for(lambda: " runs" in second.said, "the second instance has a task")
    words += send_lines(broker.address, some_lines(3000, 7))
    time.sleep(0.5)
    first.kill()
    words += send_lines(broker.address, some_lines(3000, 8))
    read_counts(broker.address, words)
    first.start()
    first.wait_until_running()
    words += send_lines(broker.address, some_lines(1000, 9))
    assert second.stop() == 0
    words += send_lines(broker.address, some_lines(1000, 10))
    assert_exactly_once(read_counts(broker.address, words), words)
    assert first.stop() == 0


def test_at_least_once_loses_nothing_when_killed(ottla: NodeProcess, instance: Callable[..., Instance]) -> None:
    make_topics(ottla.address)
    words = send_lines(ottla.address, some_lines(10_000, 11))
    one = instance(ottla, "one", CLASSIC | AT_LEAST_ONCE)
    for pause_s in (0.2, 0.7):
        one.start()
        one.wait_until_running()
        time.sleep(pause_s)
        one.kill()
    one.start()
    one.wait_until_running()  # all may be counted before it is there
    assert_at_least_once(read_counts(ottla.address, words), words)
    assert one.stop() == 0
