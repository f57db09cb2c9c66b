"""What an incremental snapshot tells of itself, over restarts; and signals as a topic brings them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.connect.test_change_stream import CONFIG, STYLE, TEXT

from ottla.connect.api.errors import ConfigError
from ottla.connect.connectors.cdc import signal as signals
from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot
from ottla.connect.connectors.cdc.incremental_snapshot import Chunk, IncrementalSnapshot
from ottla.connect.connectors.cdc.notification import INCREMENTAL, NotificationChannels, Notifications
from ottla.connect.connectors.cdc.signal_topic import parsed_record
from ottla.connect.connectors.cdc.table import CapturedTable, Column
from ottla.connect.connectors.postgres.config import PostgresConfig

TABLE = CapturedTable(("public", "t"), [Column("id", TEXT, "text", False)], [0], STYLE)
TABLES = ["public.t", "public.u"]


def told(snapshot: IncrementalSnapshot) -> list[tuple[str, dict[str, str]]]:
    return [(each.type, dict(each.data)) for each in snapshot.take_notices()]


def ask(snapshot: IncrementalSnapshot, kind: str, data: str | None = None) -> None:
    snapshot.obey(signals.parse_signal("ask", kind, data), lambda: TABLES)


def test_a_snapshot_of_two_tables() -> None:
    snapshot = IncrementalSnapshot()
    ask(snapshot, "execute-snapshot", '{"data-collections": ["public.*"]}')
    assert told(snapshot) == [("STARTED", {"data_collections": "public.t,public.u"})]
    ask(snapshot, "pause-snapshot")
    ask(snapshot, "resume-snapshot")
    assert [kind for kind, _ in told(snapshot)] == ["PAUSED", "RESUMED"]
    snapshot.maximum_key = ("2",)
    snapshot.expect("w", Chunk(TABLE, [[b"1"]], ("1",), False))
    snapshot.opened("w")
    snapshot.closed("w")
    snapshot = IncrementalSnapshot(snapshot.stored())  # a restart; what was not told is not told any more
    snapshot.expect("x", Chunk(TABLE, [[b"2"]], ("2",), True))
    snapshot.opened("x")
    snapshot.closed("x")
    progress, done = snapshot.take_notices()
    assert (progress.id, progress.type, progress.data["last_processed_key"]) == ("ask", "IN_PROGRESS", "2")
    assert progress.data["maximum_key"] == "2"
    assert done.type == "TABLE_SCAN_COMPLETED"
    assert done.data == {
        "data_collections": "public.t,public.u",
        "scanned_collection": "public.t",
        "total_rows_scanned": "2",
        "status": "SUCCEEDED",
    }
    snapshot.leave_out("it has no key")
    assert [(kind, data.get("status")) for kind, data in told(snapshot)] == [
        ("TABLE_SCAN_COMPLETED", "SKIPPED"),
        ("COMPLETED", None),
    ]


def test_one_that_is_stopped() -> None:
    snapshot = IncrementalSnapshot()
    ask(snapshot, "stop-snapshot")
    assert told(snapshot) == []
    ask(snapshot, "execute-snapshot", '{"data-collections": ["public.*"]}')
    ask(snapshot, "stop-snapshot", '{"data-collections": ["public.t"]}')
    assert told(snapshot)[1:] == [("ABORTED", {"data_collections": "public.t"})]
    assert snapshot.current is not None
    assert snapshot.current.table == "public.u"


def test_one_for_which_the_stream_waits() -> None:
    snapshot = IncrementalSnapshot()
    conditions = '"additional-conditions": [{"data-collection": "public.t", "filter": "SELECT * FROM t WHERE a"}]'
    ask(snapshot, "execute-snapshot", '{"data-collections": ["public.*"], "type": "BLOCKING", ' + conditions + "}")
    assert snapshot.stored() is None
    wanted = snapshot.take_blocking()
    assert wanted == [("public.t", "SELECT * FROM t WHERE a"), ("public.u", "")]
    assert snapshot.take_blocking() == []
    assert told(snapshot) == []
    blocking = BlockingSnapshot(wanted, {"a": 1})
    assert blocking.rows_of("public.t", "t") == "(SELECT * FROM t WHERE a) AS ottla_rows"
    assert blocking.rows_of("public.u", "u") == "u"
    with pytest.raises(signals.SignalError, match="neither incremental nor blocking"):
        ask(snapshot, "execute-snapshot", '{"data-collections": ["t"], "type": "sideways"}')


def test_a_notification_is_a_record_where_there_is_a_topic() -> None:
    snapshot = IncrementalSnapshot()
    ask(snapshot, "execute-snapshot", '{"data-collections": ["public.t"]}')
    notices = snapshot.take_notices()
    silent = Notifications({}, "shop", NotificationChannels(True, None))
    assert silent.records(INCREMENTAL, notices, {}) == []
    (record,) = Notifications({}, "shop", NotificationChannels(False, "notices")).records(
        INCREMENTAL, notices, {"a": 1}
    )
    value: Any = record.value
    value.validate()
    assert (record.topic, record.source_offset, value["id"]) == ("notices", {"a": 1}, "ask")
    assert value["additional_data"] == {"data_collections": "public.t", "connector_name": "shop"}


def test_signals_of_a_topic() -> None:
    text = b'{"id": "ask", "type": "execute-snapshot", "data": {"data-collections": ["public.t"]}}'
    assert parsed_record(text) == signals.ExecuteSnapshot(("public.t",), (), "ask")
    assert parsed_record(b'{"type": "pause-snapshot"}') == signals.PauseSnapshot()
    for wrong, said in ((None, "no JSON"), (b"[]", "with a type"), (b'{"type": "dance"}', "nobody knows")):
        with pytest.raises(signals.SignalError, match=said):
            parsed_record(wrong)


def test_what_channels_need() -> None:
    props = {"topic.prefix": "shop", "database.hostname": "localhost", "database.user": "me", "database.dbname": "db"}
    kafka = props | {"signal.enabled.channels": "source,kafka"}
    with pytest.raises(ConfigError, match=r"signal.kafka.bootstrap.servers.*is needed"):
        PostgresConfig(kafka)
    config = PostgresConfig(
        kafka | {"signal.kafka.bootstrap.servers": "a:1", "signal.consumer.security.protocol": "SSL"}
    )
    assert config.signal_topic is not None
    assert config.signal_topic.topic == "shop-signal"
    assert config.signal_topic.consumer["security.protocol"] == "SSL"
    assert config.signal_topic.consumer["group.id"] == "kafka-signal"
    assert CONFIG.signal_topic is None
    for wrong in ({"signal.enabled.channels": "jmx"}, {"notification.enabled.channels": "sink"}):
        with pytest.raises(ConfigError):
            PostgresConfig(props | wrong)
