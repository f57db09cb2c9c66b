"""Numbers and texts as MySQL's protocol packs them: small ones in a byte, others in two to eight behind a mark."""

from __future__ import annotations

from typing import Final

_WIDTHS: Final = {0xFC: 2, 0xFD: 3, 0xFE: 8}


def packed_int(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends. Raises `ValueError` for none, `IndexError` if it is cut."""
    first = data[at]
    if first < 0xFB:
        return first, at + 1
    width = _WIDTHS.get(first)
    if width is None:
        raise ValueError(f"no packed number begins with {first:#x}")
    end = at + 1 + width
    if end > len(data):
        raise IndexError("a packed number is cut")
    return int.from_bytes(data[at + 1 : end], "little"), end


def packed_ints(data: bytes) -> list[int]:
    """All of them."""
    found, at = [], 0
    while at < len(data):
        number, at = packed_int(data, at)
        found.append(number)
    return found


def packed_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Bytes behind their packed length, and where they end. Raises as `packed_int`."""
    length, begin = packed_int(data, at)
    end = begin + length
    if end > len(data):
        raise IndexError(f"{length} bytes are cut")
    return data[begin:end], end
