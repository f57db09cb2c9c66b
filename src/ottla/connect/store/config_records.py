"""The records of the topic of configurations, byte for byte those of Kafka Connect (`KafkaConfigBackingStore`).

connector-NAME          {"properties":{…}}                      its configuration; null: the connector is gone
task-NAME-N             {"properties":{…}}                      of a task, which counts from the next commit on
commit-NAME             {"tasks":N}                             the tasks are those that came before
target-state-NAME       {"state":"STARTED","state.v2":"…"}      older workers know no STOPPED, and read PAUSED
restart-connector-NAME  {"include-tasks":…,"only-failed":…}     somebody wants it restarted (KIP-745)
tasks-fencing-NAME      {"task-count":N}                        producers that the next generation fences (KIP-618)
session-key             {"key":…,"algorithm":…,"creation-timestamp":…}   (KIP-507)
logger-cluster-NAME     {"level":…}                             of a logger on all workers (KIP-976)
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.store.json_text import decode_json, encode_json
from ottla.connect.store.status import TargetState
from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.store.state_log import KeyValue

_CONNECTOR: Final = "connector-"
_TASK: Final = "task-"
_COMMIT: Final = "commit-"
_TARGET_STATE: Final = "target-state-"
_RESTART: Final = "restart-connector-"
_TASK_COUNT: Final = "tasks-fencing-"
_SESSION_KEY: Final = "session-key"
_LOGGER: Final = "logger-cluster-"


@dataclass(frozen=True, slots=True)
class ConnectorConfigRecord:
    name: str
    properties: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class TaskConfigRecord:
    task_id: TaskId
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class CommitTasksRecord:
    name: str
    tasks: int


@dataclass(frozen=True, slots=True)
class TargetStateRecord:
    name: str
    state: TargetState | None


@dataclass(frozen=True, slots=True)
class RestartRequest:
    name: str
    only_failed: bool
    include_tasks: bool

    @property
    def impact(self) -> int:
        """Of two requests for a connector the one counts that restarts more."""
        return 2 * self.include_tasks + (not self.only_failed)


@dataclass(frozen=True, slots=True)
class TaskCountRecord:
    name: str
    tasks: int | None


@dataclass(frozen=True, slots=True)
class SessionKey:
    key: bytes
    algorithm: str
    creation_timestamp: int


@dataclass(frozen=True, slots=True)
class LoggerLevelRecord:
    logger: str
    level: str


ConfigRecord = (
    ConnectorConfigRecord
    | TaskConfigRecord
    | CommitTasksRecord
    | TargetStateRecord
    | RestartRequest
    | TaskCountRecord
    | SessionKey
    | LoggerLevelRecord
)


class UnreadableRecordError(ValueError):
    """A record of the topic says nothing that is known here."""


def encode_config_record(record: ConfigRecord) -> KeyValue:
    match record:
        case ConnectorConfigRecord(name, properties):
            return f"{_CONNECTOR}{name}".encode(), _properties(properties)
        case TaskConfigRecord(task_id, properties):
            return f"{_TASK}{task_id}".encode(), _properties(properties)
        case CommitTasksRecord(name, tasks):
            return f"{_COMMIT}{name}".encode(), encode_json({"tasks": tasks})
        case TargetStateRecord(name, state):
            return f"{_TARGET_STATE}{name}".encode(), _target_state(state)
        case RestartRequest(name, only_failed, include_tasks):
            value = {"include-tasks": include_tasks, "only-failed": only_failed}
            return f"{_RESTART}{name}".encode(), encode_json(value)
        case TaskCountRecord(name, count):
            return f"{_TASK_COUNT}{name}".encode(), None if count is None else encode_json({"task-count": count})
        case SessionKey(key, algorithm, timestamp):
            text = base64.b64encode(key).decode()
            session = {"key": text, "algorithm": algorithm, "creation-timestamp": timestamp}
            return _SESSION_KEY.encode(), encode_json(session)
        case LoggerLevelRecord(logger, level):
            return f"{_LOGGER}{logger}".encode(), encode_json({"level": level})


def _properties(properties: Mapping[str, str] | None) -> bytes | None:
    return None if properties is None else encode_json({"properties": dict(properties)})


def _target_state(state: TargetState | None) -> bytes | None:
    if state is None:
        return None
    old = TargetState.PAUSED if state is TargetState.STOPPED else state
    return encode_json({"state": old.value, "state.v2": state.value})


def decode_config_record(key: bytes | None, data: bytes | None) -> ConfigRecord | None:
    """`None` for what Kafka Connect passes over, too; `UnreadableRecordError` for what it complains of."""
    try:
        name = (key or b"").decode()
        value = None if data is None else decode_json(data)
    except ValueError as error:
        raise UnreadableRecordError(f"{key!r}: {error}") from None
    if value is not None and not isinstance(value, dict):
        raise UnreadableRecordError(f"{name}: its value is no object")
    try:
        return _decode(name, value)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableRecordError(f"{name}: {error!r}") from None


def _decode(key: str, value: dict[str, Any] | None) -> ConfigRecord | None:
    if key.startswith(_TARGET_STATE):
        name = key.removeprefix(_TARGET_STATE)
        return TargetStateRecord(name, None if value is None else TargetState(value.get("state.v2") or value["state"]))
    if key.startswith(_CONNECTOR):
        return ConnectorConfigRecord(key.removeprefix(_CONNECTOR), None if value is None else _texts(value))
    if key.startswith(_TASK_COUNT):
        return TaskCountRecord(key.removeprefix(_TASK_COUNT), None if value is None else int(value["task-count"]))
    if value is None:
        return None
    if key.startswith(_TASK):
        connector, _, number = key.removeprefix(_TASK).rpartition("-")
        return TaskConfigRecord(TaskId(connector, int(number)), _texts(value))
    if key.startswith(_COMMIT):
        return CommitTasksRecord(key.removeprefix(_COMMIT), int(value["tasks"]))
    if key.startswith(_RESTART):
        name = key.removeprefix(_RESTART)
        return RestartRequest(name, bool(value.get("only-failed", False)), bool(value.get("include-tasks", False)))
    if key == _SESSION_KEY:
        secret = base64.b64decode(value["key"], validate=True)
        return SessionKey(secret, str(value["algorithm"]), int(value["creation-timestamp"]))
    if key.startswith(_LOGGER):
        return LoggerLevelRecord(key.removeprefix(_LOGGER), str(value["level"]))
    return None


def _texts(value: dict[str, Any]) -> dict[str, str]:
    properties = value["properties"]
    if not isinstance(properties, dict):
        raise ValueError("properties is no object")
    return {name: text for name, text in properties.items() if isinstance(text, str)}
