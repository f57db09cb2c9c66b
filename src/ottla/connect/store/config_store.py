"""Configurations, written and followed (`ConfigBackingStore`).

With a `TransactionalWriter` (KIP-618) what only the leader writes goes through that, once it has claimed to.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from ottla.connect.store.cluster_config import ClusterConfig
from ottla.connect.store.config_records import (
    CommitTasksRecord,
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
from ottla.connect.store.task_id import TaskId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.store.config_records import ConfigRecord
    from ottla.connect.store.state_log import StateLog
    from ottla.connect.store.status import TargetState
    from ottla.connect.store.transactional_writer import TransactionalWriter

_log = logging.getLogger(__name__)


class ConfigListener(Protocol):
    """Told of every record that came after the start, when `state` has it already."""

    def config_record(self, record: ConfigRecord) -> None: ...


class ConfigStore:
    """`state` is all that is known; the `put_…` return when it has what they wrote. `ConnectError`."""

    def __init__(self, log: StateLog, writer: TransactionalWriter | None = None) -> None:
        self.state = ClusterConfig()
        self.listener: ConfigListener | None = None
        self._log = log
        self._writer = writer
        self._started = False

    @property
    def offset(self) -> int:
        """Of the record that is read next: which configurations are known."""
        return self._log.position

    async def start(self) -> None:
        await self._log.start(self._replay)
        self._started = True

    async def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        await self._log.stop()

    @property
    def must_be_claimed(self) -> bool:
        """Whether a leader has to claim before it writes."""
        return self._writer is not None and not self._writer.has_begun

    async def claim(self) -> None:
        """This worker leads: from now on no other one writes what only a leader may."""
        if self._writer is not None and not self._writer.has_begun:
            await self._writer.begin()

    def relinquish(self) -> None:
        if self._writer is not None:
            self._writer.give_up()

    async def refresh(self) -> None:
        await self._log.read_to_end()

    async def put_connector_config(
        self, name: str, properties: Mapping[str, str], target_state: TargetState | None = None
    ) -> None:
        records: list[ConfigRecord] = [] if target_state is None else [TargetStateRecord(name, target_state)]
        await self._write_as_leader(*records, ConnectorConfigRecord(name, dict(properties)))

    async def remove_connector_config(self, name: str) -> None:
        await self._write_as_leader(ConnectorConfigRecord(name, None), TargetStateRecord(name, None))

    async def put_task_configs(self, name: str, configs: Sequence[Mapping[str, str]]) -> None:
        tasks = [TaskConfigRecord(TaskId(name, number), dict(config)) for number, config in enumerate(configs)]
        if tasks:
            await self._write_as_leader(*tasks)
        await self._write_as_leader(CommitTasksRecord(name, len(tasks)))

    async def put_target_state(self, name: str, state: TargetState) -> None:
        await self._write(TargetStateRecord(name, state))

    async def put_restart_request(self, request: RestartRequest) -> None:
        await self._write_as_leader(request)

    async def put_session_key(self, key: SessionKey) -> None:
        await self._write_as_leader(key)

    async def put_task_count_record(self, name: str, count: int) -> None:
        await self._write_as_leader(TaskCountRecord(name, count))

    async def put_logger_level(self, logger: str, level: str) -> None:
        await self._write(LoggerLevelRecord(logger, level))

    async def _write_as_leader(self, *records: ConfigRecord) -> None:
        """All of them or none, where there are transactions. `PrivilegedWriteError`: claim again first."""
        if self._writer is None:
            await self._write(*records)
            return
        await self._writer.write([encode_config_record(record) for record in records])
        await self._log.read_to_end()

    async def _write(self, *records: ConfigRecord) -> None:
        await self._log.write([encode_config_record(record) for record in records])
        await self._log.read_to_end()

    def _replay(self, key: bytes | None, value: bytes | None) -> None:
        try:
            record = decode_config_record(key, value)
        except UnreadableRecordError as error:
            _log.error("a record of the configurations cannot be read and is passed over: %s", error)
            return
        if record is None:
            return
        self.state.replay(record)
        if self._started and self.listener is not None:
            self.listener.config_record(record)
