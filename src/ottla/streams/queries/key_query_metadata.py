"""Where a key can be asked for (`KeyQueryMetadata`, KIP-535), and how far behind a store here is (`LagInfo`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ottla.streams.membership.assignment import HostInfo


@dataclass(frozen=True, slots=True)
class KeyQueryMetadata:
    active_host: HostInfo
    """`UNKNOWN_HOST` while nobody runs the task."""

    standby_hosts: frozenset[HostInfo]
    partition: int
    """-1 for a global store, which is everywhere."""


UNKNOWN_HOST: Final = HostInfo("unknown", -1)
NOT_AVAILABLE: Final = KeyQueryMetadata(HostInfo("unavailable", -1), frozenset(), -1)
"""The group has not told yet who has what, or no instance has an `application.server`: try again."""


@dataclass(frozen=True, slots=True)
class LagInfo:
    """Of a store's changelog: the offset up to which it is in the store, and its end."""

    current_offset_position: int
    end_offset_position: int

    @property
    def offset_lag(self) -> int:
        return max(0, self.end_offset_position - self.current_offset_position)
