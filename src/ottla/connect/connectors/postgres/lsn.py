"""Places in PostgreSQL's write-ahead log: `16/B374D848` is the number 0x16B374D848."""

from __future__ import annotations


def parse_lsn(text: str) -> int:
    """`ValueError` for what is none."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) | int(low, 16)


def format_lsn(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
