"""What an Airbyte source says as records: states of streams and of all together, and when it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ottla.connect.api.errors import ConnectError
from ottla.connect.bridges.airbyte.catalog import choose_streams, configured_catalog, key_properties
from ottla.connect.bridges.airbyte.reading import RUBBISH_LINES_MAX, Reading
from ottla.connect.bridges.checkpoints import Checkpoints
from ottla.connect.bridges.topics import Topics
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from ottla.connect.api.record import SourceRecord

USERS: dict[str, Any] = {
    "name": "users",
    "json_schema": {"properties": {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}}},
    "supported_sync_modes": ["full_refresh", "incremental"],
    "source_defined_cursor": True,
    "default_cursor_field": ["id"],
    "source_defined_primary_key": [["id"]],
}
LOGS: dict[str, Any] = {"name": "logs", "namespace": "app", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}


class Source:
    def __init__(self, stored: dict[str, dict[str, Any]] | None = None) -> None:
        self.checkpoints = Checkpoints()
        self.reading = Reading("source-x", [USERS, LOGS], Topics(""), self.checkpoints, dates_as_text=False)
        self.reading.begin([(stored or {}).get(next(iter(each.values()))) for each in self.reading.partitions])

    def says(self, *messages: object) -> list[SourceRecord]:
        gone: list[SourceRecord] = []
        for message in messages:
            gone += self.reading.take(message if isinstance(message, bytes) else json.dumps(message).encode())
        return gone


def record(stream: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": 5000, **more}}


def stream_state(name: str, state: dict[str, Any]) -> dict[str, Any]:
    inner = {"stream_descriptor": {"name": name}, "stream_state": state}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": inner}}


def test_streams_with_states_of_their_own() -> None:
    source = Source()
    state = stream_state("users", {"id": 1})
    gone = source.says(record("users", {"id": 1, "name": "x"}), record("logs", {"a": 1}, namespace="app"), state)
    gone += source.says(record("users", {"id": 2}))
    (first,) = gone
    assert (first.topic, first.timestamp, first.source_partition) == ("users", 5000, {"stream": "users"})
    assert first.source_offset == {"state": json.dumps(state["state"], separators=(",", ":"))}
    assert isinstance(first.key, Struct)
    assert first.key["id"] == 1
    assert [each.topic for each in source.checkpoints.release()] == ["app.logs", "users"]
    assert source.reading.begin_run() == [state["state"]]


def test_it_goes_on_from_what_was_stored() -> None:
    state = stream_state("users", {"id": 7})["state"]
    source = Source({"users": {"state": json.dumps(state)}})
    assert source.reading.begin_run() == [state]
    finished = stream_state("users", {"__ab_full_refresh_sync_complete": True})["state"]
    assert Source({"users": {"state": json.dumps(finished)}}).reading.begin_run() == []
    with pytest.raises(ConnectError, match="no JSON"):
        Source({"users": {"state": "{"}})


def test_a_global_state_makes_all_streams_one_partition() -> None:
    source = Source()
    state = {"type": "STATE", "state": {"type": "GLOBAL", "global": {"shared_state": {"lsn": 5}, "stream_states": []}}}
    gone = source.says(
        record("users", {"id": 1}), record("logs", {"a": 1}, namespace="app"), state, record("users", {"id": 2})
    )
    assert [each.topic for each in gone] == ["users", "app.logs"]
    assert gone[-1].source_partition == {"global": "source-x"}
    assert json.loads((gone[-1].source_offset or {})["state"]) == state["state"]
    assert source.reading.begin_run() == [state["state"]]
    again = Source({"source-x": {"state": json.dumps(state["state"])}})
    assert again.reading.begin_run() == [state["state"]]


def test_errors_and_rubbish() -> None:
    source = Source()
    source.says(
        {"type": "TRACE", "trace": {"type": "ERROR", "error": {"message": "no luck", "internal_message": "401"}}}
    )
    assert source.reading.error == "no luck (401)"
    source.says(b"some print", {"type": "LOG", "log": {"level": "INFO", "message": "x"}}, {"type": "NEW"})
    with pytest.raises(ConnectError, match="lines in a row that are no messages, the last: rubbish"):
        source.says(*[b"rubbish"] * RUBBISH_LINES_MAX)
    with pytest.raises(ConnectError, match="none of the streams"):
        Source().says(record("others", {}))
    with pytest.raises(ConnectError, match="lacks 'data'"):
        Source().says({"type": "RECORD", "record": {"stream": "users"}})


def test_a_configured_catalog() -> None:
    users, logs = configured_catalog([USERS, LOGS], "auto", {})["streams"]
    assert (users["sync_mode"], users["cursor_field"], users["primary_key"]) == ("incremental", ["id"], [["id"]])
    assert logs["sync_mode"] == "full_refresh"
    assert configured_catalog([USERS], "full_refresh", {})["streams"][0]["sync_mode"] == "full_refresh"
    by_user = {**LOGS, "supported_sync_modes": ["incremental"]}
    assert configured_catalog([by_user], "auto", {})["streams"][0]["sync_mode"] == "full_refresh"
    assert configured_catalog([by_user], "auto", {"app.logs": "at"})["streams"][0]["cursor_field"] == ["at"]
    assert key_properties(USERS) == ["id"]
    assert key_properties({**USERS, "source_defined_primary_key": [["a", "b"]]}) == []


def test_streams_are_chosen_by_pattern() -> None:
    assert choose_streams([USERS, LOGS], ["*", "!app.*"]) == [USERS]
    assert choose_streams([USERS, LOGS], ["!users"]) == [LOGS]
    with pytest.raises(ConnectError, match=r"the source has: users, app\.logs"):
        choose_streams([USERS, LOGS], ["x"])
