"""The fields of the mirror's own records: fixed integers, and strings with their length in two bytes before them."""

from __future__ import annotations

from struct import Struct

from ottla.protocol.errors import ProtocolError

_INT16 = Struct(">h")
_INT32 = Struct(">i")
_INT64 = Struct(">q")


def write_string(out: bytearray, text: str) -> None:
    data = text.encode("utf-8")
    out += _INT16.pack(len(data))
    out += data


def write_int16(out: bytearray, number: int) -> None:
    out += _INT16.pack(number)


def write_int32(out: bytearray, number: int) -> None:
    out += _INT32.pack(number)


def write_int64(out: bytearray, number: int) -> None:
    out += _INT64.pack(number)


class FieldReader:
    """Reads one field after the other; `ProtocolError` where the bytes end too soon or are not what they should be.

    What follows the last field is left alone, as a later version may add to it.
    """

    def __init__(self, data: bytes | None) -> None:
        if data is None:
            raise ProtocolError("a record of the mirror has no key or no value")
        self._data = data
        self._position = 0

    def string(self) -> str:
        length = self.int16()
        end = self._position + length
        if length < 0 or end > len(self._data):
            raise ProtocolError(f"a string claims {length} bytes of {len(self._data) - self._position}")
        text, self._position = self._data[self._position : end], end
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ProtocolError(f"a string is not UTF-8: {error}") from None

    def int16(self) -> int:
        return self._number(_INT16)

    def int32(self) -> int:
        return self._number(_INT32)

    def int64(self) -> int:
        return self._number(_INT64)

    def _number(self, layout: Struct) -> int:
        position, self._position = self._position, self._position + layout.size
        if self._position > len(self._data):
            raise ProtocolError("a record of the mirror is cut")
        number: int = layout.unpack_from(self._data, position)[0]
        return number
