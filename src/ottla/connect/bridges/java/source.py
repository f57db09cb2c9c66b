"""A source task in Java, in a JVM of its own (`SourceTask`)."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import ConfigDef
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.task import SourceTask
from ottla.connect.bridges.java.plugin import (
    CALL_TIMEOUT,
    OPTIONS,
    TASK_CLASS,
    define_own,
    find_plugin,
    no_event,
    props_of_java,
    start_jvm,
    stop_task,
)
from ottla.connect.bridges.java.records import JavaRecord, RecordReader, committed_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.api.task import RecordMetadata
    from ottla.connect.bridges.java.jvm import Answer, Call, Jvm

_log = logging.getLogger("ottla.connect.plugin")
WAIT_S: Final = 0.5
COMMIT_TIMEOUT_S: Final = 60.0
COMMITTED_AT_ONCE: Final = 1000


class JavaSourceTask(SourceTask):
    _jvm: Jvm | None = None

    def start(self, props: Mapping[str, str]) -> None:
        plugin = find_plugin("source", props)
        settings = define_own(ConfigDef()).parse(props)
        task_class = props[TASK_CLASS]
        self._reader = RecordReader()
        self._polling: Future[Answer] | None = None
        self._committed: list[tuple[int, RecordMetadata | None]] = []
        self._telling = threading.Lock()
        self._jvm = start_jvm(plugin, task_class, settings[OPTIONS], self._answer, no_event)
        request: dict[str, Any] = {
            "class": task_class,
            "props": {**props_of_java(props, plugin), "task.class": task_class},
        }
        self._jvm.ask("start_source", settings[CALL_TIMEOUT] / 1000, **request)

    def poll(self) -> list[SourceRecord] | None:
        assert self._jvm is not None
        self._tell_committed()
        if self._polling is None:
            self._polling = self._jvm.begin("poll")
        try:
            answer = self._polling.result(WAIT_S)
        except FutureTimeoutError:
            return None  # it goes on, and what it gives is taken next time
        except BaseException:
            self._polling = None
            raise
        self._polling = self._jvm.begin("poll")
        return self._reader.read(answer.body)

    def commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        if isinstance(record, JavaRecord):
            with self._telling:
                self._committed.append((record.number, metadata))
                is_enough = len(self._committed) >= COMMITTED_AT_ONCE
            if is_enough:
                self._tell_committed()

    def commit(self) -> None:
        jvm = self._jvm
        if jvm is not None and jvm.is_running:
            self._tell_committed()
            jvm.ask("commit", COMMIT_TIMEOUT_S)

    def stop(self) -> None:
        jvm, self._jvm = self._jvm, None
        if jvm is not None:
            stop_task(jvm)

    def _tell_committed(self) -> None:
        jvm = self._jvm
        if jvm is None:
            return
        with self._telling:
            told, self._committed = self._committed, []
            if told:
                jvm.begin("committed", committed_bytes(told)).add_done_callback(_log_failure)

    def _answer(self, call: Call) -> dict[str, Any]:
        if call.get("type") != "read_offsets":
            raise ConnectError(f"nobody answers {call.get('type')} here")
        return {"offsets": self.context.offset_storage_reader.offsets(call["partitions"])}


def _log_failure(future: Future[Answer]) -> None:
    error = future.exception()
    if error is not None:
        _log.warning("the task did not like to hear that records are written: %s", error)
