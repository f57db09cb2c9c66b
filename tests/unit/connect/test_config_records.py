"""The records of configurations: Kafka Connect's, to the byte, and what they make of the state."""

from __future__ import annotations

import pytest

from ottla.connect.store.cluster_config import ClusterConfig
from ottla.connect.store.config_records import (
    CommitTasksRecord,
    ConfigRecord,
    ConnectorConfigRecord,
    LoggerLevelRecord,
    RestartRequest,
    SessionKey,
    TargetStateRecord,
    TaskConfigRecord,
    TaskCountRecord,
    UnreadableRecordError,
    decode_config_record,
    encode_config_record,
)
from ottla.connect.store.status import TargetState
from ottla.connect.store.task_id import TaskId

# As a distributed worker of Kafka Connect 4.3.1 wrote them.
WRITTEN_BY_JAVA: list[tuple[bytes, bytes | None, ConfigRecord]] = [
    (
        b"session-key",
        b'{"key":"pcWT4XTm9hiV0bQdWlH4VJ2Tm9+Yp2/8pkK7pTgWdto=","algorithm":"HmacSHA256",'
        b'"creation-timestamp":1795938903792}',
        SessionKey(
            bytes.fromhex("a5c593e174e6f61895d1b41d5a51f8549d939bdf98a76ffca642bba5381676da"),
            "HmacSHA256",
            1795938903792,
        ),
    ),
    (b"logger-cluster-org.apache.zz", b'{"level":"INFO"}', LoggerLevelRecord("org.apache.zz", "INFO")),
    (
        b"connector-d",
        b'{"properties":{"connector.class":"FileStreamSource","topic":"lines","name":"d"}}',
        ConnectorConfigRecord("d", {"connector.class": "FileStreamSource", "topic": "lines", "name": "d"}),
    ),
    (b"connector-d", None, ConnectorConfigRecord("d", None)),
    (b"task-d-x-12", b'{"properties":{"a":"b"}}', TaskConfigRecord(TaskId("d-x", 12), {"a": "b"})),
    (b"commit-d", b'{"tasks":1}', CommitTasksRecord("d", 1)),
    (b"target-state-d", b'{"state":"PAUSED","state.v2":"STOPPED"}', TargetStateRecord("d", TargetState.STOPPED)),
    (b"target-state-d", b'{"state":"STARTED","state.v2":"STARTED"}', TargetStateRecord("d", TargetState.STARTED)),
    (b"target-state-d", None, TargetStateRecord("d", None)),
    (b"restart-connector-d", b'{"include-tasks":true,"only-failed":false}', RestartRequest("d", False, True)),
    (b"tasks-fencing-d", b'{"task-count":3}', TaskCountRecord("d", 3)),
]


@pytest.mark.parametrize(("key", "value", "record"), WRITTEN_BY_JAVA)
def test_they_are_kafka_connects(key: bytes, value: bytes | None, record: ConfigRecord) -> None:
    assert decode_config_record(key, value) == record
    assert encode_config_record(record) == (key, value)


def test_an_old_target_state_has_one_field() -> None:
    assert decode_config_record(b"target-state-d", b'{"state":"PAUSED"}') == TargetStateRecord("d", TargetState.PAUSED)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"connector-d", b"{"),
        (b"connector-d", b"[]"),
        (b"connector-d", b'{"properties":1}'),
        (b"task-d", b'{"properties":{}}'),
        (b"target-state-d", b'{"state":"ASLEEP"}'),
        (b"session-key", b'{"key":"*"}'),
        (b"commit-d", b'{"tasks":null}'),
        (b"\xff", b"{}"),
    ],
)
def test_what_cannot_be_read_is_named(key: bytes, value: bytes) -> None:
    with pytest.raises(UnreadableRecordError):
        decode_config_record(key, value)


def test_what_nobody_knows_is_passed_over() -> None:
    assert decode_config_record(b"other", b"{}") is None
    assert decode_config_record(b"commit-d", None) is None


def test_tasks_count_from_their_commit_on() -> None:
    state = ClusterConfig()
    state.replay(ConnectorConfigRecord("c", {"a": "1"}))
    assert state.target_state("c") is TargetState.STARTED
    state.replay(TaskConfigRecord(TaskId("c", 0), {"x": "1"}))
    assert state.task_ids("c") == []
    state.replay(CommitTasksRecord("c", 1))
    assert state.task_ids("c") == [TaskId("c", 0)]
    assert state.applied["c"] == {"a": "1"}


def test_half_of_the_tasks_are_none() -> None:
    state = ClusterConfig()
    state.replay(ConnectorConfigRecord("c", {}))
    state.replay(TaskConfigRecord(TaskId("c", 1), {}))
    state.replay(CommitTasksRecord("c", 2))
    assert state.task_ids("c") == []
    assert state.inconsistent == {"c"}
    state.replay(TaskConfigRecord(TaskId("c", 0), {}))  # those of before the commit do not count, as in Java
    state.replay(CommitTasksRecord("c", 2))
    assert state.task_ids("c") == []
    for number in (0, 1):
        state.replay(TaskConfigRecord(TaskId("c", number), {}))
    state.replay(CommitTasksRecord("c", 2))
    assert len(state.task_ids("c")) == 2
    assert state.inconsistent == set()


def test_a_connector_takes_its_tasks_with_it() -> None:
    state = ClusterConfig()
    state.replay(ConnectorConfigRecord("c", {}))
    state.replay(TaskConfigRecord(TaskId("c", 0), {}))
    state.replay(CommitTasksRecord("c", 1))
    state.replay(ConnectorConfigRecord("c", None))
    state.replay(TargetStateRecord("c", None))
    assert (state.connectors, state.tasks, state.task_counts, state.target_states) == ({}, {}, {}, {})
