"""Whether a property's name fits an expression of `patternProperties`: ECMA 262's dialect, with bounded work.

Whoever may register a schema chooses the expression, and Python's `re` can be made to look for ever.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator

MAX_BACKTRACKS: Final = 100_000
MAX_COMPILED_BYTES: Final = 1 << 20
MAX_PATTERNS: Final = 256


def fits(pattern: str, name: str) -> bool:
    """False also where the pattern is none, or the answer takes more than `MAX_BACKTRACKS`."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.is_valid(name)


@lru_cache(MAX_PATTERNS)
def _compiled(pattern: str) -> Draft7Validator | None:
    from jsonschema_rs import Draft7Validator, FancyRegexOptions, ValidationError

    bounds = FancyRegexOptions(MAX_BACKTRACKS, MAX_COMPILED_BYTES, MAX_COMPILED_BYTES)
    try:
        return Draft7Validator({"pattern": pattern}, pattern_options=bounds)
    except ValidationError:
        return None
