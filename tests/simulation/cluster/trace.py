"""What happened, as a digest that two runs of a seed must share, and as text for whoever wants to know.

`OTTLA_TRACE=FILE` writes every line of it there (`-`: to standard error), bytes on the network as their checksums.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.cluster.loop import SimulatedLoop
    from tests.simulation.cluster.transport import SimulatedTransport

VARIABLE = "OTTLA_TRACE"


class Trace:
    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._hash = hashlib.blake2b(digest_size=8)
        self.events: list[str] = []
        """What the world did to those in it; told when a seed fails."""
        target = os.environ.get(VARIABLE)
        self._out = None if not target else sys.stderr if target == "-" else Path(target).open("w", encoding="utf-8")  # noqa: SIM115

    def event(self, text: str) -> None:
        """A fault, a start, an end."""
        line = f"{self._loop.time():10.4f} {text}"
        self.events.append(line)
        self.detail(text)

    def detail(self, text: str) -> None:
        line = f"{self._loop.time():10.4f} {text}"
        self._hash.update(line.encode())
        if self._out is not None:
            print(line, file=self._out, flush=True)

    def delivered(self, end: SimulatedTransport, data: bytes) -> None:
        if self._out is None:
            self._hash.update(b"%r %d " % (self._loop.time(), end.number))
            self._hash.update(data)
        else:
            self.detail(
                f"{end.peer.process.name} -> {end.process.name} #{end.number} {len(data)} {zlib.crc32(data):08x}"
            )

    def digest(self) -> str:
        return self._hash.hexdigest()
