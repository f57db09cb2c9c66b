"""Metrics for an OpenTelemetry collector: held against OpenTelemetry's own protocol, and sent to something like one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.peers.certificates import Authority

from ottla.runtime.http_server import HttpServer, listen
from ottla.runtime.metrics.metric import Reading, Source, Summary, counter, gauge, summary
from ottla.runtime.metrics.otlp import otlp_metrics
from ottla.runtime.metrics.otlp_exporter import OtlpExporter, OtlpSettings
from ottla.runtime.metrics.reading_codec import decode_readings, encode_readings
from ottla.runtime.tls_files import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

SENT = counter("sent_total", "What was sent.", "topic")
SIZE = gauge("size", "How much there is.")
TIME = summary("time_ms", "How long it took.", "api")
READINGS: list[Reading] = [
    (SENT, ("a",), 3),
    (SENT, ("",), 2**40),
    (SIZE, (), 1.5),
    (TIME, ("Fetch",), Summary(2, 5.0, (("0.5", 2.0), ("0.99", float("nan"))))),
]


def test_the_protocol_reads_what_is_written() -> None:
    told = otlp_metrics(READINGS, {"service.name": "ottla"}, "0.1.0", 5, 7)
    request = json_format.ParseDict(json.loads(json.dumps(told)), ExportMetricsServiceRequest())
    (resource,) = request.resource_metrics
    assert [(each.key, each.value.string_value) for each in resource.resource.attributes] == [("service.name", "ottla")]
    sent, size, time_ms = resource.scope_metrics[0].metrics
    assert (sent.name, sent.description) == ("sent_total", "What was sent.")
    assert (sent.sum.is_monotonic, sent.sum.aggregation_temporality) == (True, 2)
    first, second = sent.sum.data_points
    assert (first.as_int, first.start_time_unix_nano, first.time_unix_nano) == (3, 5, 7)
    assert [(each.key, each.value.string_value) for each in first.attributes] == [("topic", "a")]
    assert (second.as_int, len(second.attributes)) == (2**40, 0)
    assert size.gauge.data_points[0].as_double == 1.5
    (point,) = time_ms.summary.data_points
    assert (point.count, point.sum, point.quantile_values[0].value) == (2, 5.0, 2.0)
    assert point.quantile_values[1].value != point.quantile_values[1].value


def test_readings_travel_between_processes() -> None:
    travelled = decode_readings(json.loads(json.dumps(encode_readings(READINGS[:3]))))
    assert travelled == READINGS[:3]
    ((metric, labels, value),) = decode_readings(json.loads(json.dumps(encode_readings(READINGS[3:]))))
    assert (metric, labels, isinstance(value, Summary)) == (TIME, ("Fetch",), True)


@dataclass
class Watched:
    sources: list[Source]
    refresh: Callable[[], Awaitable[None]] | None = None


@dataclass
class Collector:
    """Takes `POST /v1/metrics`, with the status that it is told to answer."""

    status: int = 200
    taken: list[ExportMetricsServiceRequest] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert (scope["method"], scope["path"]) == ("POST", "/v1/metrics")
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        if self.status == 200:
            self.taken.append(json_format.Parse(body, ExportMetricsServiceRequest()))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def test_a_collector_is_told_again_and_again_and_may_be_away(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector()
    bound = listen("127.0.0.1", 0)
    server = HttpServer(collector, bound)
    await server.start()
    variables = {
        "OTEL_SERVICE_NAME": "orders",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=a%20b,k=v",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret",
        "OTEL_METRIC_EXPORT_INTERVAL": "20",
    }
    settings = OtlpSettings.of(f"http://127.0.0.1:{bound.getsockname()[1]}", variables, "7")
    assert settings.resource["deployment.environment"] == "a b"
    exporter = OtlpExporter(settings, Watched([lambda: READINGS]))
    exporter.start()
    while len(collector.taken) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert collector.headers["x-key"] == "secret"
    attributes = {
        each.key: each.value.string_value for each in collector.taken[0].resource_metrics[0].resource.attributes
    }
    assert (attributes["service.name"], attributes["service.instance.id"], attributes["k"]) == ("orders", "7", "v")
    collector.status = 503
    while exporter.failures < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    collector.status = 200
    while exporter.failures:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert [record.message.partition(" http")[0] for record in caplog.records] == ["the collector at"] * 2
    count = len(collector.taken)
    await exporter.stop()
    assert len(collector.taken) > count  # a last time
    await server.stop()


async def test_a_collector_is_told_by_tls_and_shown_a_certificate(tmp_path: Path) -> None:
    authority, collector = Authority(), Collector()
    ca, server_file, own = tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "own.pem"
    ca.write_text(authority.pem)
    server_file.write_text("".join(authority.issue("server")))
    own.write_text("".join(authority.issue("node")))
    bound = listen("127.0.0.1", 0)
    server = HttpServer(collector, bound, TlsFiles(server_file, ca=ca, client_auth="required").server())
    await server.start()
    endpoint = f"https://127.0.0.1:{bound.getsockname()[1]}"
    trusting = {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(ca)}
    showing = trusting | {"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE": str(own)}
    for variables, told in (({}, 0), (trusting, 0), (showing, 1)):
        exporter = OtlpExporter(OtlpSettings.of(endpoint, variables, "7"), Watched([lambda: READINGS]))
        await exporter.tell()
        assert len(collector.taken) == told
        assert exporter.failures == 1 - told
        await exporter.stop()
    await server.stop()
    with pytest.raises(ValueError, match=r"none\.pem"):
        OtlpSettings.of(endpoint, {"OTEL_EXPORTER_OTLP_CERTIFICATE": "none.pem"}, "7")


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:4318", "ftp://x:1", "http://"])
def test_a_wrong_endpoint_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        OtlpSettings.of(endpoint, {}, "1")
