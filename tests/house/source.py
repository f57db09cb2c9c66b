"""The source of Ottla, parsed: what the tests of the house look at."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src"


@dataclass(frozen=True, slots=True)
class Module:
    name: str  # ottla.log.manager
    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """`log` of `ottla.log.manager`; `__main__` of `ottla.__main__`."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    def imports(self) -> Iterator[tuple[str, int]]:
        """(module of Ottla that is imported, line), wherever in the file the import stands."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node.lineno


@cache
def modules() -> tuple[Module, ...]:
    """Every module under src/, by name."""
    found = []
    for path in sorted((SOURCE / "ottla").rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text("utf-8")
        found.append(Module(name, path, text, ast.parse(text, str(path))))
    return tuple(found)


def where(module: Module, line: int) -> str:
    return f"{module.path.relative_to(REPOSITORY)}:{line}"
