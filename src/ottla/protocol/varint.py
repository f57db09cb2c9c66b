"""Variable-length integers of records: zigzag, seven bits a byte, least significant first (as in Protocol Buffers)."""

from ottla.protocol.errors import ProtocolError

_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))


def encode_varint(value: int) -> bytes:
    """A signed integer of up to 64 bits; 1 to 10 bytes."""
    zigzag = (value << 1) ^ (value >> 63)
    if zigzag < 0x80:
        return _ONE_BYTE[zigzag]
    if zigzag < 0x4000:
        return bytes((zigzag & 0x7F | 0x80, zigzag >> 7))
    out = bytearray()
    while zigzag >= 0x80:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def varint_size(value: int) -> int:
    """How many bytes `encode_varint` needs."""
    zigzag = (value << 1) ^ (value >> 63)
    return max(1, (zigzag.bit_length() + 6) // 7)


def decode_varint(data: bytes, position: int) -> tuple[int, int]:
    """An int32 (at most 5 bytes) and the position after it. `IndexError` if the bytes end before it does."""
    byte = data[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    second = data[position]
    if second < 0x80:
        byte = byte & 0x7F | second << 7
        return (byte >> 1) ^ -(byte & 1), position + 1
    return _rest(data, position, byte, 32)


def decode_varlong(data: bytes, position: int) -> tuple[int, int]:
    """An int64 (at most 10 bytes) and the position after it. `IndexError` if the bytes end before it does."""
    byte = data[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    return _rest(data, position, byte, 64)


def _rest(data: bytes, position: int, byte: int, bits: int) -> tuple[int, int]:
    zigzag = byte & 0x7F
    shift = 7
    while shift < bits:
        byte = data[position]
        position += 1
        zigzag |= (byte & 0x7F) << shift
        if byte < 0x80:
            zigzag &= (1 << bits) - 1  # what does not fit is dropped, as Java's shift does
            return (zigzag >> 1) ^ -(zigzag & 1), position
        shift += 7
    raise ProtocolError(f"a variable-length integer is longer than {bits} bits")
