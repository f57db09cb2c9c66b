"""What is valid for a config; texts are those that Kafka prints for the same rule."""

import re
from collections.abc import Callable

from ottla.runtime.config.definition import Validator, Value


def at_least(least: float) -> Validator:
    return Validator(
        f"[{least},...]", f"of at least {least}", lambda value: isinstance(value, int | float) and value >= least
    )


def between(least: float, most: float) -> Validator:
    return Validator(
        f"[{least},...,{most}]",
        f"of {least} to {most}",
        lambda value: isinstance(value, int | float) and least <= value <= most,
    )


def one_of(*names: str) -> Validator:
    listed = ", ".join(names)
    return Validator(f"[{listed}]", f"of {listed}", lambda value: value in names)


def any_case(*names: str) -> Validator:
    upper = {name.upper() for name in names}
    listed = ", ".join(names)
    return Validator(
        f"(case insensitive) [{listed}]",
        f"of {listed}",
        lambda value: isinstance(value, str) and value.upper() in upper,
    )


def items(*names: str, empty: bool = False, null: bool = False) -> Validator:
    """A list without duplicates and without empty items; with `names`, only of those."""

    def accepts(value: Value) -> bool:
        if not isinstance(value, tuple):
            return False
        return (bool(value) or empty) and len(set(value)) == len(value) and all(item and fits(item) for item in value)

    def fits(item: str) -> bool:
        return not names or item in names

    listed = ", ".join(names)
    means = ("" if empty else "not empty, ") + "without duplicates" + (f", of {listed}" if names else "")
    return Validator(f"[{listed}]" if names else "", means, accepts, null)


def _each(pattern: str) -> Callable[[Value], bool]:
    # Compiled (by `re`, once) when first asked: seldom, while this module is imported at every start.
    return lambda value: isinstance(value, tuple) and all(re.fullmatch(pattern, item) for item in value)


_HOST_PORT = r"(\[[0-9A-Fa-f:.%]+\]|[^:@\[\]\s]+):\d{1,5}"

GZIP_LEVEL = Validator(
    "[1,...,9] or -1", "of 1 to 9, or -1", lambda value: isinstance(value, int) and (1 <= value <= 9 or value == -1)
)
NON_NULL = Validator("non-null string", "", lambda _: True)  # a default of "", and text is never null
NON_EMPTY = Validator("non-empty string", "that is not empty", lambda value: value != "")
VOTERS = Validator("non-empty list", "of ID@HOST:PORT", _each(r"\d+@" + _HOST_PORT), null=False)
BOOTSTRAP_SERVERS = Validator("non-empty list", "of HOST:PORT", _each(_HOST_PORT), null=False)
THROTTLED_REPLICAS = Validator(
    "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
    "of PARTITION:BROKER, or *",
    lambda value: value == ("*",) or _each(r"\d+:\d+")(value),
    null=False,
)
SHARE_OFFSET_RESET = Validator(
    "[latest, earliest, by_duration:PnDTnHnMn.nS]",
    "of latest, earliest, by_duration:PnDTnHnMn.nS",
    lambda value: (
        isinstance(value, str)
        and re.fullmatch(
            r"latest|earliest|by_duration:(?i:P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+([.,]\d{0,9})?S)?)?)",
            value,
        )
        is not None
    ),
)
