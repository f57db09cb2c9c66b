"""Several nodes of Apache Kafka 4.3.1 in one cluster, on free ports of the loopback; alone, or beside another kind's.

`KafkaCluster` is what most tests want. For a mixed cluster, say first who votes, then make the nodes of either kind:

    quorum = Quorum((Voter(1), Voter(2)))                  # or Quorum(…, static=True)
    java = KafkaClusterNode(directory / "1", 1, quorum)    # combined; or roles="broker", or "controller"
    ottla = …                                              # with quorum.settings() and quorum.initial_controllers
    java.begin()                                           # .start() waits; .stop(), .kill(), .pid, .address, .output …
"""

from __future__ import annotations

import base64
import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tests.peers.apache_kafka import CLUSTER_ID, START_TIMEOUT_S, KafkaNode, java_command, run_java
from tests.peers.process import free_port, wait_for, wait_until_listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LISTENER: Final = "CONTROLLER"
LOOPBACK: Final = "127.0.0.1"
COMBINED, BROKER, CONTROLLER = "broker,controller", "broker", "controller"
# What a small machine wants of several JVMs: a start that compiles little, and few threads.
SMALL_SERVER_OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
_STARTERS: Final = max(2, os.cpu_count() or 2)


def new_directory_id() -> str:
    """A random directory id as Kafka writes it; none begins with a dash, which command lines take for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


@dataclass(frozen=True)
class Voter:
    """A controller that votes: where it listens, and the directory that holds its log (unused in a static quorum)."""

    node_id: int
    port: int = field(default_factory=free_port)
    directory_id: str = field(default_factory=new_directory_id)
    host: str = LOOPBACK

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Quorum:
    """Who votes at first: in a static quorum for ever, in a dynamic one (KIP-853) until voters are added or removed."""

    voters: tuple[Voter, ...]
    static: bool = False

    def settings(self) -> dict[str, str]:
        """How every node finds the quorum, in `server.properties`."""
        if self.static:
            return {"controller.quorum.voters": ",".join(f"{each.node_id}@{each.address}" for each in self.voters)}
        return {"controller.quorum.bootstrap.servers": ",".join(each.address for each in self.voters)}

    @property
    def initial_controllers(self) -> str:
        """What `kafka-storage format --initial-controllers` takes."""
        return ",".join(f"{each.node_id}@{each.address}:{each.directory_id}" for each in self.voters)

    def voter(self, node_id: int) -> Voter | None:
        return next((each for each in self.voters if each.node_id == node_id), None)


class KafkaClusterNode(KafkaNode):
    """One node of a cluster. `settings` come last; a controller that is no voter of `quorum` starts as an observer.

    `data` is its metadata log directory: the first of `log.dirs`.

    A broker's `address` is its listener for clients, a mere controller's that of the quorum. `directory_id` is the id
    of that directory: of a voter as `quorum` says.
    """

    def __init__(
        self,
        directory: Path,
        node_id: int,
        quorum: Quorum,
        *,
        roles: str = COMBINED,
        settings: Mapping[str, str] | None = None,
        cluster_id: str = CLUSTER_ID,
        heap: str = "-Xmx256m",
        directory_id: str | None = None,
        prefix: Sequence[str] = (),
        data: Path | None = None,
        options: Sequence[str] = SMALL_SERVER_OPTIONS,
        host: str = LOOPBACK,
        port: int | None = None,
    ) -> None:
        """`data`: a directory that is formatted already, by whomever. `host`, `port`: of the broker's listener."""
        super().__init__(directory, settings, prefix=prefix, data=data, port=port)
        if "log.dirs" in self._settings:
            self.data = Path(self._settings["log.dirs"].split(",")[0])
        self.node_id = node_id
        self.roles = roles
        self.quorum = quorum
        self.cluster_id = cluster_id
        self.host = host
        self._options = (heap, *options)
        voter = quorum.voter(node_id)
        if voter is not None:
            self._controller_port = voter.port
        self._directory_id = directory_id or (voter.directory_id if voter is not None else new_directory_id())

    @property
    def is_broker(self) -> bool:
        return BROKER in self.roles

    @property
    def is_controller(self) -> bool:
        return CONTROLLER in self.roles

    @property
    def address(self) -> str:
        return f"{self.host}:{self._port}" if self.is_broker else self.controller_address

    @property
    def port(self) -> int:
        return self._port

    @property
    def controller_address(self) -> str:
        assert self.is_controller, f"node {self.node_id} is no controller"
        return f"{self.host}:{self._controller_port}"

    @property
    def directory_id(self) -> str:
        """As `meta.properties` has it, or will."""
        properties = self.data / "meta.properties"
        found = (
            re.search(r"^directory\.id=(.+)$", properties.read_text(), re.MULTILINE) if properties.exists() else None
        )
        return found[1] if found else self._directory_id

    def format(self) -> None:
        """Write `server.properties`, and format the data directory once."""
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        lines = [f"{key}={value}" for key, value in (self._base_settings() | self._settings).items()]
        properties.write_text("\n".join(lines) + "\n")
        if self._is_formatted or (self.data / "meta.properties").exists():
            return
        run_java(
            "kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", str(properties), *self._format_options()
        )
        self._set_directory_id()

    def start(self) -> None:
        """Return when the node takes connections: of a broker, when it has caught up with the metadata."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start the process and do not wait: a quorum answers only when most of its voters are there."""
        self.format()
        command = java_command("kafka.Kafka", str(self.directory / "server.properties"), options=self._options)
        self._spawn([*self._prefix, *command])

    def wait_until_ready(self) -> None:
        host, port = self.address.rsplit(":", 1)
        wait_until_listening(self, host, int(port), START_TIMEOUT_S)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Change what its `server.properties` says, from the next start on."""
        self._settings.update(settings)

    def _format_options(self) -> list[str]:
        if self.quorum.static or not self.is_controller:
            return []
        if self.quorum.voter(self.node_id) is None:
            return ["--no-initial-controllers"]
        return ["--initial-controllers", self.quorum.initial_controllers]

    def _set_directory_id(self) -> None:
        """Voters are formatted with theirs; whoever else has got a random one."""
        path = self.data / "meta.properties"
        text, count = re.subn(r"(?m)^directory\.id=.*$", f"directory.id={self._directory_id}", path.read_text())
        assert count == 1, text
        path.write_text(text)

    def _base_settings(self) -> dict[str, str]:
        addresses = (f"{self.host}:{self._port}", f"{self.host}:{self._controller_port}")
        return node_settings(self.node_id, self.roles, self.quorum, self.data, *addresses)


def node_settings(
    node_id: int, roles: str, quorum: Quorum, data: Path, address: str, controller_address: str
) -> dict[str, str]:
    """What a node of either kind has to be told."""
    broker, controller = f"PLAINTEXT://{address}", f"{LISTENER}://{controller_address}"
    is_broker, is_controller = BROKER in roles, CONTROLLER in roles
    listeners = ",".join([broker] * is_broker + [controller] * is_controller)
    settings = {
        "process.roles": roles,
        "node.id": str(node_id),
        "listeners": listeners,
        "advertised.listeners": listeners,
        "controller.listener.names": LISTENER,
        "listener.security.protocol.map": f"{LISTENER}:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(data),
        **quorum.settings(),
    }
    if is_broker:
        settings["inter.broker.listener.name"] = "PLAINTEXT"
    return settings


class KafkaCluster:
    """A node for each of `roles` (ids from 1 on), all controllers voters: `with KafkaCluster(tmp_path) as cluster: …`

    `settings` are every node's, `settings_of` those of single nodes. Internal topics are small, and replicated as far
    as there are brokers.
    """

    def __init__(
        self,
        directory: Path,
        roles: Sequence[str] = (COMBINED,) * 3,
        *,
        static: bool = False,
        settings: Mapping[str, str] | None = None,
        settings_of: Mapping[int, Mapping[str, str]] | None = None,
        heap: str = "-Xmx256m",
        options: Sequence[str] = SMALL_SERVER_OPTIONS,
    ) -> None:
        ids = range(1, len(roles) + 1)
        voters = tuple(Voter(node_id) for node_id, role in zip(ids, roles, strict=True) if CONTROLLER in role)
        self.quorum = Quorum(voters, static)
        common = cluster_settings(sum(BROKER in role for role in roles)) | dict(settings or {})
        self.nodes = {
            node_id: KafkaClusterNode(
                directory / f"node-{node_id}",
                node_id,
                self.quorum,
                roles=role,
                settings=common | dict((settings_of or {}).get(node_id, {})),
                heap=heap,
                options=options,
            )
            for node_id, role in zip(ids, roles, strict=True)
        }

    @property
    def brokers(self) -> list[KafkaClusterNode]:
        return [node for node in self.nodes.values() if node.is_broker]

    @property
    def controllers(self) -> list[KafkaClusterNode]:
        return [node for node in self.nodes.values() if node.is_controller]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.brokers)

    def start(self) -> None:
        """Format and start every node, and return when all brokers are there and unfenced."""
        with ThreadPoolExecutor(_STARTERS) as starters:
            list(starters.map(KafkaClusterNode.format, self.nodes.values()))
        for node in self.nodes.values():
            node.begin()
        for node in self.nodes.values():
            node.wait_until_ready()
        wait_until_brokers(self.bootstrap, {node.node_id for node in self.brokers})

    def close(self) -> None:
        """`kill -9` whatever runs: nobody reads the data any more. Who died by itself is reported then."""
        self.kill()
        for node in self.nodes.values():
            node.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def kill(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()

    def __iter__(self) -> Iterator[KafkaClusterNode]:
        return iter(self.nodes.values())


def cluster_settings(brokers: int) -> dict[str, str]:
    """What a test wants of a cluster with so many brokers."""
    settings = {"group.initial.rebalance.delay.ms": "0", "transaction.state.log.min.isr": "1"}
    settings["share.coordinator.state.topic.min.isr"] = "1"
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        settings[f"{topic}.replication.factor"] = str(max(1, min(3, brokers)))
        settings[f"{topic}.num.partitions"] = "4"
    return settings


def wait_until_brokers(bootstrap: str, node_ids: set[int], timeout_s: float = START_TIMEOUT_S) -> None:
    """Return when the brokers of these ids, and no others, are unfenced; of either kind."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def unfenced() -> bool:
        try:
            return set(client.list_topics(timeout=2).brokers) == node_ids
        except KafkaException:
            return False

    wait_for(unfenced, f"brokers {sorted(node_ids)} of {bootstrap} are unfenced", timeout_s)
