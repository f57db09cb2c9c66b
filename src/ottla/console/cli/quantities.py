"""Amounts as people write them."""

import re

_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_bytes(text: str) -> int:
    """`1048576`, `1M`, `1MiB`, `1.5 G`: K, M, G and T are powers of 1024. `ValueError` says what can be written."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:I?B)?(?:/S)?", text.strip().upper())
    count = int(float(match[1]) * 1024 ** _POWERS[match[2]]) if match else 0
    if count <= 0:
        raise ValueError(f"'{text}' is no number of bytes: write 1048576, 500K, 10M or 1G")
    return count


_MS = {"MS": 1, "S": 1_000, "M": 60_000, "H": 3_600_000, "D": 86_400_000}


def parse_duration_ms(text: str) -> int:
    """`500ms`, `90s`, `15m`, `2h`, `7d`. `ValueError` says what can be written."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MS|[SMHD])", text.strip().upper())
    if match is None:
        raise ValueError(f"'{text}' is no duration: write 500ms, 90s, 15m, 2h or 7d")
    return int(float(match[1]) * _MS[match[2]])
