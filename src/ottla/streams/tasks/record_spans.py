"""A span for each record that is a part of a trace (`traceparent` among its headers), while it goes through a topology.

What the record causes, in this process and in the topics behind it, is below that span: operators and stores see
headers that name it, and so do the records that are written. Records without a trace are not told of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.runtime.tracing.propagation import of_record, record_headers

if TYPE_CHECKING:
    from ottla.runtime.tracing.tracing import Tracing
    from ottla.streams.operator import Push
    from ottla.streams.record import Headers
    from ottla.streams.tasks.task_state import TaskState


def traced(push: Push, source: str, state: TaskState, tracing: Tracing) -> Push:
    record = state.record
    of_task: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": state.application_id,
        "kafka.streams.task": state.task_id,
        "kafka.streams.source": source,
    }

    def push_traced(key: Any, value: Any, timestamp_ms: int, headers: Headers) -> None:
        parent = of_record(headers)
        if parent is None:
            push(key, value, timestamp_ms, headers)
            return
        raw = record.raw
        assert raw is not None
        where: dict[str, str | int] = {
            "messaging.destination.name": raw.topic,
            "messaging.destination.partition.id": str(raw.partition),
            "messaging.kafka.offset": raw.offset,
        }
        span = tracing.begin(f"process {raw.topic}", "CONSUMER", of_task | where, parent=parent)
        with tracing.within(span):
            record.headers = told = tuple(record_headers(span, headers))
            push(key, value, timestamp_ms, told)

    return push_traced
