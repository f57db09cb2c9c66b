"""The last offset of each key in the part of a log that is being compacted (`SkimpyOffsetMap`).

Keys of up to 15 bytes stand for themselves; a longer one is known by 16 bytes of its BLAKE2b hash, which no two keys
share in practice, not even by somebody's intention (Kafka's MD5 of all keys cannot say so). Memory is bounded by the
number of entries, ENTRY_BYTES each at the worst: what does not fit is left for the next pass over the log.
"""

from hashlib import blake2b

ENTRY_BYTES = 256
"""A key, its offset, and a dict's slots right after it has grown."""
_LONGEST_PLAIN_KEY = 15
_HASH_BYTES = 16
NOWHERE = -1


class OffsetMap:
    """`latest_offset`: records up to there have been seen."""

    __slots__ = ("_offsets", "latest_offset", "max_entries")

    def __init__(self, buffer_bytes: int, load_factor: float) -> None:
        self.max_entries = max(1, int(buffer_bytes * load_factor) // ENTRY_BYTES)
        self.latest_offset = NOWHERE
        self._offsets: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._offsets)

    def put(self, key: bytes, offset: int) -> bool:
        """`offset` is later than any before. False, and nothing happens: the map is full."""
        if len(self._offsets) >= self.max_entries:
            return False
        if len(key) > _LONGEST_PLAIN_KEY:
            key = blake2b(key, digest_size=_HASH_BYTES).digest()
        self._offsets[key] = offset
        self.latest_offset = offset
        return True

    def get(self, key: bytes) -> int:
        """NOWHERE if the key has none."""
        if len(key) > _LONGEST_PLAIN_KEY:
            key = blake2b(key, digest_size=_HASH_BYTES).digest()
        return self._offsets.get(key, NOWHERE)
