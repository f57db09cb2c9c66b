"""Modules that import each other: none when they are loaded, and few in all, each with its reason."""

from __future__ import annotations

import ast
from functools import cache

from tests.house.source import Module, modules

# Types and late imports alone close these. What is known, not what is wanted: a new one needs a port instead.
KNOWN = {
    # a message is compiled when it is first used
    frozenset({"ottla.protocol.codec", "ottla.protocol.decoder_source", "ottla.protocol.encoder_source"})
    | {"ottla.protocol.message"},
    # what a partition is while it is led is half of it
    frozenset({"ottla.broker.replica.leadership", "ottla.broker.replica.partition"}),
}
CIRCULAR_ROOMS = ("registry", "streams")
"""What they have is circular by itself: schemas within schemas; a stream that makes a table that makes a stream."""


@cache
def names() -> frozenset[str]:
    return frozenset(module.name for module in modules())


def module_of(imported: str) -> str | None:
    """`ottla.log.log` of `ottla.log.log.Log`."""
    while imported and imported not in names():
        imported = imported.rpartition(".")[0]
    return imported or None


def imports_at_load(module: Module) -> set[str]:
    found: set[str] = set()
    waiting: list[ast.AST] = [module.tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        waiting += ast.iter_child_nodes(node)
    return found


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Modules that reach each other."""
    reached: dict[str, set[str]] = {}
    for name in graph:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            for other in graph[waiting.pop()] - seen:
                seen.add(other)
                waiting.append(other)
        reached[name] = seen
    return {
        frozenset({name, *(other for other in seen if name in reached[other])})
        for name, seen in reached.items()
        if name in seen
    }


def test_nothing_goes_in_circles_when_it_is_loaded() -> None:
    graph = {
        module.name: {found for each in imports_at_load(module) if (found := module_of(each)) and found != module.name}
        for module in modules()
    }
    assert circles(graph) == set()


def test_types_and_late_imports_go_in_few_circles() -> None:
    graph = {
        module.name: {found for each, _ in module.imports() if (found := module_of(each)) and found != module.name}
        for module in modules()
        if module.room not in CIRCULAR_ROOMS
    }
    inside = {name: targets & graph.keys() for name, targets in graph.items()}
    assert circles(inside) == KNOWN
