"""A record that a test pipes in, or reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from ottla.streams.record import Headers

K = TypeVar("K")
V = TypeVar("V")


class TestRecord(NamedTuple, Generic[K, V]):
    """Without `timestamp_ms` the topic that it is piped into gives it one."""

    key: K | None
    value: V | None
    timestamp_ms: int | None = None
    headers: Headers = ()


TestRecord.__test__ = False  # type: ignore[attr-defined]  # pytest takes it for a test otherwise
