"""What one event makes due is done when that event is dealt with."""

from __future__ import annotations

import asyncio

import pytest

from ottla.runtime.turn import Turn


async def test_within_an_event_callbacks_come_at_its_end_in_their_order() -> None:
    turn, called = Turn(), list[str]()
    turn.begin()
    turn.call_soon(lambda: called.append("first"))
    turn.begin()
    turn.call_soon(lambda: called.append("second"))
    turn.end()
    assert called == []
    turn.end()
    assert called == ["first", "second"]
    await asyncio.sleep(0)
    assert called == ["first", "second"]


async def test_outside_of_an_event_the_loop_calls_soon() -> None:
    turn, called = Turn(), list[str]()
    turn.call_soon(lambda: called.append("first"))
    turn.call_soon(lambda: called.append("second"))
    assert called == []
    await asyncio.sleep(0)
    assert called == ["first", "second"]
    turn.call_soon(lambda: called.append("third"))
    await asyncio.sleep(0)
    assert called == ["first", "second", "third"]


async def test_what_came_outside_is_not_called_twice_when_an_event_ends_before_the_loop_comes_to_it() -> None:
    turn, called = Turn(), list[str]()
    turn.call_soon(lambda: called.append("outside"))
    turn.begin()
    turn.call_soon(lambda: called.append("within"))
    turn.end()
    assert called == ["outside", "within"]
    await asyncio.sleep(0)
    assert called == ["outside", "within"]


async def test_callbacks_made_due_by_callbacks_come_behind_them() -> None:
    turn, called = Turn(), list[str]()

    def first() -> None:
        turn.call_soon(lambda: called.append("third"))
        turn.begin()  # an event within, as of a connection that goes on serving
        turn.end()
        called.append("first")

    turn.begin()
    turn.call_soon(first)
    turn.call_soon(lambda: called.append("second"))
    turn.end()
    assert called == ["first", "second", "third"]


async def test_one_that_fails_is_reported_and_keeps_no_other_from_its_turn() -> None:
    turn, called, failures = Turn(), list[str](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def fail() -> None:
        raise ValueError("a mistake")

    turn.begin()
    turn.call_soon(fail)
    turn.call_soon(lambda: called.append("second"))
    turn.end()
    assert called == ["second"]
    assert [str(failure) for failure in failures] == ["a mistake"]
    turn.begin()
    turn.call_soon(lambda: called.append("third"))
    turn.end()
    assert called == ["second", "third"]


@pytest.mark.parametrize("events", [1, 3])
async def test_an_event_without_consequences_leaves_nothing_to_do(events: int) -> None:
    turn, called = Turn(), list[str]()
    for _ in range(events):
        turn.begin()
        turn.end()
    turn.call_soon(lambda: called.append("later"))
    assert called == []
    await asyncio.sleep(0)
    assert called == ["later"]
