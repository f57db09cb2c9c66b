"""A sink task in Java, in a JVM of its own (`SinkTask`)."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import ConfigDef
from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.task import SinkTask, TopicPartition
from ottla.connect.bridges.java.jvm import error_of
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
from ottla.connect.bridges.java.records import RecordWriter, offsets_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.bridges.java.jvm import Answer, Call, Jvm

REPORTS: Final = "ottla.reports.errors"


class JavaSinkTask(SinkTask):
    _jvm: Jvm | None = None

    def start(self, props: Mapping[str, str]) -> None:
        plugin = find_plugin("sink", props)
        settings = define_own(ConfigDef()).parse(props)
        task_class = props[TASK_CLASS]
        self._timeout_s = settings[CALL_TIMEOUT] / 1000
        self._writer = RecordWriter()
        self._batch: dict[tuple[str, int, int], SinkRecord] = {}
        self._jvm = start_jvm(plugin, task_class, settings[OPTIONS], self._answer, no_event)
        config = {**props_of_java(props, plugin), "task.class": task_class}
        if self.context.errant_record_reporter is not None:
            config[REPORTS] = "true"
        request: dict[str, Any] = {"class": task_class, "props": config}
        self._jvm.ask("start_sink", self._timeout_s, **request)

    def put(self, records: Sequence[SinkRecord]) -> None:
        written = []
        self._batch = {}
        for record in records:
            try:
                written.append(self._writer.record(record))
            except DataError as error:
                if self.context.errant_record_reporter is None:
                    raise
                self.context.errant_record_reporter.report(record, error)
                continue
            where = record.original_topic, record.original_kafka_partition or 0, record.original_kafka_offset
            self._batch[where] = record
        self._ask("put", self._writer.write(written))

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        answer = self._ask("pre_commit", offsets=offsets_json(offsets))
        return {TopicPartition(topic, partition): offset for topic, partition, offset in answer.header["offsets"]}

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        self._ask("open", partitions=[list(each) for each in partitions])

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self._ask("close", partitions=[list(each) for each in partitions])

    def stop(self) -> None:
        jvm, self._jvm = self._jvm, None
        if jvm is not None:
            stop_task(jvm)

    def _ask(self, kind: str, body: bytes = b"", **fields: object) -> Answer:
        assert self._jvm is not None, "the task is not started"
        try:
            answer = self._jvm.ask(kind, self._timeout_s, body, **fields)
        except ConnectError as error:
            self._apply(getattr(error, "effects", None))
            raise
        self._apply(answer.header.get("effects"))
        return answer

    def _apply(self, effects: Any) -> None:
        """What the task has asked of its context meanwhile."""
        if not isinstance(effects, dict):
            return
        offsets = {TopicPartition(topic, partition): offset for topic, partition, offset in effects["offsets"]}
        if offsets:
            self.context.offset(offsets)
        for is_pause, topic, partition in effects["pauses"]:
            (self.context.pause if is_pause else self.context.resume)(TopicPartition(topic, partition))
        if effects["timeout_ms"] >= 0:
            self.context.timeout(effects["timeout_ms"])
        if effects["commit"]:
            self.context.request_commit()

    def _answer(self, call: Call) -> Future[dict[str, Any]]:
        """A record that Java reports (KIP-610), while it is put."""
        if call.get("type") != "report":
            raise ConnectError(f"nobody answers {call.get('type')} here")
        record = self._batch.get((call["topic"], call["partition"], call["offset"]))
        reporter = self.context.errant_record_reporter
        if record is None or reporter is None:
            raise ConnectError("only a record that is being put can be reported")
        answer: Future[dict[str, Any]] = Future()

        def reported(done: Future[None]) -> None:
            error = done.exception()
            answer.set_result({} if error is None else {"error": str(error)})

        reporter.report(record, error_of(call["failure"])).add_done_callback(reported)
        return answer
