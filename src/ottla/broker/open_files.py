"""How many files this process may have open: raised as far as the system lets it, and held against what is needed.

A partition that is written to holds its active segment open, one that is read its older ones for a while, and every
connection one descriptor. As Kafka's start script does with `ulimit -n`.
"""

from __future__ import annotations

import resource

FILES_A_PARTITION = 3
FILES_BESIDE = 512


def raise_limit() -> int:
    """As far as it goes; returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # "unlimited" is more than some systems have
            return soft
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def complaint(partitions: int) -> str | None:
    """What an operator should know if the limit is low for so much."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = FILES_BESIDE + FILES_A_PARTITION * partitions
    if limit in (resource.RLIM_INFINITY, -1) or limit >= wanted:
        return None
    return (
        f"this process may open {limit} files (ulimit -n), and {partitions} partitions may need {wanted}: "
        "raise the hard limit, or appends will fail once they are used up"
    )
