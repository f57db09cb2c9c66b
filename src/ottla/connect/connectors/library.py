"""Libraries of others that a connector needs: loaded when it starts, with a word on what to install."""

from __future__ import annotations

import importlib
from typing import Any

from ottla.connect.api.errors import ConnectError


def load(module: str, extra: str) -> Any:
    """The module. `extra` is the extra of Ottla, or the package, that brings it. `ConnectError` without it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        wanted = f"'ottla[{extra[1:-1]}]'" if extra.startswith("[") else f"'{extra}'"
        raise ConnectError(f"{error.name or module} is not here: pip install {wanted}") from error
