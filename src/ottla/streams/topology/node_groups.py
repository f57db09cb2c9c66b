"""Which nodes hang together: by edges, and by stores that they share (`QuickUnion` of Kafka Streams)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class NodeGrouper:
    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def add(self, name: str) -> None:
        self._parents[name] = name

    def unite(self, name: str, others: Iterable[str]) -> None:
        for other in others:
            one, two = self._root(name), self._root(other)
            if one != two:
                self._parents[one] = two

    def groups(self) -> list[list[str]]:
        """Numbered by their place: a group comes where its first node was added."""
        found: dict[str, list[str]] = {}
        for name in self._parents:
            found.setdefault(self._root(name), []).append(name)
        return list(found.values())

    def _root(self, name: str) -> str:
        current, parent = name, self._parents[name]
        while parent != current:
            grandparent = self._parents[parent]
            self._parents[current] = grandparent
            current, parent = parent, grandparent
        return current
