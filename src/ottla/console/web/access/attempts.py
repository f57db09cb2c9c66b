"""How often somebody may be wrong about a password: so many times a minute, by name and address together. Pure.

By both, as by the name alone anybody could keep its owner out, and by the address alone a proxy would keep out all.
"""

from __future__ import annotations

from collections import deque
from typing import Final

WRONG_MAX: Final = 10
WITHIN_MS: Final = 60_000
REMEMBERED_MAX: Final = 10_000
"""Pairs of a name and an address; the oldest is forgotten for a new one."""


class Attempts:
    def __init__(self) -> None:
        self._wrong: dict[tuple[str, str], deque[int]] = {}

    def wait_ms(self, name: str, address: str, now_ms: int) -> int:
        """0: another may be made now."""
        wrong = self._wrong.get((name, address))
        if wrong is None or len(wrong) < WRONG_MAX:
            return 0
        return max(0, wrong[0] + WITHIN_MS - now_ms)

    def failed(self, name: str, address: str, now_ms: int) -> None:
        key = (name, address)
        if key not in self._wrong and len(self._wrong) >= REMEMBERED_MAX:
            del self._wrong[next(iter(self._wrong))]
        self._wrong.setdefault(key, deque(maxlen=WRONG_MAX)).append(now_ms)

    def succeeded(self, name: str, address: str) -> None:
        self._wrong.pop((name, address), None)
