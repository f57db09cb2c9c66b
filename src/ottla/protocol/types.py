"""The primitive types of Kafka's schemas, as annotations for fields.

For the checker each is a plain Python type (`Int32` is `int`); at run time it also says how many bytes travel:

    Int8 Int16 Int32 Int64   signed, big-endian          bool      one byte
    Uint16 Uint32            unsigned, big-endian        Float64   IEEE 754, big-endian
    Uuid                     16 bytes as they are        str       UTF-8 with a length before it
    Records                  record batches, opaque      bytes     with a length before it

`str`, `bytes` and `bool` stand for themselves.
"""

import base64
from dataclasses import dataclass
from typing import Annotated, Final, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Primitive:
    """A type of the wire: its name in Kafka's schemas, and its `struct` code if its size is fixed."""

    name: str
    code: str = ""


class Region(Protocol):
    """Bytes that stay where they are until they are sent, such as a piece of a segment file."""

    @property
    def size(self) -> int:
        """How many bytes it is long."""


Int8: TypeAlias = Annotated[int, Primitive("int8", "b")]
Int16: TypeAlias = Annotated[int, Primitive("int16", "h")]
Int32: TypeAlias = Annotated[int, Primitive("int32", "i")]
Int64: TypeAlias = Annotated[int, Primitive("int64", "q")]
Uint16: TypeAlias = Annotated[int, Primitive("uint16", "H")]
Uint32: TypeAlias = Annotated[int, Primitive("uint32", "I")]
Float64: TypeAlias = Annotated[float, Primitive("float64", "d")]
Uuid: TypeAlias = Annotated[bytes, Primitive("uuid", "16s")]
Records: TypeAlias = Annotated[bytes | bytearray | memoryview | Region, Primitive("records")]
"""Decoded: a `memoryview` of the frame. Encoded: from any of these; a `Region` is left out and noted instead."""

STRING: Final = Primitive("string")
BYTES: Final = Primitive("bytes")
BOOL: Final = Primitive("bool", "?")

ZERO_UUID: Final = bytes(16)


def uuid_text(uuid: bytes) -> str:
    """Kafka's text of a UUID: 22 characters of base64url without padding (`org.apache.kafka.common.Uuid`)."""
    return base64.urlsafe_b64encode(uuid).rstrip(b"=").decode()


def uuid_from_text(text: str) -> bytes:
    """The 16 bytes that `uuid_text` wrote; ValueError for anything else."""
    try:
        if "+" in text or "/" in text:
            raise ValueError("that is base64, not base64url")
        uuid = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    except ValueError as error:
        raise ValueError(f"not a UUID in base64url: {text!r}") from error
    if len(uuid) != 16:
        raise ValueError(f"a UUID has 16 bytes, {text!r} has {len(uuid)}")
    return uuid
