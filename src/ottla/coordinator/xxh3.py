"""XXH3, 64 bits, seed 0: the hash in which Kafka remembers what a group knew of its topics (KIP-1101).

Follows the published algorithm by the length of the input: up to 16 bytes, up to 128, up to 240, and beyond in stripes
of 64 bytes over eight lanes. Every word is little-endian.
"""

from struct import Struct

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_MASK = (1 << 64) - 1
_MASK32 = (1 << 32) - 1
_PRIME32_1 = 0x9E3779B1
_PRIME32_2 = 0x85EBCA77
_PRIME32_3 = 0xC2B2AE3D
_PRIME64_1 = 0x9E3779B185EBCA87
_PRIME64_2 = 0xC2B2AE3D27D4EB4F
_PRIME64_3 = 0x165667B19E3779F9
_PRIME64_4 = 0x85EBCA77C2B2AE63
_PRIME64_5 = 0x27D4EB2F165667C5
_PRIME_MX1 = 0x165667919E3779F9
_PRIME_MX2 = 0x9FB21C651E98DF25

_STRIPE_BYTES = 64
_SECRET_STEP = 8
_SHORT_BYTES = 240
_STRIPES_A_BLOCK = (len(_SECRET) - _STRIPE_BYTES) // _SECRET_STEP
_BLOCK_BYTES = _STRIPES_A_BLOCK * _STRIPE_BYTES
_EIGHT = Struct("<8Q")
_ACCUMULATORS = (
    _PRIME32_3,
    _PRIME64_1,
    _PRIME64_2,
    _PRIME64_3,
    _PRIME64_4,
    _PRIME32_2,
    _PRIME64_5,
    _PRIME32_1,
)


def xxh3_64(data: bytes) -> int:
    """The hash of `data`, unsigned."""
    length = len(data)
    if length > _SHORT_BYTES:
        return _hash_long(data)
    if length > 128:
        return _hash_129_to_240(data)
    if length > 16:
        return _hash_17_to_128(data)
    return _hash_0_to_16(data)


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _half(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _fold(one: int, other: int) -> int:
    product = one * other
    return (product & _MASK) ^ (product >> 64)


def _avalanche(value: int) -> int:
    value = ((value ^ (value >> 37)) * _PRIME_MX1) & _MASK
    return value ^ (value >> 32)


def _avalanche_64(value: int) -> int:
    """The finish of the older XXH64."""
    value = ((value ^ (value >> 33)) * _PRIME64_2) & _MASK
    value = ((value ^ (value >> 29)) * _PRIME64_3) & _MASK
    return value ^ (value >> 32)


def _rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


def _hash_0_to_16(data: bytes) -> int:
    length = len(data)
    if length > 8:
        low = _word(data, 0) ^ (_word(_SECRET, 24) ^ _word(_SECRET, 32))
        high = _word(data, length - 8) ^ (_word(_SECRET, 40) ^ _word(_SECRET, 48))
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return _avalanche((length + swapped + high + _fold(low, high)) & _MASK)
    if length >= 4:
        value = (_half(data, length - 4) + (_half(data, 0) << 32)) ^ (_word(_SECRET, 8) ^ _word(_SECRET, 16))
        value ^= _rotate(value, 49) ^ _rotate(value, 24)
        value = (value * _PRIME_MX2) & _MASK
        value ^= (value >> 35) + length
        value = (value * _PRIME_MX2) & _MASK
        return value ^ (value >> 28)
    if length:
        combined = data[length >> 1] << 24 | data[0] << 16 | length << 8 | data[-1]
        return _avalanche_64(combined ^ (_half(_SECRET, 0) ^ _half(_SECRET, 4)))
    return _avalanche_64(_word(_SECRET, 56) ^ _word(_SECRET, 64))


def _mix_16(data: bytes, at: int, secret_at: int) -> int:
    return _fold(_word(data, at) ^ _word(_SECRET, secret_at), _word(data, at + 8) ^ _word(_SECRET, secret_at + 8))


def _hash_17_to_128(data: bytes) -> int:
    length = len(data)
    total = length * _PRIME64_1
    for i in range((length - 1) // 32, -1, -1):
        total += _mix_16(data, 16 * i, 32 * i) + _mix_16(data, length - 16 * (i + 1), 32 * i + 16)
    return _avalanche(total & _MASK)


def _hash_129_to_240(data: bytes) -> int:
    length = len(data)
    total = length * _PRIME64_1
    for i in range(8):
        total += _mix_16(data, 16 * i, 16 * i)
    total = _avalanche(total & _MASK)
    for i in range(8, length // 16):
        total += _mix_16(data, 16 * i, 16 * (i - 8) + 3)
    total += _mix_16(data, length - 16, 136 - 17)
    return _avalanche(total & _MASK)


def _hash_long(data: bytes) -> int:
    length = len(data)
    lanes = list(_ACCUMULATORS)
    whole_blocks = (length - 1) // _BLOCK_BYTES
    scramble = _EIGHT.unpack_from(_SECRET, len(_SECRET) - _STRIPE_BYTES)
    for block in range(whole_blocks):
        start = block * _BLOCK_BYTES
        for stripe in range(_STRIPES_A_BLOCK):
            _accumulate(lanes, data, start + stripe * _STRIPE_BYTES, stripe * _SECRET_STEP)
        for i, key in enumerate(scramble):
            lane = lanes[i]
            lanes[i] = ((lane ^ (lane >> 47) ^ key) * _PRIME32_1) & _MASK
    start = whole_blocks * _BLOCK_BYTES
    for stripe in range((length - 1 - start) // _STRIPE_BYTES):
        _accumulate(lanes, data, start + stripe * _STRIPE_BYTES, stripe * _SECRET_STEP)
    _accumulate(lanes, data, length - _STRIPE_BYTES, len(_SECRET) - _STRIPE_BYTES - 7)
    total = length * _PRIME64_1
    for i in range(0, 8, 2):
        total += _fold(lanes[i] ^ _word(_SECRET, 11 + 8 * i), lanes[i + 1] ^ _word(_SECRET, 19 + 8 * i))
    return _avalanche(total & _MASK)


def _accumulate(lanes: list[int], data: bytes, at: int, secret_at: int) -> None:
    words = _EIGHT.unpack_from(data, at)
    keys = _EIGHT.unpack_from(_SECRET, secret_at)
    for i in range(8):
        mixed = words[i] ^ keys[i]
        lanes[i ^ 1] = (lanes[i ^ 1] + words[i]) & _MASK
        lanes[i] = (lanes[i] + (mixed & _MASK32) * (mixed >> 32)) & _MASK
