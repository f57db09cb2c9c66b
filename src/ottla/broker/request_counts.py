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


class Asker(Protocol):
    """Whose request it is (`ClientConnection`)."""

    client_host: str
    client_port: int
    listener: str


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

    def told(self, response: Response) -> None:
        """What the answer says."""
        ...

    def sent(self) -> None:
        """It was given to the socket."""
        ...


class Measure(Protocol):
    """Of one version of an API."""

    def begin(self, counts: RequestCounts, frame: memoryview, client: Asker, together: int = 0) -> Timing:
        """A request is timed, or some `together`, the first of which it is; `counts` is told which is the next."""
        ...

    def answered(self, response: Response) -> None:
        """Count the errors that it tells."""
        ...


class RequestCounts:
    """Of one version of an API. `time_at`: behind how many the next one is timed."""

    __slots__ = ("api_key", "api_version", "measure", "single", "time_at", "time_together_at", "together")

    def __init__(self, api_key: ApiKey, api_version: int) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.single = 0
        self.together = 0
        """Produce requests that were served together, and answered without an error (`ProduceRuns`)."""
        self.time_at = self.time_together_at = NEVER
        self.measure: Measure | None = None

    def watch(self, measure: Measure) -> None:
        self.measure = measure
        self.time_at, self.time_together_at = self.single, self.together

    @property
    def requests(self) -> int:
        return self.single + self.together

    def begin(self, frame: memoryview, client: Asker) -> Timing | None:
        """Of a request whose turn it is to be timed."""
        return None if self.measure is None else self.measure.begin(self, frame, client)
