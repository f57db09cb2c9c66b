"""`io.debezium.connector.postgresql.PostgresConnector`, and its task: one for each connector.

Debezium's configuration, topics and records: docs/guide/change-data-capture.md; what differs stands in docs/gaps.md.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.task import SourceTask
from ottla.connect.connectors.postgres.capture import Capture
from ottla.connect.connectors.postgres.config import CONFIG, PostgresConfig
from ottla.connect.connectors.postgres.position import Position
from ottla.connect.connectors.postgres.session import Session
from ottla.connect.connectors.postgres.slot import check_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.config_def import ConfigDef, ConfigValue
    from ottla.connect.api.record import SourceRecord

_log = logging.getLogger("ottla.connect.cdc.postgres")
SERVER: Final = "server"
"""The only key of a source partition: its value is `topic.prefix`."""


class PostgresConnector(SourceConnector):
    def start(self, props: Mapping[str, str]) -> None:
        PostgresConfig(props)
        self._props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return PostgresConnectorTask

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def config(self) -> ConfigDef:
        return CONFIG

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """Each key, and whether the database can be captured with them."""
        values = CONFIG.validate(props)
        if any(value.error_messages for value in values.values()):
            return list(values.values())
        field = "table.exclude.list"
        try:
            config = PostgresConfig({key: value for key, value in props.items() if value is not None})
            field = "database.hostname"
            session = Session(config)
            try:
                check_server(session, config)
            finally:
                session.close()
        except ConfigError as error:
            named = next((name for name in values if f"configuration {name}:" in str(error)), field)
            values[named].add_error_message(str(error))
        except ConnectError as error:
            values[field].add_error_message(str(error))
        return list(values.values())

    def exactly_once_support(self, _props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or set(partition) != {SERVER}:
                raise ConnectError(f'the partition of a PostgreSQL connector is {{"{SERVER}": "<topic.prefix>"}}')
            if offset is not None:
                Position.of(offset)
        return True


class PostgresConnectorTask(SourceTask):
    _capture: Capture | None = None

    def start(self, props: Mapping[str, str]) -> None:
        config = PostgresConfig(props)
        self._partition = {SERVER: config.prefix}
        offset = self.context.offset_storage_reader.offset(self._partition)
        self._capture = Capture(config, self._partition, offset)
        self._ended = threading.Event()
        interval_s = config.status_interval_ms / 1000
        threading.Thread(target=self._tell_presence, args=(interval_s,), name="status", daemon=True).start()

    def poll(self) -> list[SourceRecord] | None:
        assert self._capture is not None
        return self._capture.poll() or None

    def commit(self) -> None:
        """What is stored, and nothing that is only sent, is what the database may forget."""
        stored = self.context.offset_storage_reader.offset(self._partition)
        if stored is not None and self._capture is not None:
            self._capture.confirm(stored)

    def metrics(self) -> Mapping[str, float]:
        return self._capture.metrics() if self._capture is not None else {}

    def stop(self) -> None:
        if self._capture is not None:
            self._ended.set()
            self._capture.close()

    def _tell_presence(self, interval_s: float) -> None:
        """Also while nobody polls: a server that hears nothing ends the connection."""
        while not self._ended.wait(interval_s):
            assert self._capture is not None
            self._capture.tell_presence()
