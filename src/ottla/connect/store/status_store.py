"""Statuses, written and followed, in Kafka Connect's record formats (`KafkaStatusBackingStore`).

status-connector-NAME           {"state":…,"trace":…,"worker_id":…,"generation":…,"version":…}
status-task-NAME-N              the same; null: it is gone
status-topic-TOPIC:connector-NAME   {"topic":{"name":…,"connector":…,"task":…,"discoverTimestamp":…}}
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.store.json_text import decode_json, encode_json
from ottla.connect.store.state_log import MemoryLog
from ottla.connect.store.status import State, Status, TopicStatus
from ottla.connect.store.task_id import TaskId
from ottla.runtime.cancellation import raise_if_cancelled

if TYPE_CHECKING:
    from ottla.connect.store.state_log import KeyValue, StateLog

_log = logging.getLogger(__name__)

_CONNECTOR: Final = "status-connector-"
_TASK: Final = "status-task-"
_TOPIC: Final = "status-topic-"
_OF_CONNECTOR: Final = ":connector-"
UNWRITTEN_MAX: Final = 10_000
"""Statuses that wait to be written; more are dropped with an error, the newest first."""
RETRY_S: Final = 1.0


class StatusStore:
    """Reads see what was replayed. What is put is written in the background, in order: a broker that is away must not
    hold up what the status is about."""

    def __init__(self, log: StateLog) -> None:
        self._log = log
        self._connectors: dict[str, Status] = {}
        self._tasks: dict[TaskId, Status] = {}
        self._topics: dict[str, dict[str, TopicStatus]] = {}
        self._unwritten: asyncio.Queue[KeyValue] = asyncio.Queue(UNWRITTEN_MAX)
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._log.start(self._replay)
        self._writer = asyncio.get_running_loop().create_task(self._write_forever())

    async def stop(self) -> None:
        """What waits is written first."""
        if self._writer is not None:
            try:
                await asyncio.wait_for(self.written(), RETRY_S * 5)
            except TimeoutError:
                _log.error("%d statuses could not be written before the end", self._unwritten.qsize())
            self._writer.cancel()
        await self._log.stop()

    async def written(self) -> None:
        """Returns when all that was put is stored and replayed."""
        await self._unwritten.join()
        await self._log.read_to_end()

    def connector(self, name: str) -> Status | None:
        return self._connectors.get(name)

    def task(self, task_id: TaskId) -> Status | None:
        return self._tasks.get(task_id)

    def connectors(self) -> list[str]:
        return list(self._connectors)

    def task_ids(self) -> list[TaskId]:
        return list(self._tasks)

    def tasks(self, connector: str) -> dict[TaskId, Status]:
        """In the order of their numbers."""
        return {task_id: status for task_id, status in sorted(self._tasks.items()) if task_id.connector == connector}

    def topics(self, connector: str) -> list[TopicStatus]:
        return list(self._topics.get(connector, {}).values())

    def put_connector(self, name: str, status: Status) -> None:
        self._put(f"{_CONNECTOR}{name}", _encode(status))

    def put_task(self, task_id: TaskId, status: Status) -> None:
        self._put(f"{_TASK}{task_id}", _encode(status))

    def put_connector_safely(self, name: str, status: Status) -> None:
        """Unless another worker of a later generation has said something meanwhile."""
        if _may_replace(self._connectors.get(name), status):
            self.put_connector(name, status)

    def put_task_safely(self, task_id: TaskId, status: Status) -> None:
        if _may_replace(self._tasks.get(task_id), status):
            self.put_task(task_id, status)

    def put_topic(self, status: TopicStatus) -> None:
        value = {
            "name": status.topic,
            "connector": status.connector,
            "task": status.task,
            "discoverTimestamp": status.discover_timestamp,
        }
        self._put(f"{_TOPIC}{status.topic}{_OF_CONNECTOR}{status.connector}", encode_json({"topic": value}))

    def delete_topic(self, connector: str, topic: str) -> None:
        self._put(f"{_TOPIC}{topic}{_OF_CONNECTOR}{connector}", None)

    def _put(self, key: str, value: bytes | None) -> None:
        if isinstance(self._log, MemoryLog):  # there is nothing to wait for
            self._log.write_now(key.encode(), value)
            return
        try:
            self._unwritten.put_nowait((key.encode(), value))
        except asyncio.QueueFull:
            _log.error("%d statuses wait to be written already; %s is dropped", UNWRITTEN_MAX, key)

    async def _write_forever(self) -> None:
        while True:
            records = [await self._unwritten.get()]
            while not self._unwritten.empty():
                records.append(self._unwritten.get_nowait())
            while True:
                try:
                    await self._log.write(records)
                    break
                except ConnectError as error:
                    raise_if_cancelled()
                    _log.error("statuses cannot be written, they are tried again: %s", error)
                    await asyncio.sleep(RETRY_S)
            for _ in records:
                self._unwritten.task_done()

    def _replay(self, key: bytes | None, value: bytes | None) -> None:
        try:
            self._replay_record((key or b"").decode(), None if value is None else decode_json(value))
        except (ValueError, KeyError, TypeError) as error:
            _log.error("a status cannot be read and is passed over: %r: %r", key, error)

    def _replay_record(self, key: str, value: Any) -> None:
        if key.startswith(_CONNECTOR):
            name = key.removeprefix(_CONNECTOR)
            if value is None or (status := _decode(value)).state is State.DESTROYED:
                self._connectors.pop(name, None)
            else:
                self._connectors[name] = status
        elif key.startswith(_TASK):
            connector, _, number = key.removeprefix(_TASK).rpartition("-")
            task_id = TaskId(connector, int(number))
            if value is None or (status := _decode(value)).state is State.DESTROYED:
                self._tasks.pop(task_id, None)
            else:
                self._tasks[task_id] = status
        elif key.startswith(_TOPIC):
            topic, _, connector = key.removeprefix(_TOPIC).partition(_OF_CONNECTOR)
            if value is None:
                self._topics.get(connector, {}).pop(topic, None)
            else:
                found = value["topic"]
                timestamp = int(found["discoverTimestamp"])
                status_of = TopicStatus(str(found["name"]), str(found["connector"]), int(found["task"]), timestamp)
                self._topics.setdefault(connector, {})[topic] = status_of


def _may_replace(current: Status | None, status: Status) -> bool:
    return current is None or current.worker_id == status.worker_id or current.generation <= status.generation


def _encode(status: Status) -> bytes | None:
    """A tombstone for what is destroyed, as Kafka Connect writes it."""
    if status.state is State.DESTROYED:
        return None
    return encode_json({
        "state": status.state.value,
        "trace": status.trace,
        "worker_id": status.worker_id,
        "generation": status.generation,
        "version": status.version,
    })  # fmt: skip


def _decode(value: dict[str, Any]) -> Status:
    trace, version = value.get("trace"), value.get("version")
    return Status(State(value["state"]), str(value["worker_id"]), int(value["generation"]), trace, version)
