"""What flows between tables: the new value of a key beside the old one (Java: `kstream.internals.Change`)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Change(NamedTuple):
    """`None` as a value is a deletion. `old` is None, too, where nobody downstream asked for old values.

    `is_latest` is False only when a versioned table received a record out of order that is not the newest of its key.
    """

    new: Any
    old: Any
    is_latest: bool = True
