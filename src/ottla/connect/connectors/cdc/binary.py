"""What bytes become in a record (`binary.handling.mode`)."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BINARY_MODES: Final = ("bytes", "base64", "base64-url-safe", "hex")


def binary_writer(mode: str) -> Callable[[bytes], Any]:
    """What bytes become under `binary.handling.mode`."""
    match mode:
        case "base64":
            return lambda data: b64encode(data).decode()
        case "base64-url-safe":
            return lambda data: urlsafe_b64encode(data).decode()
        case "hex":
            return bytes.hex
    return bytes
