"""What somebody tells a running connector (`signal_topic.py`), and what it tells of snapshots (`notification.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.notification import INCREMENTAL, INITIAL, NOTICES_MAX, Notice, Notifications
from ottla.connect.connectors.cdc.signal_topic import SignalTopic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.config import CdcConfig
    from ottla.connect.connectors.cdc.heartbeat import Heartbeats
    from ottla.connect.connectors.cdc.incremental_snapshot import IncrementalSnapshot


class Control:
    """From the thread of the task."""

    def __init__(
        self, config: CdcConfig, partition: Mapping[str, Any], snapshot: IncrementalSnapshot, heartbeats: Heartbeats
    ) -> None:
        self._config = config
        self._snapshot = snapshot
        self._heartbeats = heartbeats
        self._notifications = Notifications(partition, config.prefix, config.notification_channels)
        self._notices: list[Notice] = []
        self._topic: SignalTopic | None = None

    def tell(self, notice: Notice) -> None:
        """Of the first snapshot; goes out with the next records."""
        if len(self._notices) < NOTICES_MAX:
            self._notices.append(notice)

    def told(self, offset: Mapping[str, Any]) -> list[SourceRecord]:
        """All that there is to tell; `offset` is how far the source is."""
        notices, self._notices = self._notices, []
        records = self._notifications.records(INITIAL, notices, offset)
        return records + self._notifications.records(INCREMENTAL, self._snapshot.take_notices(), offset)

    def attend(
        self, offset: Callable[[], Mapping[str, Any]], tables: Callable[[], Sequence[str]]
    ) -> list[SourceRecord]:
        """Between two transactions: obey what has come by the topic of signals. Raises `ConnectError`."""
        records = []
        if self._signals_change(tables) and self._heartbeats.enabled:
            records.append(self._heartbeats.record(offset()))  # what was asked for survives a restart from now on
        return records + self.told(offset())

    def _signals_change(self, tables: Callable[[], Sequence[str]]) -> bool:
        config = self._config
        if config.signal_topic is None:
            return False
        if self._topic is None:
            marks_chunks = config.read_only or config.signal_table is not None
            self._topic = SignalTopic(config.signal_topic, has_table=marks_chunks)
        return self._topic.obey(self._snapshot, tables)

    def close(self) -> None:
        if self._topic is not None:
            self._topic.close()
            self._topic = None
