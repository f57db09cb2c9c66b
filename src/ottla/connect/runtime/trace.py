"""An error as a status shows it: first line as Java's would be, then where it happened."""

from __future__ import annotations

import traceback
from typing import Final

TRACE_BYTES_MAX: Final = 64 * 1024
"""Longer traces are cut: a status is one record of a topic."""


def java_class_name(error: BaseException) -> str:
    name = getattr(type(error), "java_name", None)
    return name if isinstance(name, str) else f"{type(error).__module__}.{type(error).__qualname__}"


def trace_of(error: BaseException) -> str:
    lines = [f"{java_class_name(error)}: {error}\n"]
    lines += ["\tat " + _place(frame) for frame in reversed(traceback.extract_tb(error.__traceback__))]
    cause: BaseException | None = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    seen = {id(error)}
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        lines.append(f"Caused by: {java_class_name(cause)}: {cause}\n")
        lines += ["\tat " + _place(frame) for frame in reversed(traceback.extract_tb(cause.__traceback__))]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "".join(lines)[:TRACE_BYTES_MAX]


def _place(frame: traceback.FrameSummary) -> str:
    return f"{frame.name} ({frame.filename}:{frame.lineno})\n"
