"""The same configuration on Kafka Connect's worker and on ours: the same topics and files, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from tests.connect.records import Raw, records_of
from tests.peers.connect import ConnectProcess, KafkaConnect, OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.timeout(290), pytest.mark.java, pytest.mark.long]

CONTENT: Final = (
    b'one\r\n\r\n17\n{"a": 1, "b": [true, null, 1.50]}\n\ttwo \xe2\x82\xac \xf0\x9f\x98\x80\r"quoted" \\ /\n\x01\x7f\n'
    + b"long " * 4000
    + b"\n"
    + b"".join(b"line %d\n" % number for number in range(1500))
    + b"without an end"
)
WHOLE: Final = CONTENT[: CONTENT.rindex(b"\n") + 1]
LINES: Final = len(WHOLE.splitlines())
_T: Final = "org.apache.kafka.connect.transforms."
SOURCES: Final[dict[str, dict[str, str]]] = {
    "plain": {},
    "string": {"value.converter": "org.apache.kafka.connect.storage.StringConverter"},
    "schemaless": {
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    },
    "chain": {
        "transforms": "hoist,insert,mask,key,extract,header",
        "transforms.hoist.type": f"{_T}HoistField$Value",
        "transforms.hoist.field": "line",
        "transforms.insert.type": f"{_T}InsertField$Value",
        "transforms.insert.static.field": "from",
        "transforms.insert.static.value": "file",
        "transforms.mask.type": f"{_T}MaskField$Value",
        "transforms.mask.fields": "from",
        "transforms.mask.replacement": "***",
        "transforms.key.type": f"{_T}ValueToKey",
        "transforms.key.fields": "line",
        "transforms.extract.type": f"{_T}ExtractField$Key",
        "transforms.extract.field": "line",
        "transforms.header.type": f"{_T}InsertHeader",
        "transforms.header.header": "number",
        "transforms.header.value.literal": "42",
    },
    "filtered": {
        "transforms": "hoist,drop,route",
        "transforms.hoist.type": f"{_T}HoistField$Value",
        "transforms.hoist.field": "line",
        "transforms.drop.type": f"{_T}Filter",
        "transforms.drop.predicate": "other",
        "transforms.drop.negate": "true",
        "transforms.route.type": f"{_T}RegexRouter",
        "transforms.route.regex": "(.*)-filtered",
        "transforms.route.replacement": "$1-routed",
        "predicates": "other",
        "predicates.other.type": f"{_T}predicates.TopicNameMatches",
        "predicates.other.pattern": ".*-filtered",
    },
    "tolerant": {
        "errors.tolerance": "all",
        "transforms": "cast",
        "transforms.cast.type": f"{_T}Cast$Value",
        "transforms.cast.spec": "int32",
    },
}
SINKS: Final[dict[str, dict[str, str]]] = {
    "plain": {},
    "chain": {"key.converter": "org.apache.kafka.connect.json.JsonConverter"},
    "schemaless": {"value.converter": "JsonConverter", "value.converter.schemas.enable": "false"},
    "string": {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
    },
}
_TEXTS: Final = ("exception.message", "exception.stacktrace", "exception.class.name", "connector.name", "class.name")


def copied(worker: ConnectProcess, bootstrap: str, directory: Path, prefix: str) -> dict[str, object]:
    """What every source wrote, and every sink read of it."""
    directory.mkdir(exist_ok=True)
    (directory / "lines").write_bytes(CONTENT)
    for name, settings in SOURCES.items():
        source = {"connector.class": "FileStreamSource", "file": str(directory / "lines"), "topic": f"{prefix}-{name}"}
        assert worker.ask("PUT", f"/connectors/{name}/config", source | settings).status == 201
    found: dict[str, object] = {}
    for name in SOURCES:
        topic = f"{prefix}-{'routed' if name == 'filtered' else name}"
        found[name] = records_once(bootstrap, topic, 1 if name == "tolerant" else LINES)
    for name, settings in SINKS.items():
        sink = {"connector.class": "FileStreamSink", "file": str(directory / name), "topics": f"{prefix}-{name}"}
        if "errors.tolerance" in settings:
            sink["errors.deadletterqueue.topic.name"] = f"{prefix}-dead"
        assert worker.ask("PUT", f"/connectors/sink-{name}/config", sink | settings).status == 201
    for name in SINKS:
        found[f"sink-{name}"] = lines_once(directory / name, 0 if name == "string" else LINES)
    dead = records_once(bootstrap, f"{prefix}-dead", LINES)
    found["dead"] = [(key, value, comparable(headers, prefix)) for key, value, headers in dead]
    return found


def records_once(bootstrap: str, topic: str, count: int) -> list[Raw]:
    """All records of a topic, once there are so many."""

    def look() -> list[Raw] | None:
        found = records_of(bootstrap, topic)
        return found if len(found) >= count else None

    return wait_for(look, f"{count} records in {topic}")


def lines_once(file: Path, count: int) -> bytes:
    """All of a file, once it has so many lines."""

    def look() -> bytes | None:
        data = file.read_bytes() if file.exists() else b""
        return data or b" " if data.count(b"\n") >= count else None

    return wait_for(look, f"{count} lines in {file.name}")


def comparable(headers: list[tuple[str, bytes | None]], prefix: str) -> list[tuple[str, bytes | None]]:
    """Without texts of exceptions, which are our own."""
    kept: list[tuple[str, bytes | None]] = []
    for name, value in headers:
        is_text = name.removeprefix("__connect.errors.") in _TEXTS
        kept.append((name, b"" if is_text else (value or b"").replace(prefix.encode(), b"PREFIX")))
    return kept


def test_the_same_topics_and_files(node: NodeProcess, tmp_path: Path) -> None:
    with KafkaConnect(tmp_path / "java", node.address) as worker:
        java = copied(worker, node.address, tmp_path / "files", "java")
    for name in SINKS:
        (tmp_path / "files" / name).unlink()
    with OttlaConnect(tmp_path / "ours", node.address) as worker:
        ours = copied(worker, node.address, tmp_path / "files", "ours")
    assert java.keys() == ours.keys()
    for name, wanted in java.items():
        assert ours[name] == wanted, name
