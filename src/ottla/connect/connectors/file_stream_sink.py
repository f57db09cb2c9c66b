"""Records as lines of a file, or of the standard output: `FileStreamSink` of Kafka Connect."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ottla.connect.api.config_def import HIGH, STRING, ConfigDef
from ottla.connect.api.connector import SinkConnector, TopicPartition
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.task import SinkTask
from ottla.connect.data.java_text import java_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SinkRecord

FILE: Final = "file"
CONFIG: Final = ConfigDef().define(FILE, STRING, None, HIGH, "The file to append to; by default the standard output.")


class FileStreamSinkConnector(SinkConnector):
    def start(self, props: Mapping[str, str]) -> None:
        CONFIG.parse(props)
        self._props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return FileStreamSinkTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props) for _ in range(max_tasks)]

    def config(self) -> ConfigDef:
        return CONFIG

    def alter_offsets(self, _props: Mapping[str, str], _offsets: Mapping[TopicPartition, int | None]) -> bool:
        return True


class FileStreamSinkTask(SinkTask):
    """Several tasks may append to one file: a batch is one write. What is committed is on the disk."""

    _file: BinaryIO | None = None

    def start(self, props: Mapping[str, str]) -> None:
        name: str = CONFIG.parse(props)[FILE] or ""
        self._is_stdout = not name
        if self._is_stdout:
            self._file = sys.stdout.buffer
            return
        try:
            self._file = Path(name).open("ab", buffering=0)  # noqa: SIM115
        except OSError as error:
            text = f"Couldn't find or create file '{name}' for FileStreamSinkTask: {error.strerror}"
            raise ConnectError(text) from error

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        assert self._file is not None
        text = "".join(
            f"{record.value if type(record.value) is str else java_text(record.value, record.value_schema)}\n"
            for record in records
        )
        data = memoryview(text.encode("utf-8", "replace"))
        while data:
            data = data[self._file.write(data) :]

    def flush(self, _offsets: Mapping[TopicPartition, int]) -> None:
        assert self._file is not None
        self._file.flush()
        if not self._is_stdout:
            os.fsync(self._file.fileno())

    def stop(self) -> None:
        if self._file is not None and not self._is_stdout:
            self._file.close()
