"""What a process and a child of it say to each other: a line of JSON each, over a pair of sockets.

A message is an object with a `type`. The end of the stream is the end of the other.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]


def encode_message(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, **fields}, separators=(",", ":")).encode() + b"\n"


def decode_message(line: bytes) -> Message:
    """`ValueError`: it is none."""
    message = json.loads(line)
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ValueError(f"this is no message: {line[:100]!r}")
    return message
