"""Plugins of Kafka Connect in Java, from Maven Central."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.plugins.case import Case, case
from tests.plugins.taps import EXPECTED

if TYPE_CHECKING:
    from tests.plugins.world import World

CAMEL: Final = "org.apache.camel.kafkaconnector."
TEXT: Final = {"value.converter": "StringConverter", "key.converter": "StringConverter"}


def camel(kamelet: str, kind: str, topic: str, **settings: str) -> dict[str, str]:
    package = kamelet.replace("-", "")
    class_name = f"{CAMEL}{package}.Camel{package.capitalize()}{kind}Connector"
    own = {f"camel.kamelet.{kamelet}.{key}": text for key, text in settings.items()}
    return {"connector.class": class_name, "topics": topic, **own}


def connect_file(world: World) -> None:
    """Java's own: bytes of the file as Java's worker would write them, and back."""
    folder = world.place()
    (folder / "in").write_text("".join(f"{name}\n" for name in EXPECTED))
    java = {"java.plugin": "connect-file"}
    package = "org.apache.kafka.connect.file.FileStream"
    source = {
        "connector.class": "JavaSource",
        "java.connector.class": f"{package}SourceConnector",
        "file": str(folder / "in"),
        "topic": "java-lines",
    }
    assert world.read("java-lines", source | java, 3) == EXPECTED
    sink = {
        "connector.class": "JavaSink",
        "java.connector.class": f"{package}SinkConnector",
        "file": str(folder / "out"),
    }
    world.write("java-written", sink | java, EXPECTED)
    assert (folder / "out").read_text().splitlines() == EXPECTED


def camel_timer_source(world: World) -> None:
    config = camel("timer-source", "Source", "camel-timer", period="100", message="tick")
    values = world.read("camel-timer", config, 3)
    assert set(values) == {"tick"}


def camel_cron_source(world: World) -> None:
    config = camel("cron-source", "Source", "camel-cron", schedule="0/1 * * * * ?", message="tock")
    assert set(world.read("camel-cron", config, 2)) == {"tock"}


def camel_http_source(world: World) -> None:
    world.internet.hosts["127.0.0.1"] = lambda _target: {"name": "Ottla"}
    config = camel("http-source", "Source", "camel-http", url=f"{world.internet.url}/people", period="500")
    values = world.read("camel-http", config, 1)
    assert "Ottla" in str(values[0])


def camel_http_sink(world: World) -> None:
    taken: list[str] = []

    def take(target: str) -> Any:
        taken.append(target)
        return {}

    world.internet.hosts["127.0.0.1"] = take
    config = camel("http-sink", "Sink", "camel_http_sink", url=f"{world.internet.url}/taken", method="POST")
    world.write("camel_http_sink", config | {"value.converter": "StringConverter"}, EXPECTED)
    assert taken == ["/taken"] * 3


def camel_log_sink(world: World) -> None:
    config = camel("log-sink", "Sink", "camel_log_sink", loggerName="ottla", showHeaders="false")
    world.write("camel_log_sink", config | {"value.converter": "StringConverter"}, EXPECTED)


def camel_file(world: World) -> None:
    """Both ways: what one writes the other reads."""
    folder = world.place()
    sink = {
        "connector.class": f"{CAMEL}file.CamelFileSinkConnector",
        "topics": "camel_file",
        "camel.sink.path.directoryName": str(folder),
        "camel.sink.endpoint.fileName": "name-${date:now:HHmmssSSS}-${exchangeId}",
        "value.converter": "StringConverter",
    }
    world.write("camel_file", sink, EXPECTED)
    assert sorted(path.read_text().strip('"') for path in folder.iterdir()) == sorted(EXPECTED)


CASES: Final[tuple[Case, ...]] = (
    case("connect-file", connect_file),
    case("camel-timer-source", camel_timer_source),
    case("camel-cron-source", camel_cron_source),
    case("camel-http-source", camel_http_source),
    case("camel-http-sink", camel_http_sink),
    case("camel-log-sink", camel_log_sink),
    case("camel-file", camel_file),
)
