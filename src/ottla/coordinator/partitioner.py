"""Which partition of an internal topic coordinates a key: Java's `String.hashCode`, made positive, modulo the count."""

from functools import lru_cache

_MAX_CACHED_KEYS = 10_000


def java_hash_code(text: str) -> int:
    """`String.hashCode()`: over UTF-16 code units, wrapping at 32 bits, signed."""
    if text.isascii():
        units: bytes | list[int] = text.encode("ascii")
    else:
        data = text.encode("utf-16-be", "surrogatepass")
        units = [data[i] << 8 | data[i + 1] for i in range(0, len(data), 2)]
    value = 0
    for unit in units:
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value


@lru_cache(maxsize=_MAX_CACHED_KEYS)
def partition_for(key: str, partition_count: int) -> int:
    """The partition for a group id or transactional id. `Utils.abs` maps the one number without a positive to 0."""
    value = java_hash_code(key)
    return (0 if value == -(1 << 31) else abs(value)) % partition_count
