"""What follows on a lost connection: a wait and another attempt, or the end, when there were too many in a row."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    import logging

    from ottla.connect.connectors.cdc.backoff import Backoff


class Reconnections:
    def __init__(self, log: logging.Logger) -> None:
        self.count = 0
        self._log = log
        self._next_s = 0.0

    def wait(self, at_most_s: float) -> bool:
        """True: it waited, for a part of the time or all of it; False: there is nothing to wait for."""
        wait_s = self._next_s - time.monotonic()
        if wait_s <= 0:
            return False
        time.sleep(min(wait_s, at_most_s))
        return True

    def follow(self, error: ConnectError, backoff: Backoff) -> None:
        """Another attempt comes after the wait. `ConnectError`: it is enough."""
        wait_s = backoff.next_wait_s()
        if wait_s is None:
            raise ConnectError(f"{error} (tried {backoff.failures} times in a row)") from error
        self._log.warning("%s; another attempt follows in %g s", error, wait_s)
        self.count += 1
        self._next_s = time.monotonic() + wait_s
