"""How often each version of each API was asked, and, where somebody watches, how long a part of the requests took.

To count costs an addition a request. To time costs microseconds, so only some requests are: all of an API that is
asked now and then, one in ever more of one that is asked all the time (`RequestTimes.begin`), as Kafka's histograms
hold a sample of what they are told. Without `measure` nothing is timed, and errors are not counted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from ottla.protocol.api_keys import ApiKey
    from ottla.protocol.message import Response

NEVER: Final = sys.maxsize


class Timing(Protocol):
    """Of one request. Each call says that it got so far; `sent` is the last."""

    def also(self, kind: str) -> None:
        """It counts under another name, too."""
        ...

    def handled(self) -> None:
        """The handler has returned: with the answer, or with one that comes later."""
        ...

    def answered(self) -> None:
        """The answer that was to come is there."""
        ...

    def sent(self) -> None:
        """It was given to the socket."""
        ...


class Measure(Protocol):
    """Of one version of an API."""

    def begin(self, counts: RequestCounts, size: int, together: int = 1) -> Timing:
        """A request of `size` bytes is timed, or several `together`; `counts` is told which is the next."""
        ...

    def answered(self, response: Response) -> None:
        """Count the errors that it tells."""
        ...


class RequestCounts:
    """Of one version of an API. `time_at`: the request of which number is the next to be timed."""

    __slots__ = ("api_key", "api_version", "measure", "requests", "time_at")

    def __init__(self, api_key: ApiKey, api_version: int) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.requests = 0
        self.time_at = NEVER
        self.measure: Measure | None = None

    def watch(self, measure: Measure) -> None:
        self.measure = measure
        self.time_at = self.requests
