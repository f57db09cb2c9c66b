"""Functions made of sources: what an expression is called as, one record at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.expressions.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from ottla.streams.expressions.expression import Expression

MAX_CODES: Final = 500


def compiled(expression: Expression) -> Callable[[Any, Any], Any]:
    """A function of key and value. Where its code fails, the record is evaluated, which may fail with a reason."""
    source = Source()
    source.names["_row"] = expression.row
    source.line("try:")
    source.indent(1)
    source.load([expression])
    source.line(f"return {source.text(expression)}")
    source.indent(-1)
    source.line("except Exception:")
    source.line("    return _row(key, value)")
    return function_of(source, "expression", "key, value") or expression.row


def function_of(source: Source, name: str, parameters: str) -> Any:
    """None where Python cannot compile it: it is nested too deeply."""
    try:
        code = _compile(code_of(source, name, parameters), name)
    except (SyntaxError, RecursionError, MemoryError):
        return None
    names = dict(source.names)
    exec(code, names)
    return names[name]


@lru_cache(MAX_CODES)
def _compile(text: str, name: str) -> CodeType:
    """The tasks of one topology have the same sources."""
    return compile(text, f"<{name}>", "exec")


def code_of(source: Source, name: str, parameters: str) -> str:
    return "\n".join([f"def {name}({parameters}, /):", *source.lines, ""])
