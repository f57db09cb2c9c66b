"""Where a store keeps its records: a compacted topic, a file, or memory, all read back by replaying them in order.

A store decides what to write and changes by `replay` alone, so that a worker with topics and one without are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Replay = Callable[[bytes | None, bytes | None], None]
    """Key and value of a record, in the order of the log."""
    KeyValue = tuple[bytes, bytes | None]


class StateLog(Protocol):
    @property
    def position(self) -> int:
        """How far it is replayed; what a group of workers compares."""
        ...

    async def start(self, replay: Replay) -> None:
        """Replay all that is there; from now on whatever comes."""
        ...

    async def stop(self) -> None: ...

    async def write(self, records: Sequence[KeyValue]) -> None:
        """Returns when they are stored, not before; those of one key are in order. `ConnectError`."""
        ...

    async def read_to_end(self) -> None:
        """Returns when all is replayed that was there at the call. `ConnectError`."""
        ...


class MemoryLog:
    """Keeps nothing itself: what is written is replayed at once."""

    position = 0

    def __init__(self) -> None:
        self._replay: Replay | None = None

    async def start(self, replay: Replay) -> None:
        self._replay = replay

    async def stop(self) -> None:
        return

    async def write(self, records: Sequence[KeyValue]) -> None:
        for key, value in records:
            self.write_now(key, value)

    def write_now(self, key: bytes, value: bytes | None) -> None:
        assert self._replay is not None, "the log is not started"
        self._replay(key, value)

    async def read_to_end(self) -> None:
        return
