"""Windowed keys go to the partition of the key alone, so that all its windows stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.clients.partitioner import partition_for_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from ottla.streams.serdes.windowed import WindowedSerializer


class WindowedPartitioner:
    def __init__(self, serializer: WindowedSerializer[Any]) -> None:
        self._serializer = serializer

    def __call__(self, topic: str, key: Any, value: Any, partitions: int, /) -> Collection[int] | None:
        return (partition_for_key(self._serializer.base_key(topic, key), partitions),)
