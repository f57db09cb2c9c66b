"""Bytes as text of addresses, cookies and tokens: base64url without padding (RFC 4648, 5; RFC 7515, 2)."""

from __future__ import annotations

import base64


def base64url_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def base64url_from_text(text: str) -> bytes:
    """With padding or without; characters that mean nothing are passed over. `ValueError`: it has no such length."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
