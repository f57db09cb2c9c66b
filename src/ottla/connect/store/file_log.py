"""The offsets of a standalone worker in a file: Kafka Connect's own (`offset.storage.file.filename`), either way."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ottla.connect.api.errors import ConnectError
from ottla.connect.store.java_map import JavaMapError, decode_java_map, encode_java_map

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ottla.connect.store.state_log import KeyValue, Replay


class FileLog:
    """The whole file is written anew with each change, and takes the place of the old one when it is on the disk."""

    position = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[bytes, bytes | None] = {}
        self._replay: Replay | None = None
        self._writing = asyncio.Lock()

    async def start(self, replay: Replay) -> None:
        self._replay = replay
        try:
            data = self._path.read_bytes()
            self._entries = decode_java_map(data) if data else {}
        except FileNotFoundError:
            self._entries = {}
        except (OSError, JavaMapError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ConnectError(f"the offsets in {self._path} cannot be read: {reason}") from error
        for key, value in self._entries.items():
            replay(key, value)

    async def stop(self) -> None:
        return

    async def write(self, records: Sequence[KeyValue]) -> None:
        assert self._replay is not None, "the log is not started"
        async with self._writing:
            entries = self._entries | dict(records)
            entries = {key: value for key, value in entries.items() if value is not None}
            try:
                await asyncio.to_thread(self._save, encode_java_map(entries))
            except OSError as error:
                raise ConnectError(f"the offsets cannot be written to {self._path}: {error.strerror}") from error
            self._entries = entries
        for key, value in records:
            self._replay(key, value)

    async def read_to_end(self) -> None:
        return

    def _save(self, data: bytes) -> None:
        partial = self._path.with_name(self._path.name + ".tmp")
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
