"""Character sets of MySQL and MariaDB as Python's codecs."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Callable

BINARY: Final = "binary"
_CODECS: Final = {
    "utf8": "utf-8",
    "utf8mb3": "utf-8",
    "utf8mb4": "utf-8",
    "ucs2": "utf-16-be",
    "utf16": "utf-16-be",
    "utf16le": "utf-16-le",
    "utf32": "utf-32-be",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "macce": "mac_latin2",
    "eucjpms": "euc_jp",
    "hp8": "hp_roman8",
}
# The server's latin1 is cp1252, where that has a character, and a control character where it has none.
_LATIN1: Final = "".join(bytes((each,)).decode("cp1252", "ignore") or chr(each) for each in range(256))


def decoder_of(charset: str, what: str) -> Callable[[bytes], str]:
    """Raises `ConnectError`, which names `what`, for a set of which Python has no codec."""
    if charset == "latin1":
        return lambda data: codecs.charmap_decode(data, "strict", _LATIN1)[0]
    name = _CODECS.get(charset, charset)
    try:
        decode = codecs.lookup(name).decode
    except LookupError as error:
        raise ConnectError(f"{what} has the character set {charset}, of which Python has no codec") from error
    return lambda data: decode(data)[0]
