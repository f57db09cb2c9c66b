"""The metadata quorum: who leads, who votes, how far each replica is (KIP-595, 836); add or remove voters (KIP-853)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ottla.clients.client import KafkaClient, ResponseT
from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse, Listener
from ottla.protocol.api.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumRequestPartitionData,
    DescribeQuorumRequestTopicData,
    DescribeQuorumResponse,
    ReplicaState,
)
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.errors import ErrorCode, KafkaError, error_code
from ottla.protocol.message import Request
from ottla.protocol.types import ZERO_UUID, uuid_text

CLUSTER_METADATA = "__cluster_metadata"
LEADER, VOTER, OBSERVER = "leader", "voter", "observer"
_STATIC = "the voters of this quorum are static (controller.quorum.voters): they change with the configs of all nodes"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a controller listens."""

    listener: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.listener}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class QuorumReplica:
    node_id: int
    directory_id: bytes
    """All zero: not known."""
    role: str
    """`LEADER`, `VOTER` or `OBSERVER`."""
    log_end_offset: int
    lag: int
    """Records that the leader has and this replica has not."""
    caught_up_ago_ms: int | None
    """How long ago it had all that the leader had, by the leader's clock; `None`: never, or not said."""
    endpoints: tuple[Endpoint, ...]
    """Of voters, where the quorum knows them."""

    @property
    def directory(self) -> str | None:
        """Its directory id as Kafka writes it, if it is known."""
        return None if self.directory_id == ZERO_UUID else uuid_text(self.directory_id)


@dataclass(frozen=True, slots=True)
class QuorumStatus:
    cluster_id: str
    leader_id: int
    leader_epoch: int
    high_watermark: int
    replicas: list[QuorumReplica]
    """The leader, the other voters, the observers, each in order of their ids."""

    @property
    def voters(self) -> list[QuorumReplica]:
        return [replica for replica in self.replicas if replica.role != OBSERVER]

    @property
    def max_lag(self) -> int:
        """Of the voters."""
        return max((replica.lag for replica in self.voters), default=0)

    def replica(self, node_id: int) -> QuorumReplica | None:
        return next((replica for replica in self.replicas if replica.node_id == node_id), None)


def quorum_json(status: QuorumStatus) -> dict[str, object]:
    """As command line and console tell it."""
    return {
        "leader_id": status.leader_id,
        "leader_epoch": status.leader_epoch,
        "high_watermark": status.high_watermark,
        "max_lag": status.max_lag,
        "replicas": [
            {
                "node_id": each.node_id,
                "role": each.role,
                "log_end_offset": each.log_end_offset,
                "lag": each.lag,
                "caught_up_ago_ms": each.caught_up_ago_ms,
                "directory_id": each.directory,
                "endpoints": [str(endpoint) for endpoint in each.endpoints],
            }
            for each in status.replicas
        ],
    }


async def quorum_status(client: KafkaClient) -> QuorumStatus:
    """Waits for a leader while there is none."""

    async def ask() -> QuorumStatus:
        if client.of_controllers:
            await client.refresh_controllers()
        asked = DescribeQuorumRequestTopicData(
            topic_name=CLUSTER_METADATA, partitions=[DescribeQuorumRequestPartitionData(partition_index=0)]
        )
        return _status(client, await _send(client, DescribeQuorumRequest(topics=[asked]), DescribeQuorumResponse))

    return await client.retry(ask)


async def add_voter(client: KafkaClient, node_id: int, directory_id: bytes, endpoints: Sequence[Endpoint]) -> None:
    """Return when it votes. It has to run already, as an observer, and to have caught up."""
    request = AddRaftVoterRequest(
        cluster_id=client.metadata.cluster_id,
        timeout_ms=int(client.request_timeout_ms),
        voter_id=node_id,
        voter_directory_id=directory_id,
        listeners=[Listener(name=each.listener, host=each.host, port=each.port) for each in endpoints],
    )
    response = await _send(client, request, AddRaftVoterResponse)
    code = error_code(response.error_code)
    if code is ErrorCode.UNSUPPORTED_VERSION:
        raise KafkaError(code, _STATIC)
    if code is ErrorCode.DUPLICATE_VOTER:
        raise KafkaError(code, f"node {node_id} votes already; remove that voter first if its directory is another")
    if code is ErrorCode.REQUEST_TIMED_OUT:
        where = ", ".join(map(str, endpoints))
        raise KafkaError(
            code, f"node {node_id} at {where} did not catch up in time. Does it run, and can it be reached?"
        )
    if code is not ErrorCode.NONE:
        raise KafkaError(code, response.error_message)


async def remove_voter(client: KafkaClient, node_id: int, directory_id: bytes) -> None:
    request = RemoveRaftVoterRequest(
        cluster_id=client.metadata.cluster_id, voter_id=node_id, voter_directory_id=directory_id
    )
    response = await _send(client, request, RemoveRaftVoterResponse)
    code = error_code(response.error_code)
    if code is ErrorCode.UNSUPPORTED_VERSION:
        raise KafkaError(code, _STATIC)
    if code is ErrorCode.VOTER_NOT_FOUND:
        raise KafkaError(code, f"node {node_id} with directory {uuid_text(directory_id)} does not vote")
    if code is not ErrorCode.NONE:
        raise KafkaError(code, response.error_message)


async def _send(client: KafkaClient, request: Request, response_class: type[ResponseT]) -> ResponseT:
    """To the active controller; a broker passes it on."""
    if not client.of_controllers:
        return await client.send_any(request, response_class)
    if client.metadata.controller_id < 0:
        raise KafkaError(ErrorCode.NOT_CONTROLLER, "the quorum has no leader")
    return await client.send_to(client.metadata.controller_id, request, response_class)


def _status(client: KafkaClient, response: DescribeQuorumResponse) -> QuorumStatus:
    if response.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(response.error_code), response.error_message or None)
    partition = response.topics[0].partitions[0]
    if partition.error_code != ErrorCode.NONE:
        raise KafkaError(error_code(partition.error_code), partition.error_message or None)
    endpoints = {
        node.node_id: tuple(Endpoint(each.name, each.host, each.port) for each in node.listeners)
        for node in response.nodes
    }
    states = [*partition.current_voters, *partition.observers]
    leader = next((state for state in states if state.replica_id == partition.leader_id), None)

    def replica(state: ReplicaState, role: str) -> QuorumReplica:
        lag = max(0, leader.log_end_offset - state.log_end_offset) if leader is not None else 0
        caught_up = state.last_caught_up_timestamp
        known = leader is not None and caught_up >= 0 and leader.last_caught_up_timestamp >= 0
        ago_ms = max(0, leader.last_caught_up_timestamp - caught_up) if known and leader is not None else None
        return QuorumReplica(
            state.replica_id,
            state.replica_directory_id,
            LEADER if state.replica_id == partition.leader_id else role,
            state.log_end_offset,
            lag,
            ago_ms,
            endpoints.get(state.replica_id, ()),
        )

    replicas = [replica(state, VOTER) for state in partition.current_voters]
    replicas += [replica(state, OBSERVER) for state in partition.observers]
    replicas.sort(key=lambda each: ((LEADER, VOTER, OBSERVER).index(each.role), each.node_id))
    return QuorumStatus(
        client.metadata.cluster_id or "",
        partition.leader_id,
        partition.leader_epoch,
        partition.high_watermark,
        replicas,
    )
