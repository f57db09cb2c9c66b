"""How a seed lives: how long and how often things go wrong, how busy clients are, how long nodes wait for each other.

Most seeds are short and dense: the time-outs are a third of what they are by default, so that in a third of the time
as many of them pass. Every eighth is long, busy and patient, as a cluster with the default configs is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

HASTY: Final = {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "700",
    "replica.lag.time.max.ms": "4000",
    "replica.socket.timeout.ms": "4000",
    "request.timeout.ms": "6000",
    "controller.socket.timeout.ms": "6000",
    "controller.quorum.election.timeout.ms": "400",
    "controller.quorum.election.backoff.max.ms": "400",
    "controller.quorum.fetch.timeout.ms": "800",
    "controller.quorum.request.timeout.ms": "800",
}
LONG_ONE_IN: Final = 8


@dataclass(frozen=True, slots=True)
class Temper:
    chaos_s: float
    fault_every_s: float
    pace: float
    """How much longer clients pause than when they are busy."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of every node."""

    def __str__(self) -> str:
        waits = "hasty" if self.settings else "patient"
        return f"{waits}, {self.chaos_s:g} s, a fault every {self.fault_every_s:g} s, pace {self.pace:g}"


PATIENT: Final = Temper(chaos_s=20.0, fault_every_s=1.0, pace=1.5)


def temper_of(random: Random) -> Temper:
    if not random.randrange(LONG_ONE_IN):
        return PATIENT
    return Temper(
        chaos_s=random.choice((5.0, 7.0, 9.0)),
        fault_every_s=random.choice((0.3, 0.5, 0.8)),
        pace=random.choice((2.0, 4.0, 6.0)),
        settings=HASTY,
    )
