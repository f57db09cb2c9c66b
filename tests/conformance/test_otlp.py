"""A node that tells an OpenTelemetry collector how it does, without a listener for scrapes."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_collector_hears_of_a_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[ExportMetricsServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(json_format.Parse(body, ExportMetricsServiceRequest()))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        settings = {"ottla.otlp.endpoint": f"http://127.0.0.1:{collector.server_address[1]}"}
        with OttlaNode(tmp_path, settings) as node:
            wait_for(lambda: len(taken) > 1, "the collector to hear of it twice")
            assert "metrics are on" not in node.output
            assert node.stop() == 0
            assert node.errors == []
        collector.shutdown()
    (resource,) = taken[-1].resource_metrics
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.instance.id"] == "1"
    metrics = {each.name: each for each in resource.scope_metrics[0].metrics}
    assert metrics["kafka_server_kafkaserver_brokerstate"].gauge.data_points[0].as_int == 3
    assert metrics["process_cpu_seconds_total"].sum.is_monotonic
