"""In which order Apache Kafka walks its maps and queues, where that decides what a group is given.

Assignments are to be the same whichever coordinator makes them, and there equals are told apart by the order of a
`java.util.HashMap` or a `java.util.PriorityQueue`. Keys that share a slot of the table come in the order in which they
were put. Source: java.util, JLS (String.hashCode).
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_DEFAULT_CAPACITY = 16


def hash_order(keys: Iterable[str], capacity: int = _DEFAULT_CAPACITY) -> list[str]:
    """`keys`, in the order they were put, as a HashMap made for `capacity` entries lists them."""
    distinct = list(dict.fromkeys(keys))
    slots = 1
    while slots < capacity:
        slots *= 2
    while len(distinct) > slots * 3 // 4:
        slots *= 2
    return sorted(distinct, key=lambda key: _spread(key) & (slots - 1))


def _spread(key: str) -> int:
    value = 0
    units = key.encode("utf-16-be", "surrogatepass")
    for position in range(0, len(units), 2):
        value = (value * 31 + (units[position] << 8 | units[position + 1])) & 0xFFFF_FFFF
    return value ^ value >> 16


class PriorityQueue(Generic[T]):
    """A binary heap that tells equals apart as Java's does: `heapq` sifts in another way."""

    def __init__(self, load_of: Callable[[T], float]) -> None:
        self._load_of = load_of
        self._heap: list[T] = []

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, item: T) -> None:
        heap, load = self._heap, self._load_of(item)
        position = len(heap)
        heap.append(item)
        while position:
            parent = (position - 1) // 2
            if load >= self._load_of(heap[parent]):
                break
            heap[position] = heap[parent]
            position = parent
        heap[position] = item

    def poll(self) -> T | None:
        """Take out what comes first; None if there is nothing."""
        heap = self._heap
        if not heap:
            return None
        first, last = heap[0], heap.pop()
        if heap:
            self._sift_down(last)
        return first

    def _sift_down(self, item: T) -> None:
        heap, load = self._heap, self._load_of(item)
        position = 0
        while (child := 2 * position + 1) < len(heap):
            right = child + 1
            if right < len(heap) and self._load_of(heap[child]) > self._load_of(heap[right]):
                child = right
            if load <= self._load_of(heap[child]):
                break
            heap[position] = heap[child]
            position = child
        heap[position] = item
