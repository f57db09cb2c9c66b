"""`io.debezium.connector.postgresql.PostgresConnector`, and its task: one for each connector.

Debezium's configuration, topics and records: docs/guide/change-data-capture.md; what differs stands in docs/gaps.md.
"""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.connector import SERVER, CaptureConnector, CaptureTask
from ottla.connect.connectors.postgres.capture import Capture
from ottla.connect.connectors.postgres.config import CONFIG, PostgresConfig
from ottla.connect.connectors.postgres.position import Position
from ottla.connect.connectors.postgres.session import Session
from ottla.connect.connectors.postgres.slot import check_server

if TYPE_CHECKING:
    from collections.abc import Mapping


class PostgresConnector(CaptureConnector):
    definition = CONFIG

    def settings(self, props: Mapping[str, str]) -> PostgresConfig:
        return PostgresConfig(props)

    def check_server(self, settings: Any) -> None:
        with closing(Session(settings)) as session:
            check_server(session, settings)

    def check_offset(self, offset: Mapping[str, Any]) -> None:
        Position.of(offset)

    def task_class(self) -> type[CaptureTask]:
        return PostgresConnectorTask


class PostgresConnectorTask(CaptureTask):
    _capture: Capture | None = None

    def start(self, props: Mapping[str, str]) -> None:
        config = PostgresConfig(props)
        self._partition = {SERVER: config.prefix}
        offset = self.context.offset_storage_reader.offset(self._partition)
        self._capture = Capture(config, self._partition, offset)
        self._ended = threading.Event()
        interval_s = config.status_interval_ms / 1000
        threading.Thread(target=self._tell_presence, args=(interval_s,), name="status", daemon=True).start()

    def commit(self) -> None:
        """What is stored, and nothing that is only sent, is what the database may forget."""
        stored = self.context.offset_storage_reader.offset(self._partition)
        if stored is not None and self._capture is not None:
            self._capture.confirm(stored)

    def stop(self) -> None:
        if self._capture is not None:
            self._ended.set()
        super().stop()

    def _tell_presence(self, interval_s: float) -> None:
        """Also while nobody polls: a server that hears nothing ends the connection."""
        while not self._ended.wait(interval_s):
            assert self._capture is not None
            self._capture.tell_presence()
