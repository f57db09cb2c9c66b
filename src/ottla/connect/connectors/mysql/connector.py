"""`io.debezium.connector.mysql.MySqlConnector`, `io.debezium.connector.mariadb.MariaDbConnector`, and their tasks.

Debezium's configuration, topics and records: docs/guide/change-data-capture.md; what differs stands in docs/gaps.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.task import SourceTask
from ottla.connect.connectors.mysql.capture import Capture
from ottla.connect.connectors.mysql.config import CONFIG, MysqlConfig
from ottla.connect.connectors.mysql.position import BinlogPosition
from ottla.connect.connectors.mysql.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.config_def import ConfigDef, ConfigValue
    from ottla.connect.api.record import SourceRecord

SERVER: Final = "server"


class MySqlConnector(SourceConnector):
    def start(self, props: Mapping[str, str]) -> None:
        MysqlConfig(props)
        self._props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return MySqlConnectorTask

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def config(self) -> ConfigDef:
        return CONFIG

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        """Each key, and whether the server can be captured with them."""
        values = CONFIG.validate(props)
        if any(value.error_messages for value in values.values()):
            return list(values.values())
        field = "table.exclude.list"
        try:
            config = MysqlConfig({key: value for key, value in props.items() if value is not None})
            field = "database.hostname"
            session = Session(config)
            try:
                session.check_server()
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
                raise ConnectError(f'the partition of a connector of binary logs is {{"{SERVER}": "<topic.prefix>"}}')
            if offset is not None:
                BinlogPosition.of(offset)
        return True


class MySqlConnectorTask(SourceTask):
    connector: ClassVar[str] = "mysql"
    _capture: Capture | None = None

    def start(self, props: Mapping[str, str]) -> None:
        config = MysqlConfig(props)
        partition = {SERVER: config.prefix}
        offset = self.context.offset_storage_reader.offset(partition)
        self._capture = Capture(self.connector, config, partition, offset)

    def poll(self) -> list[SourceRecord] | None:
        assert self._capture is not None
        return self._capture.poll() or None

    def metrics(self) -> Mapping[str, float]:
        return self._capture.metrics() if self._capture is not None else {}

    def stop(self) -> None:
        if self._capture is not None:
            self._capture.close()


class MariaDbConnector(MySqlConnector):
    def task_class(self) -> type[SourceTask]:
        return MariaDbConnectorTask


class MariaDbConnectorTask(MySqlConnectorTask):
    connector = "mariadb"
