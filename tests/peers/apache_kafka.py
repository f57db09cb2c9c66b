"""Apache Kafka 4.3.1 as a peer and an oracle: its jars (by Maven, once), its tools, and a real node of it.

Owns the folder `${XDG_CACHE_HOME:-~/.cache}/ottla/apache-kafka-4.3.1` (`lib/` with the jars, `complete` when all
are there), and beside it those of Kafka Streams, MirrorMaker 2 and Kafka's metadata shell. Everything needs
Java 17 or newer; fetching the jars needs Maven. Where one is missing the calling test is skipped with a reason; under
`CI=true` it fails instead, so that CI never passes by not looking.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest
from tests.peers.process import NodeProcess, free_port, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION: Final = "4.3.1"
HOW_TO_GET: Final = "apt install openjdk-17-jre-headless maven"
START_TIMEOUT_S: Final = 180.0
FETCH_TIMEOUT_S: Final = 500.0
FETCH_ATTEMPTS: Final = 3
CLUSTER_ID: Final = "MkU3OEVBNTcwNTJENDM2Qg"

_ARTIFACTS: Final = (
    ("org.apache.kafka", "kafka_2.13", VERSION),
    ("org.apache.kafka", "kafka-tools", VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),
)
_SHELL_ARTIFACTS: Final = (("org.apache.kafka", "kafka-shell", VERSION),)
_STREAMS_ARTIFACTS: Final = (("org.apache.kafka", "kafka-streams", VERSION),)
_STREAMS_TEST_ARTIFACTS: Final = (*_STREAMS_ARTIFACTS, ("org.apache.kafka", "kafka-streams-test-utils", VERSION))
_STREAMS_SMOKE_ARTIFACTS: Final = (
    *_STREAMS_ARTIFACTS,
    ("org.apache.kafka", "kafka-streams:test", VERSION),
    ("org.apache.kafka", "kafka-clients:test", VERSION),
)
_MIRROR_ARTIFACTS: Final = (("org.apache.kafka", "connect-mirror", VERSION),)
_CONNECT_ARTIFACTS: Final = (
    ("org.apache.kafka", "connect-runtime", VERSION),
    ("org.apache.kafka", "connect-file", VERSION),
    ("org.apache.kafka", "connect-json", VERSION),
    ("org.apache.kafka", "connect-transforms", VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),
)
_AVRO_VERSION: Final = "1.12.0"
_AVRO_ARTIFACTS: Final = (("org.apache.avro", "avro", _AVRO_VERSION),)
_COPY_DEPENDENCIES: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_LOGGING: Final = """\
rootLogger.level=warn
rootLogger.appenderRef.console.ref=E
appender.console.type=Console
appender.console.name=E
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d] %p %m (%c)%n
"""
# A tool lives for a second: the first compiler tier and the serial collector cost it the least.
_TOOL_OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m")


class JavaToolError(AssertionError):
    """A Java tool ended with a status other than zero; the text holds its output."""


def cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "ottla" / f"apache-kafka-{VERSION}"


def jars() -> Path:
    """The folder of the jars, fetched on first use; without Java or Maven the test is skipped (in CI fails)."""
    return _fetched(cache_folder(), _ARTIFACTS)


def streams_jars() -> Path:
    """The folder of Kafka Streams' jars, with RocksDB."""
    return _fetched(cache_folder().parent / f"kafka-streams-{VERSION}", _STREAMS_ARTIFACTS)


def streams_test_jars() -> Path:
    """The folder of Kafka Streams' jars with those of its TopologyTestDriver."""
    return _fetched(cache_folder().parent / f"kafka-streams-test-utils-{VERSION}", _STREAMS_TEST_ARTIFACTS)


def streams_smoke_jars() -> Path:
    """The folder of Kafka Streams' jars with those of its tests, of which the smoke test has a driver."""
    return _fetched(cache_folder().parent / f"kafka-streams-tests-{VERSION}", _STREAMS_SMOKE_ARTIFACTS)


def mirror_jars() -> Path:
    """The folder of MirrorMaker 2's jars, with those of Kafka Connect and of its client (`RemoteClusterUtils`)."""
    return _fetched(cache_folder().parent / f"connect-mirror-{VERSION}", _MIRROR_ARTIFACTS)


def connect_jars() -> Path:
    """The folder of the jars of a Kafka Connect worker, with its converters, transformations and file connectors."""
    return _fetched(cache_folder().parent / f"connect-{VERSION}", _CONNECT_ARTIFACTS)


def shell_jars() -> Path:
    """The folder of the jars of Kafka's metadata shell."""
    return _fetched(cache_folder().parent / f"kafka-shell-{VERSION}", _SHELL_ARTIFACTS)


def avro_jars() -> Path:
    """The folder of Apache Avro's jars, whose rules our schema registry's are held against."""
    return _fetched(cache_folder().parent / f"avro-{_AVRO_VERSION}", _AVRO_ARTIFACTS)


def fetched_jars(name: str, artifacts: Sequence[tuple[str, str, str]]) -> Path:
    """The folder of other jars, fetched on first use."""
    return _fetched(cache_folder().parent / name, artifacts)


def _fetched(folder: Path, artifacts: Sequence[tuple[str, str, str]]) -> Path:
    if shutil.which("java") is None:
        _unavailable("no java")
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "complete").exists():
                _fetch(folder, artifacts)
    return folder / "lib"


def java_command(main_class: str, *arguments: str, options: Sequence[str] = _TOOL_OPTIONS) -> list[str]:
    """The command line that runs `main_class` with every jar on the class path."""
    lib = jars()
    logging = lib.parent / "log4j2.properties"
    return ["java", *options, f"-Dlog4j2.configurationFile={logging}", "-cp", f"{lib}/*", main_class, *arguments]


def run_java(
    main_class: str, *arguments: str, stdin: str | None = None, timeout_s: float = 180.0, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a Java class of Apache Kafka to its end, e.g. `run_java("org.apache.kafka.tools.DumpLogSegments", …)`.

    Raises `JavaToolError` with all of its output when it ends with another status than 0, unless `check` is false.
    """
    command = java_command(main_class, *arguments)
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
    if check and result.returncode != 0:
        raise JavaToolError(
            f"{main_class} {' '.join(arguments)} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
        )
    return result


class KafkaNode(NodeProcess):
    """A combined broker and controller of Apache Kafka on free ports of the loopback, its data below `directory`.

    `settings` are added to its `server.properties`. The ports stay the same over restarts. `data` is a directory that
    another node (1, of a cluster of its own) has formatted and used, to be taken over as it is. `port` is that of the
    first listener, where `settings` have listeners of their own.
    """

    name = f"Apache Kafka {VERSION}"
    of_slowness = (
        "(org.apache.kafka.controller.EventPerformanceMonitor)",  # an event took more than two seconds
        "RegistrationResponseHandler: channel manager timed out before sending the request.",  # it tries again
        # Of a broker that was away too long for its controller: another load follows the next election.
        "because the partition is not online or is no longer the leader",
    )

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        *,
        heap: str = "-Xmx512m",
        prefix: Sequence[str] = (),
        data: Path | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(directory)
        self._settings = dict(settings or {})
        self._options: tuple[str, ...] = (heap, "-XX:+UseG1GC")
        self._prefix = tuple(prefix)
        self._port = free_port() if port is None else port
        self._controller_port = free_port()
        self._is_formatted = data is not None
        self.data = data or directory / "data"

    def add_option(self, option: str) -> None:
        """Of the JVM, before the start."""
        self._options = (*self._options, option)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def format(self) -> None:
        """Write `server.properties` and format the data directory, once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        if properties.exists():
            return
        lines = [f"{key}={value}" for key, value in (self._base_settings() | self._settings).items()]
        properties.write_text("\n".join(lines) + "\n")
        if self._is_formatted:
            return
        run_java(
            "kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted",
            "-t", CLUSTER_ID, "-c", str(properties),
        )  # fmt: skip

    def start(self) -> None:
        self.format()
        properties = str(self.directory / "server.properties")
        command = java_command("kafka.Kafka", properties, options=self._options)
        self._spawn([*self._prefix, *command])
        wait_until_listening(self, "127.0.0.1", self._port, START_TIMEOUT_S)

    def _base_settings(self) -> dict[str, str]:
        listeners = f"PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller_port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": listeners,
            "advertised.listeners": listeners,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.data),
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
        }
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
            settings[f"{topic}.replication.factor"] = "1"
        return settings


def _fetch(folder: Path, artifacts: Sequence[tuple[str, str, str]]) -> None:
    if shutil.which("mvn") is None:
        _unavailable("no mvn")
    partial = folder / "lib.partial"
    shutil.rmtree(partial, ignore_errors=True)
    (folder / "pom.xml").write_text(_pom(artifacts))
    command = ["mvn", "-q", "-B", "-f", str(folder / "pom.xml"), _COPY_DEPENDENCIES, f"-DoutputDirectory={partial}"]
    for _ in range(FETCH_ATTEMPTS):  # Maven keeps what it has, and goes on from there
        result = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
        if result.returncode == 0:
            break
    else:
        _unavailable(f"Maven could not fetch Apache Kafka's jars: {(result.stdout + result.stderr)[-600:]}")
    (folder / "log4j2.properties").write_text(_LOGGING)
    shutil.rmtree(folder / "lib", ignore_errors=True)
    partial.rename(folder / "lib")
    (folder / "complete").touch()


def _pom(artifacts: Sequence[tuple[str, str, str]]) -> str:
    dependencies = "".join(_dependency(*each) for each in artifacts)
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>ottla.tests</groupId><artifactId>apache-kafka</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>\n"
    )


def _dependency(group: str, artifact: str, version: str) -> str:
    """`artifact` may end with `:` and a classifier."""
    name, _, classifier = artifact.partition(":")
    classified = f"<classifier>{classifier}</classifier>" if classifier else ""
    parts = f"<groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>{classified}"
    return f"<dependency>{parts}</dependency>"


def _unavailable(reason: str) -> NoReturn:
    text = f"{reason} (to run this test: {HOW_TO_GET})"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)
