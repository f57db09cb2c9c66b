"""`io.debezium.connector.mysql.MySqlConnector`, `io.debezium.connector.mariadb.MariaDbConnector`, and their tasks.

Debezium's configuration, topics and records: docs/guide/change-data-capture.md; what differs stands in docs/gaps.md.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from ottla.connect.connectors.cdc.connector import SERVER, CaptureConnector, CaptureTask
from ottla.connect.connectors.mysql.capture import Capture
from ottla.connect.connectors.mysql.config import CONFIG, MysqlConfig
from ottla.connect.connectors.mysql.position import BinlogPosition
from ottla.connect.connectors.mysql.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping


class MySqlConnector(CaptureConnector):
    definition = CONFIG

    def settings(self, props: Mapping[str, str]) -> MysqlConfig:
        return MysqlConfig(props)

    def check_server(self, settings: Any) -> None:
        with closing(Session(settings)) as session:
            session.check_server()

    def check_offset(self, offset: Mapping[str, Any]) -> None:
        BinlogPosition.of(offset)

    def task_class(self) -> type[CaptureTask]:
        return MySqlConnectorTask


class MySqlConnectorTask(CaptureTask):
    connector: ClassVar[str] = "mysql"

    def start(self, props: Mapping[str, str]) -> None:
        config = MysqlConfig(props)
        partition = {SERVER: config.prefix}
        offset = self.context.offset_storage_reader.offset(partition)
        self._capture = Capture(self.connector, config, partition, offset)


class MariaDbConnector(MySqlConnector):
    def task_class(self) -> type[CaptureTask]:
        return MariaDbConnectorTask


class MariaDbConnectorTask(MySqlConnectorTask):
    connector = "mariadb"
