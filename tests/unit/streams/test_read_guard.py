"""The guard of a task's stores: in the order of asking, again by the same thread, and free while its thread waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.peers.process import wait_for

from ottla.streams.application import read_guard
from ottla.streams.application.read_guard import ReadGuard, open_to_readers
from ottla.streams.errors import StateStoreNotAvailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    threads: list[threading.Thread] = []

    def run(function: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=function, daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    yield run
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_who_asked_first_comes_first(beside: Callable[[Callable[[], object]], threading.Thread]) -> None:
    guard = ReadGuard()
    order: list[int] = []

    def read(number: int) -> None:
        with guard.reading("a store"):
            order.append(number)

    with guard:
        for number in range(5):
            beside(lambda number=number: read(number))  # type: ignore[misc]
            wait_for(lambda number=number: len(guard._waiting) == number + 1, "it waits", 30)  # type: ignore[misc]
    with guard:  # whoever lets go and takes again at once comes after those who waited
        assert order == [0, 1, 2, 3, 4]


def test_a_thread_may_read_what_it_works_on() -> None:
    guard = ReadGuard()
    with guard:
        with guard.reading("a store"):
            pass
        assert guard._owner == threading.get_ident()
    assert guard._owner is None


def test_who_waits_too_long_is_told(
    beside: Callable[[Callable[[], object]], threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_guard, "READ_WAIT_S", 0.01)
    guard = ReadGuard()
    told: list[str] = []

    def read() -> None:
        with pytest.raises(StateStoreNotAvailableError) as raised, guard.reading("the store counts"):
            pass
        told.append(str(raised.value))

    with guard:
        beside(read).join(30)
    assert told[0].startswith("the store counts could not be read within 0.01 s")
    with guard.reading("the store counts"):  # nobody was left in the queue
        assert not guard._waiting


def test_readers_come_in_while_the_thread_waits_for_the_cluster(
    beside: Callable[[Callable[[], object]], threading.Thread],
) -> None:
    guard = ReadGuard()
    done: list[bool] = []

    def read() -> None:
        with guard.reading("a store"):
            done.append(True)

    with guard:
        reader = beside(read)
        wait_for(lambda: bool(guard._waiting), "it waits", 30)
        assert not done
        with open_to_readers():
            reader.join(30)
            assert done
        assert guard._owner == threading.get_ident()
    with open_to_readers():  # of no guard at all
        assert guard._owner is None


def test_slices_are_short_while_somebody_reads() -> None:
    now_s = 0.0
    guard = ReadGuard(lambda: now_s)
    with guard:
        assert guard.slice_of(1000) == 1000
    with guard.reading("a store"):
        pass
    sizes = []
    for _ in range(30):
        with guard:
            sizes.append(guard.slice_of(1000))
            now_s += sizes[-1] * 0.0001  # a tenth of a millisecond for each record
    assert sizes[:6] == [1, 2, 4, 8, 16, 32]
    assert sizes[6:] == [32] * 24
    now_s += 2.0
    with guard:
        assert guard.slice_of(1000) == 1000
