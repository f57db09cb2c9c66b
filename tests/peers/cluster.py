"""What clusters of either kind have in common: who votes, what a node is told, and a cluster as a test holds it."""

from __future__ import annotations

import base64
import subprocess
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, Protocol, Self, TypeVar

from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

LISTENER: Final = "CONTROLLER"
LOOPBACK: Final = "127.0.0.1"
COMBINED, BROKER, CONTROLLER = "broker,controller", "broker", "controller"
START_TIMEOUT_S: Final = 180.0


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


class ClusterNode(Protocol):
    @property
    def node_id(self) -> int: ...

    @property
    def address(self) -> str: ...

    @property
    def is_broker(self) -> bool: ...

    @property
    def is_controller(self) -> bool: ...

    @property
    def is_running(self) -> bool: ...

    def begin(self) -> None: ...

    def wait_until_ready(self) -> None: ...

    def terminate(self) -> None: ...

    def stop(self) -> int: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


N = TypeVar("N", bound=ClusterNode)


class Cluster(Generic[N]):
    """A node for each of `roles` (ids from 1 on), all controllers voters. `make(id, quorum, roles, settings)`: a node.

    `settings` are every node's, `settings_of` those of single nodes. Internal topics are small, and replicated as far
    as there are brokers.
    """

    def __init__(
        self,
        make: Callable[[int, Quorum, str, Mapping[str, str]], N],
        roles: Sequence[str],
        *,
        static: bool,
        settings: Mapping[str, str] | None,
        settings_of: Mapping[int, Mapping[str, str]] | None,
    ) -> None:
        role_of = dict(enumerate(roles, 1))
        self.quorum = Quorum(tuple(Voter(number) for number, role in role_of.items() if CONTROLLER in role), static)
        common = cluster_settings(sum(BROKER in role for role in roles)) | dict(settings or {})
        self.nodes: dict[int, N] = {
            number: make(number, self.quorum, role, common | dict((settings_of or {}).get(number, {})))
            for number, role in role_of.items()
        }

    @property
    def brokers(self) -> list[N]:
        return [node for node in self.nodes.values() if node.is_broker]

    @property
    def controllers(self) -> list[N]:
        return [node for node in self.nodes.values() if node.is_controller]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.brokers)

    def start(self) -> None:
        """Start every node, and return when all brokers are there and unfenced."""
        for node in self.nodes.values():
            node.begin()
        for node in self.nodes.values():
            node.wait_until_ready()
        if self.brokers:
            wait_until_brokers(self.bootstrap, {node.node_id for node in self.brokers})

    def stop(self) -> None:
        """Ask all to stop at once: who is last cannot hand over to anybody."""
        running = [node for node in self.nodes.values() if node.is_running]
        for node in running:
            node.terminate()
        for node in running:
            try:
                node.stop()
            except subprocess.TimeoutExpired:
                node.kill()

    def kill(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()

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

    def __iter__(self) -> Iterator[N]:
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
