"""Resting between looks for events: only in a stream of requests, and only while nothing is lost by it."""

import selectors
import socket
from collections.abc import Callable

import pytest

from ottla.runtime.moderation import (
    PENALTY_SECONDS,
    RESTS_SECONDS,
    STREAM_REQUESTS_A_SECOND,
    WINDOW_SECONDS,
    ModeratedSelector,
    Moderation,
)
from ottla.runtime.turn import Turn

LOOK_SECONDS = 10e-6
"""What a look and what it costs to begin with an event take in these worlds."""
REQUEST_SECONDS = 4e-6


class World:
    """A loop and its clients; `arrived(seconds)` says how many requests a time without service brings at the most."""

    def __init__(self, arrived: Callable[[float], float], *, moderated: bool = True) -> None:
        self._moderated = moderated
        self.moderation = Moderation()
        self.now = 1.0
        self.served = 0
        self.rested = 0.0  # seconds
        self._arrived = arrived

    def run(self, seconds: float) -> float:
        """How many requests a second are served."""
        began, first = self.now, self.served
        waiting = 0.0
        last = self.now
        while self.now < began + seconds:
            if self._moderated:
                self.moderation.look(self.now, self.served)
            self.rested += self.moderation.rest_seconds
            self.now += self.moderation.rest_seconds
            self.now += LOOK_SECONDS
            waiting += self._arrived(self.now - last)
            last = self.now
            count = int(waiting)
            waiting -= count
            self.served += count
            self.now += count * REQUEST_SECONDS
        return (self.served - first) / (self.now - began)


def test_a_stream_is_served_in_larger_turns() -> None:
    """A client that sends 70,000 a second whatever the node does."""
    world = World(lambda seconds: seconds * 70_000)
    rate = world.run(2.0)
    assert rate == pytest.approx(70_000, rel=0.05)
    turn = RESTS_SECONDS[1] + LOOK_SECONDS
    assert world.rested > 0.9 * 2.0 * (1 - rate * REQUEST_SECONDS) * RESTS_SECONDS[1] / turn


def test_it_rests_no_longer_than_what_is_in_flight_lasts() -> None:
    """With so much in flight a short rest loses less than is tolerated, and a long one more."""
    in_flight = 350
    world = World(lambda seconds: in_flight)
    free = World(lambda seconds: in_flight, moderated=False)
    assert world.run(5.0) > 0.9 * free.run(5.0)
    turn = RESTS_SECONDS[0] + LOOK_SECONDS + in_flight * REQUEST_SECONDS
    assert world.rested == pytest.approx(5.0 * RESTS_SECONDS[0] / turn, rel=0.2)


@pytest.mark.parametrize("window", [1, 2, 5])
def test_clients_that_wait_for_answers_are_not_slowed_down(window: int) -> None:
    """As many requests as are let in flight, then nothing until they are answered."""
    world = World(lambda seconds: window)
    free = World(lambda seconds: window, moderated=False)
    assert world.run(5.0) > 0.97 * free.run(5.0)
    assert world.rested < 2 * (WINDOW_SECONDS + RESTS_SECONDS[0]) * 5.0 / PENALTY_SECONDS


def test_few_requests_are_never_made_to_wait() -> None:
    world = World(lambda seconds: seconds * 0.9 * STREAM_REQUESTS_A_SECOND)
    world.run(2.0)
    assert world.rested == 0


def test_a_stream_that_ends_ends_the_rests() -> None:
    moderation = Moderation()
    rests: list[float] = []
    late = 1.02 + PENALTY_SECONDS
    for now, served in ((1.0, 0), (1.01, 1000), (1.02, 1001), (1.03, 3001), (late - 0.01, 3002), (late + 0.01, 9000)):
        moderation.look(now, served)
        rests.append(moderation.rest_seconds)
    first = RESTS_SECONDS[0]
    assert rests == [0, first, 0, 0, 0, first]


def test_events_come_through() -> None:
    turn = Turn()
    selector = ModeratedSelector(turn)
    here, there = socket.socketpair()
    try:
        selector.register(here, selectors.EVENT_READ)
        assert selector.select(0) == []
        for _ in range(3):
            turn.requests += 10_000  # a stream, whatever the clock says
            there.send(b"x")
            assert [key.fileobj for key, _ in selector.select(5)] == [here]
            here.recv(1)
    finally:
        selector.close()
        here.close()
        there.close()
