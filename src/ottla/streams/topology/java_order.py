"""The order in which Java walks hash sets of strings and tree sets: `describe()` shows it, so it is the same here.

A hash set goes through its buckets, and in a bucket by insertion; how many buckets there are depends on how the set was
made. A tree set whose comparator changes its mind keeps the shape that it had, so its shape is kept here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def hash_code(text: str) -> int:
    """`String.hashCode`, as an unsigned number of 32 bits."""
    value = 0
    encoded = text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(encoded), 2):
        value = (value * 31 + (encoded[at] << 8 | encoded[at + 1])) & 0xFFFFFFFF
    return value


def hash_order(names: Iterable[str], *, copied: bool = False) -> list[str]:
    """How Java walks a set (or a map's keys) to which `names` were added one by one, or that is a copy of them all."""
    distinct = list(dict.fromkeys(names))
    buckets = 16
    if copied:
        while buckets < int(len(distinct) / 0.75) + 1:
            buckets *= 2
    while len(distinct) > buckets * 3 // 4:
        buckets *= 2
    return sorted(distinct, key=lambda name: _spread(hash_code(name)) & (buckets - 1))


def _spread(value: int) -> int:
    return value ^ value >> 16


class _Entry(Generic[T]):
    __slots__ = ("is_red", "item", "left", "parent", "right")

    def __init__(self, item: T, parent: _Entry[T] | None) -> None:
        self.item = item
        self.parent = parent
        self.left: _Entry[T] | None = None
        self.right: _Entry[T] | None = None
        self.is_red = False


class TreeSet(Generic[T]):
    """`java.util.TreeSet` for adding and walking: a red-black tree."""

    def __init__(self, compare: Callable[[T, T], int]) -> None:
        self._compare = compare
        self._root: _Entry[T] | None = None

    def __iter__(self) -> Iterator[T]:
        path: list[_Entry[T]] = []
        entry = self._root
        while path or entry is not None:
            while entry is not None:
                path.append(entry)
                entry = entry.left
            entry = path.pop()
            yield entry.item
            entry = entry.right

    def add(self, item: T) -> None:
        parent, entry, order = None, self._root, 0
        while entry is not None:
            order = self._compare(item, entry.item)
            if order == 0:
                return
            parent, entry = entry, entry.left if order < 0 else entry.right
        added = _Entry(item, parent)
        if parent is None:
            self._root = added
        elif order < 0:
            parent.left = added
        else:
            parent.right = added
        self._balance(added)

    def _balance(self, added: _Entry[T]) -> None:
        added.is_red = True
        entry = added
        while entry.parent is not None and entry.parent.is_red:
            parent = entry.parent
            grandparent = parent.parent
            assert grandparent is not None
            is_left = parent is grandparent.left
            uncle = grandparent.right if is_left else grandparent.left
            if uncle is not None and uncle.is_red:
                parent.is_red = uncle.is_red = False
                grandparent.is_red = True
                entry = grandparent
                continue
            if entry is (parent.right if is_left else parent.left):
                entry = parent
                self._rotate(entry, to_left=is_left)
                assert entry.parent is not None
                parent = entry.parent
            parent.is_red = False
            grandparent.is_red = True
            self._rotate(grandparent, to_left=not is_left)
        assert self._root is not None
        self._root.is_red = False

    def _rotate(self, entry: _Entry[T], *, to_left: bool) -> None:
        child = entry.right if to_left else entry.left
        assert child is not None
        moved = child.left if to_left else child.right
        if to_left:
            entry.right, child.left = moved, entry
        else:
            entry.left, child.right = moved, entry
        if moved is not None:
            moved.parent = entry
        child.parent = entry.parent
        if entry.parent is None:
            self._root = child
        elif entry.parent.left is entry:
            entry.parent.left = child
        else:
            entry.parent.right = child
        entry.parent = child
