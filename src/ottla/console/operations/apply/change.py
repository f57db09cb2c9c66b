"""One step from what a cluster is to what a file wants it to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CREATE, ALTER, DELETE, REFUSE = "create", "alter", "delete", "refuse"


@dataclass(frozen=True, slots=True)
class Change:
    """`REFUSE`: it cannot be done, the first detail says why. Others have a `run` that raises what the cluster says."""

    action: str
    kind: str
    name: str
    details: list[str] = field(default_factory=list)
    run: Callable[[], Awaitable[object]] | None = None


def refuse(kind: str, name: str, why: str) -> Change:
    return Change(REFUSE, kind, name, [why])
