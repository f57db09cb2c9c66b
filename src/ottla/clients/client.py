"""A client of a cluster: finds brokers, keeps a connection to each, knows who leads what, tries again when it may.

Admin requests go to any broker: a KRaft broker forwards what belongs to the controller (KIP-590). Requests for a
partition go to its leader, requests of a group to its coordinator. A client `of_controllers` (KIP-919) knows no others:
its "brokers" are the controllers, and `metadata.controller_id` is the active one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ottla.clients.connection import Connection
from ottla.clients.errors import BrokerUnreachableError, ClientError, RetriableError
from ottla.clients.security import NO_SECURITY, ClientSecurity
from ottla.protocol.api.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.message import Request, Response
from ottla.protocol.types import ZERO_UUID
from ottla.runtime.cancellation import raise_if_cancelled
from ottla.runtime.network import Network

DEFAULT_PORT = 9092
CONNECT_TIMEOUT_MS = 5_000.0
REQUEST_TIMEOUT_MS = 30_000.0
RETRY_BACKOFF_MS = 50.0
RETRY_BACKOFF_MAX_MS = 1_000.0

T = TypeVar("T")
ResponseT = TypeVar("ResponseT", bound=Response)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    node_id: int
    host: str
    port: int
    rack: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    index: int
    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopicMetadata:
    name: str
    topic_id: bytes
    internal: bool
    partitions: dict[int, PartitionMetadata]


@dataclass(slots=True)
class ClusterMetadata:
    cluster_id: str | None = None
    controller_id: int = -1
    brokers: dict[int, BrokerAddress] = field(default_factory=dict)
    topics: dict[str, TopicMetadata] = field(default_factory=dict)


def parse_bootstrap(bootstrap: str) -> list[tuple[str, int]]:
    """`host:port,host,[::1]:9093` as pairs; the port is 9092 if left out. `ClientError` names what cannot be read."""
    addresses = []
    for entry in filter(None, (part.strip() for part in bootstrap.split(","))):
        host, separator, port = entry.rpartition(":")
        if (
            not separator
            or (entry.startswith("[") and entry.endswith("]"))
            or entry.count(":") > 1 != entry.startswith("[")
        ):
            host, port = entry, str(DEFAULT_PORT)
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ClientError(f"'{entry}' is not an address: write HOST:PORT, for example localhost:{DEFAULT_PORT}")
        addresses.append((host.strip("[]"), int(port)))
    if not addresses:
        raise ClientError(f"no bootstrap address: write HOST:PORT, for example localhost:{DEFAULT_PORT}")
    return addresses


class KafkaClient:
    """Not thread-safe: one event loop. `async with KafkaClient(network, "localhost:9092") as client: …`"""

    def __init__(
        self,
        network: Network,
        bootstrap: str,
        *,
        client_id: str = "ottla",
        request_timeout_ms: float = REQUEST_TIMEOUT_MS,
        security: ClientSecurity = NO_SECURITY,
        of_controllers: bool = False,
    ) -> None:
        self._security = security
        self.of_controllers = of_controllers
        self.client_id = client_id
        self.request_timeout_ms = request_timeout_ms
        self.metadata = ClusterMetadata()
        self._network = network
        self._bootstrap_text = bootstrap
        self._bootstrap = parse_bootstrap(bootstrap)
        self._connections: dict[tuple[str, int], Connection] = {}
        self._connecting: dict[tuple[str, int], asyncio.Task[Connection]] = {}

    async def __aenter__(self) -> "KafkaClient":
        await (self.refresh_controllers() if self.of_controllers else self.refresh_metadata([]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def twin(self) -> "KafkaClient":
        """Another client of the same cluster: what waits at a broker keeps all behind it on its connection waiting."""
        return KafkaClient(
            self._network,
            self._bootstrap_text,
            client_id=self.client_id,
            request_timeout_ms=self.request_timeout_ms,
            security=self._security,
            of_controllers=self.of_controllers,
        )

    # Sending

    async def send_any(
        self, request: Request, response_class: type[ResponseT], *, timeout_ms: float | None = None
    ) -> ResponseT:
        """To whichever broker answers; see `any_connection`."""
        connection = await self.any_connection()
        return await connection.send(request, response_class, timeout_ms=timeout_ms or self.request_timeout_ms)

    async def any_connection(self) -> Connection:
        """A connection to whichever broker takes one. Tries each once; the error names all that were tried."""
        tried: list[str] = []
        for host, port in self._candidates():
            try:
                return await self._connection(host, port)
            except BrokerUnreachableError as error:
                tried.append(str(error))
        raise BrokerUnreachableError("no broker could be reached. Tried:\n  " + "\n  ".join(tried))

    async def send_to(
        self, node_id: int, request: Request, response_class: type[ResponseT], *, timeout_ms: float | None = None
    ) -> ResponseT:
        """To the broker of that id, as the last metadata knows it; see `connection_to`."""
        connection = await self.connection_to(node_id)
        try:
            return await connection.send(request, response_class, timeout_ms=timeout_ms or self.request_timeout_ms)
        except RetriableError:
            self._forget_leader(node_id)
            raise

    async def connection_to(self, node_id: int) -> Connection:
        """One that cannot be reached leads nothing any more: whoever asks next for its topics asks for them anew."""
        broker = self.metadata.brokers.get(node_id)
        try:
            if broker is None:
                raise BrokerUnreachableError(f"broker {node_id} is not in the cluster's metadata")
            return await self._connection(broker.host, broker.port)
        except BrokerUnreachableError:
            self._forget_leader(node_id)
            raise

    def _forget_leader(self, node_id: int) -> None:
        topics = self.metadata.topics
        for name in [
            name
            for name, topic in topics.items()
            if any(partition.leader == node_id for partition in topic.partitions.values())
        ]:
            del topics[name]

    def _candidates(self) -> list[tuple[str, int]]:
        known = [(broker.host, broker.port) for broker in self.metadata.brokers.values()]
        connected = [address for address, connection in self._connections.items() if not connection.closed]
        return list(dict.fromkeys([*connected, *known, *self._bootstrap]))

    async def _connection(self, host: str, port: int) -> Connection:
        address = (host, port)
        connection = self._connections.get(address)
        if connection is not None and not connection.closed:
            return connection
        task = self._connecting.get(address)
        if task is None:
            opening = Connection.open(
                self._network,
                host,
                port,
                client_id=self.client_id,
                timeout_ms=CONNECT_TIMEOUT_MS,
                security=self._security,
            )
            task = self._connecting[address] = asyncio.ensure_future(opening)
            task.add_done_callback(lambda _: self._connecting.pop(address, None))
        connection = await asyncio.shield(task)
        self._connections[address] = connection
        return connection

    # Metadata

    async def refresh_metadata(
        self, topics: Iterable[str] | None = None, *, create: bool = False, timeout_ms: float | None = None
    ) -> ClusterMetadata:
        """Ask for these topics (`None`: all; empty: brokers only). Unknown topics are simply not in the answer's map.

        An error of a topic other than "unknown" or "not yet" raises `KafkaError`.
        """
        wanted = None if topics is None else [MetadataRequestTopic(topic_id=ZERO_UUID, name=name) for name in topics]
        request = MetadataRequest(topics=wanted, allow_auto_topic_creation=create)
        response = await self.send_any(request, MetadataResponse, timeout_ms=timeout_ms)
        metadata = self.metadata
        metadata.cluster_id = response.cluster_id
        metadata.controller_id = response.controller_id
        metadata.brokers = {
            broker.node_id: BrokerAddress(broker.node_id, broker.host, broker.port, broker.rack)
            for broker in response.brokers
        }
        if wanted is None:
            metadata.topics.clear()
        for topic in response.topics:
            assert topic.name is not None
            if topic.error_code in _ABSENT:
                metadata.topics.pop(topic.name, None)
                continue
            if topic.error_code != ErrorCode.NONE:
                raise KafkaError(error_code(topic.error_code), f"topic '{topic.name}'")
            metadata.topics[topic.name] = TopicMetadata(
                topic.name,
                topic.topic_id,
                topic.is_internal,
                {
                    partition.partition_index: PartitionMetadata(
                        partition.partition_index,
                        partition.leader_id,
                        partition.leader_epoch,
                        tuple(partition.replica_nodes),
                        tuple(partition.isr_nodes),
                    )
                    for partition in sorted(topic.partitions, key=lambda each: each.partition_index)
                },
            )
        return metadata

    async def refresh_controllers(self) -> ClusterMetadata:
        """Ask a controller for all of them, and which is active (-1: none is)."""
        request = DescribeClusterRequest(include_cluster_authorized_operations=False, endpoint_type=_CONTROLLERS)
        response = await self.send_any(request, DescribeClusterResponse)
        if response.error_code != ErrorCode.NONE:
            raise KafkaError(error_code(response.error_code), response.error_message)
        self.metadata.cluster_id = response.cluster_id
        self.metadata.controller_id = response.controller_id
        self.metadata.brokers = {
            each.broker_id: BrokerAddress(each.broker_id, each.host, each.port, each.rack) for each in response.brokers
        }
        return self.metadata

    async def topic(self, name: str, *, create: bool = False) -> TopicMetadata:
        """The topic with a leader for every partition, waiting for an election if need be.

        `KafkaError(UNKNOWN_TOPIC_OR_PARTITION)` at once if it is not there and may not be created.
        """

        async def look() -> TopicMetadata:
            await self.refresh_metadata([name], create=create)
            found = self.metadata.topics.get(name)
            if found is None:
                code = ErrorCode.LEADER_NOT_AVAILABLE if create else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                raise KafkaError(code, f"there is no topic '{name}'")
            if not found.partitions or any(partition.leader < 0 for partition in found.partitions.values()):
                raise KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, f"topic '{name}' has a partition without a leader")
            return found

        return await self.retry(look, unless=(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,))

    async def coordinator(self, key: str, *, key_type: int = 0) -> int:
        """The node id of the coordinator of a group (or transactional id: 1), waiting while it moves or loads."""

        async def look() -> int:
            request = FindCoordinatorRequest(key=key, key_type=key_type, coordinator_keys=[key])
            response = await self.send_any(self._for_version(request), FindCoordinatorResponse)
            if response.coordinators:
                found = response.coordinators[0]
                code, node_id, host, port = found.error_code, found.node_id, found.host, found.port
            else:
                code, node_id, host, port = response.error_code, response.node_id, response.host, response.port
            if code != ErrorCode.NONE:
                raise KafkaError(error_code(code), f"the coordinator of {_KEY_TYPES[key_type]} '{key}'")
            self.metadata.brokers.setdefault(node_id, BrokerAddress(node_id, host, port))
            return node_id

        return await self.retry(look)

    def _for_version(self, request: FindCoordinatorRequest) -> FindCoordinatorRequest:
        # Versions 0 to 3 name one key, later ones a list; a field that a version lacks must be empty.
        connection = next((each for each in self._connections.values() if not each.closed), None)
        if connection is not None and connection.version_of(FindCoordinatorRequest) < 4:
            request.coordinator_keys = []
        else:
            request.key = ""
        return request

    async def retry(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        timeout_ms: float | None = None,
        unless: tuple[ErrorCode, ...] = (),
    ) -> T:
        """Call until it succeeds, fails for good, or the time is over; the last error is raised."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (timeout_ms or self.request_timeout_ms) / 1000
        backoff_ms = RETRY_BACKOFF_MS
        while True:
            try:
                return await attempt()
            except KafkaError as error:
                if not error.code.retriable or error.code in unless or loop.time() >= deadline:
                    raise
            except RetriableError:
                if loop.time() >= deadline:
                    raise
            raise_if_cancelled()
            await asyncio.sleep(backoff_ms / 1000)
            backoff_ms = min(backoff_ms * 2, RETRY_BACKOFF_MAX_MS)


_CONTROLLERS = 2
"""The endpoint type of DescribeCluster."""
_KEY_TYPES = {0: "group", 1: "transactional id"}
_ABSENT = (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.LEADER_NOT_AVAILABLE)
