"""Which traces the batches of a source and of a sink are parts of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from ottla.connect.api.errors import RetriableError
from ottla.connect.api.header import Headers
from ottla.connect.api.record import SinkRecord, SourceRecord
from ottla.connect.runtime.task_spec import TaskSpec
from ottla.connect.task.batch_spans import TRACES_MAX, SinkSpans, SourceSpans
from ottla.runtime.tracing.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

RecordHeaders = list[tuple[str, bytes | None]]
SPEC = TaskSpec(
    connector="c",
    task=2,
    is_source=False,
    connector_config={},
    task_config={},
    target_state="STARTED",
    converters={},
    producer={},
    consumer={},
    admin={},
    offset_flush_interval_ms=1,
    offset_flush_timeout_ms=1,
    graceful_timeout_ms=1,
    topic_creation=False,
    topic_tracking=False,
    log_level="INFO",
    plugin_path=[],
)
ONE, TWO = f"00-{1:032x}-{11:016x}-01", f"00-{2:032x}-{22:016x}-01"


@dataclass
class Kept:
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracing = Tracing(provider)

    @property
    def told(self) -> tuple[ReadableSpan, ...]:
        return self.spans.get_finished_spans()


@dataclass
class Message:
    """As the consumer gives it."""

    traceparent: str | None = None

    def error(self) -> None:
        return None

    def headers(self) -> RecordHeaders | None:
        return None if self.traceparent is None else [("other", None), ("traceparent", self.traceparent.encode())]


def sink_record() -> SinkRecord:
    return SinkRecord("t", 0, None, None, None, None, 0)


def put(*traceparents: str | None) -> tuple[ReadableSpan, ...]:
    kept = Kept()
    sink = SinkSpans(SPEC, kept.tracing)
    sink.read([Message(each) for each in traceparents])
    given: list[int] = []
    sink.put(lambda batch: given.append(len(batch)), [sink_record() for _ in traceparents])
    assert given == [len(traceparents)]
    return kept.told


def test_a_batch_of_one_trace_is_a_part_of_it() -> None:
    (span,) = put(ONE, None, ONE)
    assert span.context is not None
    assert span.parent is not None
    assert (format_trace_id(span.context.trace_id), format_span_id(span.parent.span_id)) == tuple(ONE.split("-")[1:3])
    assert span.attributes is not None
    assert span.attributes["messaging.batch.message_count"] == 3
    assert span.attributes["messaging.consumer.group.name"] == "connect-c"


def test_a_batch_of_several_is_linked_with_each_and_each_has_a_span() -> None:
    batch, first, second = put(ONE, TWO, ONE)
    assert batch.parent is None
    assert [link.context.trace_id for link in batch.links] == [1, 2]
    assert [each.context.trace_id for each in (first, second) if each.context] == [1, 2]
    assert [each.attributes["messaging.batch.message_count"] for each in (first, second) if each.attributes] == [2, 1]
    assert batch.context is not None
    assert first.links[0].context.span_id == batch.context.span_id
    assert (first.start_time, second.start_time) == (batch.start_time, batch.start_time)


def test_traces_of_a_batch_have_a_bound() -> None:
    batch, *others = put(*(f"00-{number:032x}-{1:016x}-01" for number in range(1, TRACES_MAX + 6)))
    assert len(others) == TRACES_MAX
    assert batch.attributes is not None
    assert batch.attributes["kafka.connect.traces.left_out"] == 5


@pytest.mark.parametrize("wrong", ["", "00-xyz-1-01", ONE[:-2] + "00", f"00-{0:032x}-{1:016x}-01"])
def test_what_is_no_trace_or_not_followed_is_none(wrong: str) -> None:
    (span,) = put(wrong)
    assert span.parent is None
    assert span.links == ()


def test_nothing_is_told_of_an_empty_batch() -> None:
    assert put() == ()


def test_a_batch_that_comes_again_keeps_its_trace() -> None:
    kept = Kept()
    sink = SinkSpans(SPEC, kept.tracing)
    sink.read([Message(ONE)])

    def fail(_: list[SinkRecord]) -> None:
        raise RetriableError("not now")

    with pytest.raises(RetriableError):
        sink.put(fail, [sink_record()])
    sink.put(lambda _: None, [sink_record()])
    sink.put(lambda _: None, [sink_record()])
    first, second, third = kept.told
    assert not first.status.is_ok
    assert [None if each.parent is None else each.parent.trace_id for each in (first, second, third)] == [1, 1, None]


def source_record(traceparent: str | bytes | None = None) -> SourceRecord:
    headers = Headers()
    if traceparent is not None:
        headers.add("traceparent", traceparent)
    return SourceRecord({}, {}, "t", value="v", headers=headers)


@pytest.mark.parametrize("own", [ONE, ONE.encode()])
def test_records_of_a_source_are_parts_of_their_batch_unless_they_have_a_trace(own: str | bytes) -> None:
    kept = Kept()
    source = SourceSpans(SPEC, kept.tracing)
    sent: list[RecordHeaders | None] = []
    produce = source.produce(lambda topic, value, headers: sent.append(headers))

    def send(records: list[SourceRecord]) -> None:
        for record in records:
            with_trace: Any = [("traceparent", ONE.encode())] if record.headers else None
            produce(record.topic, b"v", with_trace)

    source.send(send, [source_record(), source_record(own)])
    produce("t", b"v", None)
    (span,) = kept.told
    assert span.context is not None
    trace, own_id = format_trace_id(span.context.trace_id), format_span_id(span.context.span_id)
    made, *others = sent
    assert made is not None
    ((name, value),) = made
    assert name == "traceparent"
    assert value is not None
    assert value.decode().split("-")[1:3] == [trace, own_id]
    assert others == [[("traceparent", ONE.encode())], None]
    assert [link.context.trace_id for link in span.links] == [1]
