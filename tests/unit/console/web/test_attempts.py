"""Wrong passwords are counted by name and address, for a minute."""

from __future__ import annotations

from ottla.console.web.access.attempts import REMEMBERED_MAX, WITHIN_MS, WRONG_MAX, Attempts


def test_so_many_a_minute() -> None:
    attempts = Attempts()
    for number in range(WRONG_MAX):
        assert attempts.wait_ms("ada", "here", number) == 0
        attempts.failed("ada", "here", number)
    assert attempts.wait_ms("ada", "here", WRONG_MAX) == WITHIN_MS - WRONG_MAX
    assert attempts.wait_ms("ada", "there", WRONG_MAX) == attempts.wait_ms("bob", "here", WRONG_MAX) == 0
    assert attempts.wait_ms("ada", "here", WITHIN_MS) == 0
    attempts.failed("ada", "here", WITHIN_MS)
    assert attempts.wait_ms("ada", "here", WITHIN_MS) == 1
    attempts.succeeded("ada", "here")
    assert attempts.wait_ms("ada", "here", WITHIN_MS) == 0


def test_what_is_remembered_is_bounded() -> None:
    attempts = Attempts()
    for number in range(REMEMBERED_MAX + 5):
        for _ in range(WRONG_MAX):
            attempts.failed(str(number), "here", 0)
    assert attempts.wait_ms("4", "here", 0) == 0
    assert attempts.wait_ms("5", "here", 0) == WITHIN_MS
