"""What a Singer tap says, line by line, as records of Connect (Singer's specification, version 0.3).

SCHEMA     a stream's schema and key; another one is another version of its schema
RECORD     a record: key and value are structs; the timestamp is `time_extracted`
STATE      what covers the records before it (`Checkpoints`): the offset `{"state": "JSON"}`
ACTIVATE_VERSION   optionally a record without key and value, with the version in a header
"""

from __future__ import annotations

import datetime
import json
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.header import Header
from ottla.connect.api.record import SourceRecord
from ottla.connect.bridges.batch_runs import shown
from ottla.connect.bridges.stream_schema import StreamSchema
from ottla.connect.data.schema import INT64_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.bridges.checkpoints import Checkpoints
    from ottla.connect.bridges.topics import Topics

_log = logging.getLogger("ottla.connect.plugin")
STATE: Final = "state"
TAP: Final = "tap"
VERSION_HEADER: Final = "singer.version"
STREAMS_MAX: Final = 10_000
_DECODE: Final = json.JSONDecoder(parse_float=Decimal).decode


class TapMessages:
    """`take(line)` gives what may go on; `state` is the last that came. `ConnectError` fails the task."""

    def __init__(
        self,
        tap: str,
        topics: Topics,
        checkpoints: Checkpoints,
        *,
        dates_as_text: bool = False,
        marks_versions: bool = False,
    ) -> None:
        self._tap = tap
        self._partition = {TAP: tap}
        self._topics = topics
        self._checkpoints = checkpoints
        self._dates_as_text = dates_as_text
        self._marks_versions = marks_versions
        self._schemas: dict[str, StreamSchema] = {}
        self.state: Any = None
        self.states = 0
        self.misfits = 0

    def begin(self, stored: Mapping[str, Any] | None) -> None:
        """`stored` is the offset that was. `ConnectError` where it is none of this kind."""
        text = (stored or {}).get(STATE)
        if text is not None:
            try:
                self.state = json.loads(text)
            except (TypeError, ValueError):
                raise ConnectError(f"the stored offset of {self._tap} has a state that is no JSON: {text!r}") from None
        self._checkpoints.begin(self._tap, {STATE: text})

    def take(self, line: bytes) -> list[SourceRecord]:
        try:
            message = _DECODE(line.decode())
            kind = message["type"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ConnectError(f"{self._tap} wrote what is no message of Singer's: {shown(line)}") from None
        try:
            match kind:
                case "RECORD":
                    return self._record(message)
                case "STATE":
                    self._take_state(message["value"])
                case "SCHEMA":
                    self._schema(message)
                case "ACTIVATE_VERSION":
                    return self._version(message) if self._marks_versions else []
                case "BATCH":
                    raise ConnectError(f"{self._tap} writes batches into files: take batch_config out of its settings")
                case _:
                    _log.warning("%s: messages of type %s are not known and left out", self._tap, kind)
        except (KeyError, TypeError, AttributeError) as error:
            raise ConnectError(f"{self._tap} wrote a {kind} that lacks {error}: {shown(line)}") from None
        return []

    def _schema(self, message: Mapping[str, Any]) -> None:
        stream = message["stream"]
        key_properties = message.get("key_properties") or []
        known = self._schemas.get(stream)
        if (
            known is not None
            and known.json_schema == message["schema"]
            and list(known.key_properties) == key_properties
        ):
            return
        if len(self._schemas) >= STREAMS_MAX:
            raise ConnectError(f"{self._tap} has more than {STREAMS_MAX} streams")
        try:
            self._schemas[stream] = StreamSchema(
                self._topics.of(stream), message["schema"], key_properties, dates_as_text=self._dates_as_text
            )
        except DataError as error:
            raise ConnectError(f"{self._tap}: the schema of the stream {stream} cannot be: {error}") from error

    def _record(self, message: Mapping[str, Any]) -> list[SourceRecord]:
        stream, record = message["stream"], message["record"]
        schema = self._schemas.get(stream)
        if schema is None:
            raise ConnectError(f"{self._tap} wrote a record of the stream {stream} before its SCHEMA")
        value, key = self._data(stream, schema, record)
        made = SourceRecord(
            self._partition,
            None,
            self._topics.of(stream),
            None,
            schema.key_schema,
            key,
            schema.schema,
            value,
            _timestamp(message.get("time_extracted")),
            [Header(VERSION_HEADER, version, INT64_SCHEMA)]
            if isinstance(version := message.get("version"), int)
            else (),
        )
        return self._checkpoints.record(self._tap, made)

    def _data(self, stream: str, schema: StreamSchema, record: Any) -> tuple[object, object]:
        """What does not fit goes on as it came: the converter refuses it, and `errors.…` says what becomes of it."""
        try:
            return schema.value(record), schema.key(record)
        except DataError as error:
            self.misfits += 1
            _log.warning("%s: a record of the stream %s does not fit its schema: %s", self._tap, stream, error)
            return record, None

    def _take_state(self, value: Any) -> None:
        self.states += 1
        self.state = value
        text = json.dumps(value, separators=(",", ":"), default=_number)
        self._checkpoints.state(self._tap, {STATE: text})

    def _version(self, message: Mapping[str, Any]) -> list[SourceRecord]:
        version = Header(VERSION_HEADER, message["version"], INT64_SCHEMA)
        marker = SourceRecord(self._partition, None, self._topics.of(message["stream"]), headers=[version])
        return self._checkpoints.record(self._tap, marker)


def _number(value: object) -> float:
    assert isinstance(value, Decimal)
    return float(value)


def _timestamp(text: object) -> int | None:
    if not isinstance(text, str):
        return None
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)
    ms = int(aware.timestamp() * 1000)
    return ms if ms > 0 else None
