"""Whether a process is alive, and whether it may be sent work: what an orchestrator asks.

`/healthz` says that the event loop answers and nothing has failed that only another start can mend. `/readyz` says that
all checks hold. Both answer 200 or 503 with a JSON object that tells each check by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Check:
    """`detail` says why it does not hold, or what it is that does."""

    name: str
    holds: bool
    detail: str = ""


def verdict(checks: Sequence[Check]) -> tuple[bool, bytes]:
    """Whether all hold, and that as JSON."""
    holds = all(check.holds for check in checks)
    body = {
        "status": "ok" if holds else "failing",
        "checks": {
            check.name: {"ok": check.holds, **({"detail": check.detail} if check.detail else {})} for check in checks
        },
    }
    return holds, json.dumps(body).encode() + b"\n"
