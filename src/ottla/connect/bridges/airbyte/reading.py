"""What an Airbyte source says while it is read, as records of Connect (Airbyte's protocol, version 0.2).

RECORD   a record: key (the stream's primary key) and value are structs; the timestamp is `emitted_at`
STATE    of a stream, which covers its records before it: partition `{"stream": NAME}`; global or of the old kind, which
         covers all: `{"global": SOURCE}`; the offset is `{"state": "JSON"}`, the message as it came
TRACE    an error fails the task when the source has ended; LOG goes into the log
"""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.record import SourceRecord
from ottla.connect.bridges.airbyte.catalog import key_properties, stream_key
from ottla.connect.bridges.airbyte.message import error_of, log_message, parse_message
from ottla.connect.bridges.batch_runs import shown
from ottla.connect.bridges.stream_schema import StreamSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.bridges.checkpoints import Checkpoints
    from ottla.connect.bridges.topics import Topics

_log = logging.getLogger("ottla.connect.plugin")
STATE: Final = "state"
STREAM: Final = "stream"
GLOBAL: Final = "global"
RUBBISH_LINES_MAX: Final = 100
"""So many lines in a row that are no messages are no accident."""
_FINISHED: Final = ("__ab_full_refresh_sync_complete", "__ab_no_cursor_state_message")
"""A state that says: all was read. The next run reads all again."""


class Reading:
    """`take(line)` gives what may go on. `ConnectError` fails the task."""

    def __init__(
        self,
        source: str,
        streams: Sequence[Mapping[str, Any]],
        topics: Topics,
        checkpoints: Checkpoints,
        *,
        dates_as_text: bool,
    ) -> None:
        self._source = source
        self._checkpoints = checkpoints
        self._topics = topics
        self._is_global = False
        self._states: dict[str, Any] = {}
        self._rubbish = 0
        self.misfits = 0
        self.error: str | None = None
        self._schemas: dict[str, StreamSchema] = {}
        self._partitions: dict[str, dict[str, str]] = {}
        for stream in streams:
            name = stream_key(stream["name"], stream.get("namespace"))
            schema = stream.get("json_schema") or {}
            try:
                self._schemas[name] = StreamSchema(
                    topics.of(name), schema, key_properties(stream), dates_as_text=dates_as_text
                )
            except DataError as error:
                raise ConnectError(f"{source}: the schema of the stream {name} cannot be: {error}") from error
            self._partitions[name] = {STREAM: name}

    @property
    def partitions(self) -> list[dict[str, str]]:
        """Those whose offsets are to be read before anything else: of all streams, and of all together."""
        return [{GLOBAL: self._source}, *self._partitions.values()]

    def begin(self, stored: Sequence[Mapping[str, Any] | None]) -> None:
        """`stored` are the offsets of `partitions`."""
        for partition, offset in zip(self.partitions, stored, strict=True):
            text = (offset or {}).get(STATE)
            state = None
            if text is not None:
                try:
                    state = json.loads(text)
                except (TypeError, ValueError):
                    raise ConnectError(f"the stored offset of {partition} has a state that is no JSON") from None
            if GLOBAL in partition:
                self._is_global = state is not None
            self._begin("" if GLOBAL in partition else partition[STREAM], state)

    def begin_run(self) -> list[Any]:
        """States to begin with. What was read to its end and has nothing to go on from is read again."""
        self.error = None
        self._rubbish = 0
        for key, state in list(self._states.items()):
            found = state.get("stream", {}).get("stream_state") if isinstance(state, dict) else None
            if isinstance(found, dict) and any(found.get(each) for each in _FINISHED):
                self._begin(key, None)
        return list(self._states.values())

    def _begin(self, key: str, state: Any) -> None:
        self._states.pop(key, None)
        if state is not None:
            self._states[key] = state
        self._checkpoints.begin(key, {STATE: None if state is None else _text(state)})

    def take(self, line: bytes) -> list[SourceRecord]:
        message = parse_message(line)
        if message is None:
            self._note_rubbish(line)
            return []
        self._rubbish = 0
        try:
            match message["type"]:
                case "RECORD":
                    return self._record(message["record"])
                case "STATE":
                    return self._state(message["state"])
                case "TRACE":
                    self._trace(message)
                case "LOG":
                    log_message(self._source, message)
                case "CONTROL":
                    _log.warning("%s wants its settings changed, which lasts until it ends", self._source)
                case kind:
                    _log.debug("%s: messages of type %s are left out", self._source, kind)
        except (KeyError, TypeError, AttributeError) as error:
            raise ConnectError(f"{self._source} wrote a message that lacks {error}: {shown(line)}") from None
        return []

    def _record(self, record: Mapping[str, Any]) -> list[SourceRecord]:
        name = stream_key(record["stream"], record.get("namespace"))
        schema, data = self._schemas.get(name), record["data"]
        if schema is None:
            raise ConnectError(
                f"{self._source} wrote a record of {name}, which is none of the streams that it was asked"
            )
        key: object = None
        try:
            value: object = schema.value(data)
            key = schema.key(data)
        except DataError as error:  # the converter refuses it, and `errors.…` says what becomes of it
            self.misfits += 1
            value = data
            _log.warning("%s: a record of %s does not fit its schema: %s", self._source, name, error)
        emitted_ms = record.get("emitted_at")
        made = SourceRecord(
            {GLOBAL: self._source} if self._is_global else self._partitions[name],
            None,
            self._topics.of(name),
            None,
            schema.key_schema,
            key,
            schema.schema,
            value,
            emitted_ms if isinstance(emitted_ms, int) and emitted_ms > 0 else None,
        )
        return self._checkpoints.record("" if self._is_global else name, made)

    def _state(self, state: Mapping[str, Any]) -> list[SourceRecord]:
        if state.get("type") == "STREAM":
            descriptor = state["stream"]["stream_descriptor"]
            key = stream_key(descriptor["name"], descriptor.get("namespace"))
            if key not in self._partitions:
                return []
            released = []
        else:
            key = ""
            released = self._turn_global()
            self._states = {}
        self._states[key] = state
        self._checkpoints.state(key, {STATE: _text(state)})
        return released

    def _turn_global(self) -> list[SourceRecord]:
        """The first state of all streams together: from now on they are one partition."""
        if self._is_global:
            return []
        self._is_global = True
        released = self._checkpoints.release()
        if released:
            last = released.pop()
            last.source_partition = {GLOBAL: self._source}
            released += self._checkpoints.record("", last)
        return released

    def _trace(self, message: dict[str, Any]) -> None:
        self.error = error_of(message) or self.error
        trace = message["trace"]
        status = trace.get("stream_status")
        if isinstance(status, dict):
            stream = status.get("stream_descriptor", {}).get("name")
            _log.info("%s: the stream %s is %s", self._source, stream, status.get("status"))
        error = trace.get("error")
        if isinstance(error, dict) and error.get("stack_trace"):
            _log.error("%s: %s", self._source, error["stack_trace"])

    def _note_rubbish(self, line: bytes) -> None:
        """A line that is no message counts as one of its log, as the protocol has it."""
        self._rubbish += 1
        _log.warning("%s: %s", self._source, shown(line))
        if self._rubbish >= RUBBISH_LINES_MAX:
            text = f"{self._source} wrote {RUBBISH_LINES_MAX} lines in a row that are no messages, the last: "
            raise ConnectError(text + shown(line))


def _text(state: Any) -> str:
    return json.dumps(state, separators=(",", ":"), default=_number)


def _number(value: object) -> float:
    assert isinstance(value, Decimal)
    return float(value)
