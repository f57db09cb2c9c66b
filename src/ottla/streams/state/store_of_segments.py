"""What all stores have in common whose entries lie in segments by their time: windows, sessions, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.segments import MemorySegments, Segments, SegmentStorage
from ottla.streams.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.segments import Segment
    from ottla.streams.state.store import Changelog, StoreContext


class StoreOfSegments(StateStore):
    def __init__(
        self,
        name: str,
        make_storage: Callable[[str, int], SegmentStorage] | None,
        suffix_size: int,
        retention_ms: int,
        interval_ms: int,
    ) -> None:
        """`make_storage` is called with the name and the size of the suffix of the keys; None for memory."""
        self.name = name
        self._storage = MemorySegments(suffix_size) if make_storage is None else make_storage(name, suffix_size)
        self._segments = Segments(self._storage, retention_ms, interval_ms)
        self._observed_ms = -1
        self._context: StoreContext | None = None

    @property
    def is_persistent(self) -> bool:
        return self._storage.is_persistent

    @property
    def is_open(self) -> bool:
        return self._context is not None

    @property
    def is_in_memory(self) -> bool:
        return isinstance(self._storage, MemorySegments)

    def open_segments(
        self,
        context: StoreContext,
        key_serde: Serde[Any] | None,
        value_serde: Serde[Any] | None,
        reserved: int | None = None,
    ) -> Segment | None:
        """The segment of the id `reserved`, when it is there. Without serdes those of the context are taken."""
        self._context = context
        self._topic = context.changelog_topic(self.name)
        self._changelog: Changelog | None = context.changelog(self.name)
        key_serde, value_serde = key_serde or context.key_serde, value_serde or context.value_serde
        self._serialize_key, self._deserialize_key = key_serde.serializer, key_serde.deserializer
        self._serialize_value, self._deserialize_value = value_serde.serializer, value_serde.deserializer
        return self._segments.open(context.directory, reserved)

    def encode_key(self, key: Any) -> bytes:
        """A key that is None is a mistake of the caller, not of the data: records without a key never come here."""
        if self._context is None:
            raise InvalidStateStoreError(f"the store {self.name} is closed")
        if key is None:
            raise ValueError("key cannot be null")
        encoded = self._serialize_key(self._topic, key)
        assert encoded is not None
        return encoded

    def commit(self, changelog_offset: int | None) -> None:
        self._storage.commit(changelog_offset)

    @property
    def committed_offset(self) -> int | None:
        return self._storage.committed_offset

    def close(self) -> None:
        if self._context is not None:
            self._context = None
            self._segments.close()
