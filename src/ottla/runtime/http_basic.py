"""A name and a password in the Authorization header of HTTP, either way (RFC 7617)."""

from __future__ import annotations

import base64


def basic_authorization(name: str, password: str) -> str:
    """The header's value."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Name and password, each perhaps empty; `None`: it says something else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon else None
