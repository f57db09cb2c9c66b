"""Files for a plugin that nobody else may read: secrets do not stand on a command line."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path


class PrivateFolder:
    """A temporary folder of this process's user; `close()` removes it."""

    def __init__(self, name: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"ottla-{name[:40].replace('/', '-')}-")
        self.path = Path(self._folder.name)

    def write_json(self, name: str, value: object) -> str:
        """The path of the file, which only its owner may read."""
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, default=float)  # a Decimal: how numbers with a point were read
        return str(path)

    def close(self) -> None:
        self._folder.cleanup()
