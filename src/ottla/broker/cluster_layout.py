"""Which nodes a cluster on one machine has: ids, roles, ports, `server.properties`. Pure.

Node *i*, from 0 on, listens for clients on the port of `--listen` plus *i*, and, if it is a controller, for the other
nodes on that plus `CONTROLLER_PORT_OFFSET`. The first `MAX_VOTERS` nodes of a new cluster are brokers and controllers,
further ones brokers; who votes stays so when nodes are added later.

DIR/cluster.json            what stays: the id of the cluster, where it listens, who votes first
    node-0/server.properties  written anew at every start
           data/              the log directory
    node-1/ …
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

MAX_VOTERS = 3
MAX_NODES = 100
CONTROLLER_PORT_OFFSET = 100
CLUSTER_FILE = "cluster.json"
CONTROLLER_LISTENER = "CONTROLLER"
CLIENT_LISTENER = "PLAINTEXT"
_HIGHEST_PORT = 65535
_EVERY_INTERFACE = ("", "0.0.0.0", "::")
_REPLICATED_INTERNAL_TOPICS = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")


def node_folder(directory: Path, node_id: int) -> Path:
    return directory / f"node-{node_id}"


class LayoutError(ValueError):
    """Such a cluster cannot be; the text says why."""


@dataclass(frozen=True, slots=True)
class FirstVoter:
    node_id: int
    directory_id: str


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """`cluster.json`, and how many nodes are asked for."""

    cluster_id: str
    host: str
    port: int
    voters: tuple[FirstVoter, ...]
    nodes: int

    def __post_init__(self) -> None:
        least = max(1, len(self.voters))
        if not least <= self.nodes <= MAX_NODES:
            raise LayoutError(f"a cluster like this has {least} to {MAX_NODES} nodes, not {self.nodes}")
        if not 0 < self.port <= _HIGHEST_PORT - CONTROLLER_PORT_OFFSET - self.nodes:
            highest = _HIGHEST_PORT - CONTROLLER_PORT_OFFSET - self.nodes
            raise LayoutError(f"--listen wants a port of 1 to {highest}: each node has one further up")

    @property
    def node_ids(self) -> range:
        return range(self.nodes)

    @property
    def bootstrap(self) -> str:
        return ",".join(self.client_address(node_id) for node_id in self.node_ids)

    @property
    def initial_controllers(self) -> str:
        """As `kafka-storage format` takes it."""
        return ",".join(
            f"{each.node_id}@{self.controller_address(each.node_id)}:{each.directory_id}" for each in self.voters
        )

    def is_voter(self, node_id: int) -> bool:
        return any(each.node_id == node_id for each in self.voters)

    def client_address(self, node_id: int) -> str:
        return f"{_bracketed(self._reachable_host)}:{self.port + node_id}"

    def controller_address(self, node_id: int) -> str:
        return f"{_bracketed(self._reachable_host)}:{self.port + CONTROLLER_PORT_OFFSET + node_id}"

    @property
    def _reachable_host(self) -> str:
        return "127.0.0.1" if self.host in _EVERY_INTERFACE else self.host

    def properties(self, node_id: int, data: Path, settings: Mapping[str, str]) -> dict[str, str]:
        """`server.properties` of one node; `settings` come last. Raises `LayoutError` for what each has its own of."""
        host = _bracketed(self.host)
        listeners = [f"{CLIENT_LISTENER}://{host}:{self.port + node_id}"]
        advertised = [f"{CLIENT_LISTENER}://{self.client_address(node_id)}"]
        roles = "broker"
        if self.is_voter(node_id):
            roles = "broker,controller"
            listeners.append(f"{CONTROLLER_LISTENER}://{self.controller_address(node_id)}")
            advertised.append(f"{CONTROLLER_LISTENER}://{self.controller_address(node_id)}")
        properties = {
            "process.roles": roles,
            "node.id": str(node_id),
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "inter.broker.listener.name": CLIENT_LISTENER,
            "controller.listener.names": CONTROLLER_LISTENER,
            "listener.security.protocol.map": f"{CLIENT_LISTENER}:PLAINTEXT,{CONTROLLER_LISTENER}:PLAINTEXT",
            "controller.quorum.bootstrap.servers": ",".join(
                self.controller_address(each.node_id) for each in self.voters
            ),
            "log.dirs": str(data),
        }
        if own := sorted(properties.keys() & settings.keys()):
            raise LayoutError(f"--set {own[0]}: each node has its own")
        return properties | self._replication() | dict(settings)

    def _replication(self) -> dict[str, str]:
        """Three replicas of which two must have a record, as far as there are nodes: one node may be lost."""
        factor = min(3, self.nodes)
        in_sync = "2" if factor > 2 else "1"
        replication = {"default.replication.factor": str(factor), "min.insync.replicas": in_sync}
        replication |= {f"{topic}.replication.factor": str(factor) for topic in _REPLICATED_INTERNAL_TOPICS}
        replication |= {f"{topic}.min.isr": in_sync for topic in _REPLICATED_INTERNAL_TOPICS[1:]}
        return replication

    def to_json(self) -> str:
        kept = asdict(self)
        del kept["nodes"]
        return json.dumps(kept, indent=2) + "\n"


def layout_from_json(text: str, nodes: int) -> ClusterLayout:
    """`ValueError` if it is not what `to_json` writes."""
    try:
        kept = json.loads(text)
        voters = tuple(FirstVoter(int(each["node_id"]), str(each["directory_id"])) for each in kept["voters"])
        return ClusterLayout(str(kept["cluster_id"]), str(kept["host"]), int(kept["port"]), voters, nodes)
    except LayoutError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"it is not what `ottla cluster` writes: {error}") from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
