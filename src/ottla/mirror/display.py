"""How the flows are doing, for people: redrawn in place on a terminal, else a line now and then."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.mirror.progress import FlowProgress

REDRAW_S: Final = 1.0
TROUBLES_MAX: Final = 8
"""Lines about what does not work; how many more there are is said."""


class Display:
    """`enabled` are the flows with a line of their own; troubles are those of `all_flows`."""

    def __init__(
        self,
        out: TextIO,
        enabled: Sequence[FlowProgress],
        all_flows: Sequence[FlowProgress],
        report_s: float,
    ) -> None:
        self._out = out
        self._enabled = enabled
        self._all_flows = all_flows
        self._is_terminal = out.isatty()
        self._interval_s = REDRAW_S if self._is_terminal else report_s
        self._drawn = 0
        self._said: set[str] = set()
        self._before = {flow.name: (time.monotonic(), 0, 0) for flow in enabled}

    async def run(self) -> None:
        while True:
            await self._pause()
            self.show()

    async def _pause(self) -> None:
        """Until the next line is due; a trouble that is new is told at once."""
        due = time.monotonic() + self._interval_s
        while (left := due - time.monotonic()) > 0:
            await asyncio.sleep(min(left, REDRAW_S))
            if not self._is_terminal:
                self.tell_news()

    def show(self) -> None:
        lines = [self._line(flow) for flow in self._enabled]
        if not self._is_terminal:
            self._write("".join(f"{line}\n" for line in lines))
            return
        troubles = self._troubles()
        lines += [f"  {trouble}" for trouble in troubles[:TROUBLES_MAX]]
        if len(troubles) > TROUBLES_MAX:
            lines.append(f"  … and {len(troubles) - TROUBLES_MAX} more")
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._write(up + "".join(f"\x1b[K{line}\n" for line in lines) + "\x1b[J")
        self._drawn = len(lines)

    def finish(self) -> None:
        if not self._is_terminal:
            self.tell_news()
        self.show()

    def tell_news(self) -> None:
        now = set(self._troubles())
        for trouble in sorted(now - self._said):
            self._write(f"{trouble}\n")
        self._said = now

    def _troubles(self) -> list[str]:
        return [f"{flow.name}: {what}: {why}" for flow in self._all_flows for what, why in flow.troubles.items()]

    def _line(self, flow: FlowProgress) -> str:
        then, records, size = self._before[flow.name]
        now = time.monotonic()
        seconds = max(now - then, 0.001)
        self._before[flow.name] = (now, flow.records, flow.bytes)
        return (
            f"{flow.name}  {(flow.records - records) / seconds:,.0f} records/s"
            f"  {(flow.bytes - size) / seconds / 1e6:,.1f} MB/s  lag {flow.lag:,}"
            f"  {flow.records:,} records of {len(flow.lags)} partitions  {flow.checkpoints:,} checkpoints"
        )

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
