"""JSON as Jackson writes it for Connect's own records: compact, in UTF-8."""

from __future__ import annotations

import json
from typing import Any


def encode_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def decode_json(data: bytes) -> Any:
    """`ValueError` for what is no JSON."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
