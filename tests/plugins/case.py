"""One plugin that is run: its name in the catalogue, what to install, and what it must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugins.world import World


class Case(NamedTuple):
    name: str
    run: Callable[[World], None]
    """Fails by an exception."""
    package: str


def case(name: str, run: Callable[[World], None], package: str = "") -> Case:
    return Case(name, run, package or name)
