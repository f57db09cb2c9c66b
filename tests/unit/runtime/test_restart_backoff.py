"""Waits grow up to a bound, however long it goes on, and begin anew behind a long life."""

from __future__ import annotations

from ottla.runtime.restart_backoff import RestartBackoff


def test_waits_double_up_to_a_bound() -> None:
    backoff = RestartBackoff(0.5, 3.0, recovered_s=30.0)
    assert [backoff.failed(1.0) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.failures == 5


def test_a_long_life_begins_anew() -> None:
    backoff = RestartBackoff(0.5, 3.0, recovered_s=30.0)
    for lived_s in (0.0, 0.0, 30.0):
        backoff.failed(lived_s)
    assert backoff.failed(30.1) == 0.5
    assert backoff.failures == 1


def test_what_fails_for_days_goes_on_waiting() -> None:
    backoff = RestartBackoff(1.0, 60.0, recovered_s=60.0)
    assert [backoff.failed(0.0) for _ in range(2000)][-1] == 60.0


def test_the_first_wait_is_within_the_bound_too() -> None:
    assert RestartBackoff(5.0, 3.0, recovered_s=30.0).failed(0.0) == 3.0
