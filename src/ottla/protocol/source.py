"""Writing Python source line by line, and compiling it so that a debugger and a traceback can show it."""

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from struct import Struct as Layout
from typing import Any


@cache
def layout(codes: str) -> Layout:
    """The compiled `struct` for these codes, big-endian."""
    return Layout(">" + codes)


@cache
def struct_call(verb: str, codes: str) -> tuple[str, Any]:
    """A name and the function itself: `unpack_ihq` and its `unpack_from`, or `pack_ihq` and its `pack`."""
    call = layout(codes).unpack_from if verb == "unpack" else layout(codes).pack
    return f"{verb}_{codes.replace('?', 'Z')}", call


SHORT_ARRAY = 9
"""Arrays of numbers with fewer elements are read and written by a `struct` that is ready."""


@cache
def array_calls(verb: str, code: str) -> tuple[str, tuple[Any, ...]]:
    """A name, and the functions for arrays of 0, 1, 2, … numbers: `unpack_i_times[2]` reads two int32."""
    calls = tuple(struct_call(verb, code * count)[1] for count in range(SHORT_ARRAY))
    return f"{verb}_{code}_times", calls


class Source:
    """A function that is being written: its lines, and the objects that they name."""

    def __init__(self, names: dict[str, object]) -> None:
        self.lines: list[str] = []
        self.names = dict(names)
        self._depth = 0

    def line(self, text: str) -> None:
        """Add one line at the present depth."""
        self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add `head` and put the lines that follow one deeper."""
        self.line(head)
        self._depth += 1
        yield
        self._depth -= 1

    def name(self, wish: str, value: object) -> str:
        """A name for `value` in the function: `wish`, or with a number behind it if that stands for something else."""
        name, number = wish, 1
        while name in self.names and self.names[name] is not value:
            number += 1
            name = f"{wish}_{number}"
        self.names[name] = value
        return name

    def text(self) -> str:
        """The source so far."""
        return "\n".join(self.lines) + "\n"

    def compile(self, function: str, title: str) -> Any:
        """The function named `function`; tracebacks show its source under `<title>`."""
        text, file = self.text(), f"<{title}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), self.names)
        return self.names[function]
