"""What an application tells Prometheus: Kafka Streams' metrics as the JMX exporter names them, and whether it runs."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.peers.certificates import Authority

from ottla.runtime.metrics.exposition import expose_now
from ottla.runtime.tls_files import TlsFiles
from ottla.streams import (
    Consumed,
    Grouped,
    Materialized,
    MetricsListener,
    Serdes,
    Stores,
    StreamsBuilder,
    StreamsError,
    TopologyTestDriver,
)
from ottla.streams.application.instance_state import State
from ottla.streams.application.metrics_listener import read_metrics
from ottla.streams.metrics.registry import Metric, MetricName

if TYPE_CHECKING:
    from pathlib import Path

TEXT = Serdes.str()


class App:
    """As much of `KafkaStreams` as is asked."""

    def __init__(self, metrics: dict[MetricName, Metric]) -> None:
        self.state = State.REBALANCING
        self.failure: BaseException | None = None
        self._metrics = metrics

    def metrics(self) -> dict[MetricName, Metric]:
        return self._metrics


def driver() -> TopologyTestDriver:
    builder = StreamsBuilder()
    grouped = builder.stream("in", Consumed(TEXT, TEXT)).group_by_key(Grouped(TEXT, TEXT))
    grouped.count(materialized=Materialized.as_("on-disk"))
    grouped.count(materialized=Materialized.as_(Stores.in_memory_key_value_store("in-memory")))
    config = {"application.id": "app", "metrics.recording.level": "DEBUG"}
    return TopologyTestDriver(builder.build(), config)


def broken() -> Any:
    raise RuntimeError("the store is closed")


def test_names_and_labels() -> None:
    with driver() as running:
        topic = running.create_input_topic("in", TEXT.serializer, TEXT.serializer)
        for word in ("a", "b", "a"):
            topic.pipe_input(word, "x", 1_000)
        metrics: Any = dict(running.metrics())
        closing = MetricName("gone", "stream-task-metrics", ())
        metrics[closing] = Metric(closing, broken)
        named = MetricName("state", "stream-metrics", (("client-id", "one"),))
        metrics[named] = Metric(named, lambda: "RUNNING")
        text = expose_now(read_metrics(metrics)).decode()
    lines = text.splitlines()
    assert 'kafka_streams_stream_metrics{client_id="one",state="RUNNING"} 1' in lines
    (put,) = [
        line
        for line in lines
        if line.startswith("kafka_streams_stream_state_metrics_put_rate{") and 'rocksdb_state_id="on-disk"' in line
    ]
    assert 'task_id="0_0"' in put
    assert "in_memory_state_id" not in put
    consumed = [line for line in lines if line.startswith("kafka_streams_stream_topic_metrics_records_consumed_total{")]
    assert [line.rpartition(" ")[2] for line in consumed] == ["3"]
    types = [line for line in lines if line.startswith("# TYPE ")]
    assert len(types) == len(set(types))
    assert not any("gone" in line for line in lines)


def test_it_listens() -> None:
    app: Any = App({})
    with MetricsListener(app, port=0) as listener:
        where = urlsplit(listener.url)

        def get(path: str) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
            connection.request("GET", path)
            response = connection.getresponse()
            try:
                return response.status, response.read()
            finally:
                connection.close()

        status, body = get("/metrics")
        assert status == 200
        assert b"process_cpu_seconds_total" in body
        assert get("/readyz")[0] == 503
        assert get("/healthz")[0] == 200
        app.state = State.RUNNING
        assert get("/readyz")[0] == 200
        app.state, app.failure = State.ERROR, StreamsError("all threads have failed")
        status, body = get("/healthz")
        assert status == 503
        assert json.loads(body)["checks"]["state"] == {"ok": False, "detail": "all threads have failed"}
    with pytest.raises(ConnectionRefusedError):
        get("/metrics")


def test_it_listens_by_tls(tmp_path: Path) -> None:
    authority = Authority()
    store, ca = tmp_path / "server.pem", tmp_path / "ca.pem"
    store.write_text("".join(authority.issue("app")))
    ca.write_text(authority.pem)
    app: Any = App({})
    with MetricsListener(app, port=0, tls=TlsFiles(store)) as listener:
        assert listener.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(ca))
        with urllib.request.urlopen(listener.url, timeout=10, context=trust) as answer:
            assert b"process_cpu_seconds_total" in answer.read()
    with pytest.raises(ValueError, match=r"none\.pem"):
        MetricsListener(app, port=0, tls=TlsFiles(tmp_path / "none.pem"))


def test_an_address_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        app: Any = App({})
        with pytest.raises(StreamsError, match=r"cannot listen on 127\.0\.0\.1"):
            MetricsListener(app, port=taken.getsockname()[1]).start()
