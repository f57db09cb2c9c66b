"""Does anybody listen at an address? A connection that is closed as soon as it is there. ADR 5, point 9."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ottla.broker.peer.peer import Address
    from ottla.runtime.network import Network, Transport
    from ottla.runtime.time import Timers

LOOK_TIMEOUT_MS: Final = 2_000.0


async def somebody_listens(network: Network, timers: Timers, address: Address) -> bool | None:
    """False: its system says that nobody does. `None`: nothing is known."""
    probe = _Probe()
    timer = timers.call_later(LOOK_TIMEOUT_MS, probe.give_up)
    connecting = asyncio.ensure_future(network.connect(*address, probe))
    probe.connecting = connecting
    try:
        await connecting
    except asyncio.CancelledError:
        if probe.has_given_up:
            return None
        raise
    except OSError as error:
        return False if error.errno == errno.ECONNREFUSED else None
    except ValueError:  # it has registered what is no host
        return None
    finally:
        timer.cancel()
    return True


async def pause(timers: Timers, delay_ms: float) -> None:
    if delay_ms > 0:
        over = asyncio.Event()
        timer = timers.call_later(delay_ms, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()


class _Probe:
    connecting: asyncio.Future[Transport] | None = None
    has_given_up = False

    def give_up(self) -> None:
        self.has_given_up = True
        if self.connecting is not None:
            self.connecting.cancel()

    def connected(self, transport: Transport) -> None:
        transport.close(abort=True)

    def get_buffer(self) -> memoryview:
        return memoryview(bytearray(64))

    def buffer_updated(self, size: int) -> None:
        pass

    def drained(self) -> None:
        pass

    def disconnected(self, error: OSError | None) -> None:
        pass
