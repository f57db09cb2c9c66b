"""One trace through everything: a producer, Connect, Streams, a registry; and what a node tells of its requests."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka import Consumer, Producer
from tests.peers.connect import OttlaConnect
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for
from tests.peers.registry import RegistryProcess
from tests.peers.trace_collector import TraceCollector
from tests.streams.instance import Instance

from ottla.runtime.tracing.wish import EXPORTER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.trace_collector import Told

SERVER, PRODUCER, CONSUMER = 2, 4, 5
APPLICATION: Final = """
from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.produced import Produced
from ottla.streams.dsl.streams_builder import StreamsBuilder
from ottla.streams.serdes.serdes import Serdes

text = Serdes.str()
topology = StreamsBuilder()
lines = topology.stream("lines", Consumed.with_(text, text))
lines.map_values(str.upper).to("loud", Produced.with_(text, text))
"""
CONVERTERS: Final = {
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[TraceCollector]:
    """All processes are told of it by OpenTelemetry's own variables."""
    with TraceCollector() as collector, pytest.MonkeyPatch.context() as environment:
        environment.setenv(EXPORTER, "otlp")
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield collector


@pytest.fixture(scope="module")
def node(collector: TraceCollector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaNode]:
    with OttlaNode(tmp_path_factory.mktemp("traced-node")) as node:
        yield node


def test_a_line_is_followed_from_file_to_file(node: OttlaNode, collector: TraceCollector, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    lines, loud = tmp_path / "lines.txt", tmp_path / "loud.txt"
    lines.write_text("one\n")
    streams = Instance(tmp_path, node.address, {"application.id": "shout"}, application="app:topology")
    with OttlaConnect(tmp_path / "connect", node.address, CONVERTERS) as connect:
        source = {"connector.class": "FileStreamSource", "file": str(lines), "topic": "lines"}
        assert connect.ask("POST", "/connectors", {"name": "read", "config": source}).status == 201
        wait_for(lambda: collector.named("send read"), "the source's span")
        with streams:
            sink = {"connector.class": "FileStreamSink", "file": str(loud), "topics": "loud"}
            assert connect.ask("POST", "/connectors", {"name": "write", "config": sink}).status == 201
            wait_for(lambda: loud.exists() and loud.read_text() == "ONE\n", "the line")
            (put,) = wait_for(lambda: collector.named("put write"), "the sink's span")
    (sent,) = collector.named("send read")
    (processed,) = collector.named("process lines")
    assert len({sent.trace, processed.trace, put.trace}) == 1
    assert (sent.parent, processed.parent, put.parent) == ("", sent.id, processed.id)
    assert (sent.service, processed.service, put.service) == ("ottla-connect", "shout", "ottla-connect")
    assert (sent.kind, processed.kind, put.kind) == (PRODUCER, CONSUMER, CONSUMER)
    assert sent.attributes["messaging.destination.name"] == "lines"
    assert put.attributes["messaging.batch.message_count"] == 1
    assert put.attributes["messaging.consumer.group.name"] == "connect-write"
    assert processed.attributes["messaging.kafka.offset"] == 0
    asked = collector.named("POST /connectors")
    assert [each.attributes["http.response.status_code"] for each in asked] == [201, 201]


def test_a_trace_of_a_client_goes_through_a_topology(
    node: OttlaNode, collector: TraceCollector, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    producer = Producer({"bootstrap.servers": node.address})
    for flags, name in (("01", "followed"), ("00", "ignored")):
        producer.produce("lines", name.encode(), headers=[("traceparent", f"00-{trace}-{span}-{flags}".encode())])
    assert producer.flush(10) == 0
    settings = {"application.id": "followed", "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": node.address, "group.id": "reads", "auto.offset.reset": "earliest"})
    consumer.subscribe(["loud"])
    found: dict[bytes | str | None, dict[str, object]] = {}
    with Instance(tmp_path, node.address, settings, application="app:topology"):
        while not {b"FOLLOWED", b"IGNORED"} <= found.keys():
            message = consumer.poll(30)
            assert message is not None
            assert message.error() is None
            found[message.value()] = dict(message.headers() or ())
        spans = wait_for(
            lambda: [each for each in collector.named("process lines") if each.trace == trace], "the record's span"
        )
    consumer.close()
    (only,) = spans
    assert only.parent == span
    assert found[b"FOLLOWED"]["traceparent"] == f"00-{trace}-{only.id}-01".encode()
    assert found[b"IGNORED"]["traceparent"] == f"00-{trace}-{span}-00".encode()


def test_a_node_tells_of_requests(node: OttlaNode, collector: TraceCollector) -> None:
    producer = Producer({"bootstrap.servers": node.address, "client.id": "shop"})
    producer.list_topics("no/topic", timeout=10)

    def asked() -> list[Told]:
        named = collector.named("Metadata")
        return [each for each in named if each.attributes.get("messaging.client.id") == "shop"]

    def refused() -> list[Told]:
        return [each for each in asked() if each.attributes["kafka.error_code"]]

    refusal = wait_for(refused, "the span of a refusal")[0]
    assert (refusal.attributes["error.type"], refusal.is_error) == ("INVALID_TOPIC_EXCEPTION", True)
    span = asked()[0]
    assert (span.service, span.kind, span.parent) == ("ottla", SERVER, "")
    assert span.attributes["kafka.api.name"] == "Metadata"
    assert span.attributes["kafka.api.version"] > 0
    assert span.attributes["kafka.listener"] == "PLAINTEXT"
    times = ("kafka.request.local_time_ms", "kafka.request.remote_time_ms", "kafka.response.send_time_ms")
    assert sum(span.attributes[each] for each in times) == pytest.approx((span.end_ns - span.start_ns) / 1e6, rel=0.01)
    producer.produce("waited-for", b"1")
    assert producer.flush(10) == 0
    settings = {"bootstrap.servers": node.address, "group.id": "waits", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe(["waited-for"])
    while consumer.poll(30) is None:
        pass
    consumer.poll(0.7)  # a fetch that waits for more, for half a second
    consumer.close()
    fetches = wait_for(lambda: collector.named("FetchConsumer"), "fetches, which wait")
    assert max(each.attributes["kafka.request.remote_time_ms"] for each in fetches) > 100


def test_a_registry_goes_on_with_the_trace_of_who_asks_and_its_leader_with_its(
    node: OttlaNode, collector: TraceCollector, tmp_path: Path
) -> None:
    trace = secrets.token_hex(16)
    with (
        RegistryProcess(tmp_path / "leader", node.address) as leader,
        RegistryProcess(tmp_path / "follower", node.address, "--follow") as follower,
    ):
        headers = {"traceparent": f"00-{trace}-{'a' * 16}-01", "Content-Type": "application/json"}
        body = json.dumps({"schema": '"string"'}).encode()
        request = urllib.request.Request(f"{follower.url}/subjects/a/versions?x=secret", body, headers, method="POST")
        urllib.request.urlopen(request, timeout=30).close()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{leader.url}/subjects/nobody/versions", timeout=30)
        name = "POST /subjects/{subject}/versions"
        both = wait_for(lambda: two if len(two := collector.named(name)) == 2 else None, "both spans")
        lost = wait_for(lambda: collector.named("GET /subjects/{subject}/versions"), "the span of a refusal")
    first = next(each for each in both if each.parent == "a" * 16)
    (second,) = (each for each in both if each is not first)
    assert (first.trace, second.trace, second.parent) == (trace, trace, first.id)
    assert {first.attributes["server.port"], second.attributes["server.port"]} == {
        int(each.address.rpartition(":")[2]) for each in (leader, follower)
    }
    assert not any("secret" in str(value) for each in both for value in each.attributes.values())
    assert lost[0].attributes["http.response.status_code"] == 404
    assert not lost[0].is_error


def test_a_node_without_a_collector_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EXPORTER, raising=False)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with TraceCollector() as away, OttlaNode(tmp_path, {"ottla.traces.endpoint": away.url}) as node:
        away.is_away = True
        producer = Producer({"bootstrap.servers": node.address})
        producer.list_topics(timeout=10)
        wait_for(lambda: "does not take traces" in node.output, "the warning")
        away.is_away = False
        producer.list_topics(timeout=10)
        wait_for(lambda: away.spans, "spans")
        wait_for(lambda: "takes traces again" in node.output, "the end of the warning")
        assert node.output.count("does not take traces") == 1
        assert node.stop() == 0
        assert node.errors == []
