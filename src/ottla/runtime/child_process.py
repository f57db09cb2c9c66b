"""A module in a process of its own, and the line to it (`child_message.py`).

    ours, theirs = socketpair()      python -m MODULE ARGUMENT (which says the descriptor of `theirs`)

One life of it: who wants another starts another. It is to end by itself when its end of the line does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from typing import TYPE_CHECKING, Any

from ottla.runtime.child_message import Message, decode_message, encode_message

if TYPE_CHECKING:
    from collections.abc import Callable


class ChildError(Exception):
    """A child says what nobody understands."""


class ChildProcess:
    """`await start(…)`, `say` and `hear`, `await end(…)`, and in any case `close()`."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(
        cls, module: str, argument: Callable[[int], str], line_bytes_max: int, **options: Any
    ) -> ChildProcess:
        """`argument` is made of a descriptor; `options` are those of `create_subprocess_exec`. `OSError`."""
        ours, theirs = socket.socketpair()
        process: asyncio.subprocess.Process | None = None
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, argument(theirs.fileno())), pass_fds=[theirs.fileno()], **options
            )
            reader, writer = await asyncio.open_connection(sock=ours, limit=line_bytes_max)
        except BaseException:
            ours.close()
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            raise
        finally:
            theirs.close()
        return cls(process, reader, writer)

    @property
    def pid(self) -> int | None:
        """`None` once it has ended."""
        return self.process.pid if self.process.returncode is None else None

    def say(self, kind: str, **fields: object) -> None:
        """Nothing, where the line is closed."""
        if not self._writer.is_closing():
            self._writer.write(encode_message(kind, **fields))

    async def hear(self) -> Message | None:
        """The next message; `None`: it has hung up. `ChildError`."""
        try:
            line = await self._reader.readline()
            return decode_message(line) if line else None
        except (ValueError, OSError) as error:
            raise ChildError(f"it says what nobody understands: {error}") from None

    async def end(self, grace_s: float | None) -> int:
        """Its status, when it has ended, or after `grace_s` (`None`: whenever) is killed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), grace_s)
        self.close()
        return await self.process.wait()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def close(self) -> None:
        """It is killed where it runs, and the line closed."""
        if self.process.returncode is None:
            self.kill()
        self._writer.close()
