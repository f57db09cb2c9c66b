"""A terminal as keys and lines: raw input on the event loop, whole screens out; put back as it was in the end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import tty
from typing import TYPE_CHECKING, Self

from ottla.console.tui.screen import Style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ottla.console.tui.screen import Line

KEYS_MAX = 1000
"""Keys that wait to be looked at; more are dropped."""
READ_BYTES = 1024
_ENTER_SCREEN, _LEAVE_SCREEN = "\x1b[?1049h\x1b[?25l", "\x1b[0m\x1b[?25h\x1b[?1049l"
_SEQUENCES = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "[H": "home",
    "[F": "end",
    "[1~": "home",
    "[4~": "end",
    "[5~": "page-up",
    "[6~": "page-down",
}
_NAMES = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace", "\x03": "ctrl-c"}


class Terminal:
    """`async with Terminal() as terminal`; `await terminal.keys.get()` is a key by name, `resize` one that changed."""

    def __init__(self) -> None:
        self.keys: asyncio.Queue[str] = asyncio.Queue(KEYS_MAX)
        self._descriptor = sys.stdin.fileno()
        self._before: list[object] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._before = list(termios.tcgetattr(self._descriptor))
        tty.setraw(self._descriptor)
        loop.add_reader(self._descriptor, self._read)
        loop.add_signal_handler(signal.SIGWINCH, self._put, "resize")
        self._write(_ENTER_SCREEN)
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._descriptor)
        loop.remove_signal_handler(signal.SIGWINCH)
        self._write(_LEAVE_SCREEN)
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]

    def size(self) -> os.terminal_size:
        """Columns and lines."""
        return os.get_terminal_size(sys.stdout.fileno())

    def draw(self, lines: Sequence[Line]) -> None:
        """The whole screen at once; lines must be as wide as it is."""
        parts = ["\x1b[H"]
        for number, line in enumerate(lines):
            text = f"\x1b[{line.style.value}m{line.text}\x1b[0m" if line.style is not Style.PLAIN else line.text
            parts.append(f"\x1b[{number + 1};1H{text}")
        self._write("".join(parts))

    def _read(self) -> None:
        data = os.read(self._descriptor, READ_BYTES)
        for key in keys_of(data.decode("utf-8", "ignore")) if data else ["ctrl-c"]:
            self._put(key)

    def _put(self, key: str) -> None:
        if not self.keys.full():
            self.keys.put_nowait(key)

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def keys_of(text: str) -> Iterator[str]:
    """What came in at once, key by key; an escape that begins no sequence is the key itself."""
    position = 0
    while position < len(text):
        if text[position] == "\x1b":
            sequence = next((each for each in _SEQUENCES if text.startswith(each, position + 1)), None)
            yield "esc" if sequence is None else _SEQUENCES[sequence]
            position += 1 if sequence is None else 1 + len(sequence)
        else:
            yield _NAMES.get(text[position], text[position])
            position += 1
