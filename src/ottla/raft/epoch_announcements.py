"""BeginQuorumEpoch and EndQuorumEpoch: a leader says that it leads, and that it does not any more. KIP-595, 853.

After an end the first of the preferred successors tries at once; each after it waits twice as long as the one before,
so that the one that is furthest has the field to itself.
"""

from ottla.protocol.api.begin_quorum_epoch import (
    BeginQuorumEpochRequest,
    BeginQuorumEpochResponse,
    BeginQuorumEpochResponsePartitionData,
    BeginQuorumEpochResponseTopicData,
)
from ottla.protocol.api.begin_quorum_epoch import NodeEndpoint as BeginNodeEndpoint
from ottla.protocol.api.end_quorum_epoch import (
    EndQuorumEpochRequest,
    EndQuorumEpochRequestPartitionData,
    EndQuorumEpochResponse,
    EndQuorumEpochResponsePartitionData,
    EndQuorumEpochResponseTopicData,
)
from ottla.protocol.api.end_quorum_epoch import NodeEndpoint as EndNodeEndpoint
from ottla.protocol.errors import ErrorCode
from ottla.raft import transitions
from ottla.raft.connections import InFlight
from ottla.raft.inbound import Inbound
from ottla.raft.responses import PARTITION, TOPIC, has_cluster_id, leader_endpoints, leader_node_endpoint
from ottla.raft.said import handle_common
from ottla.raft.settings import Endpoints
from ottla.raft.state import Follower, Leader, Now, QuorumState, Resigned
from ottla.raft.validation import is_for_us, voter_only
from ottla.raft.voter_set import ReplicaKey


def handle_begin(state: QuorumState, inbound: Inbound, request: BeginQuorumEpochRequest, now: Now) -> None:
    top = _top_level_error(
        state, request.cluster_id, [(topic.topic_name, len(topic.partitions)) for topic in request.topics]
    )
    if top is not ErrorCode.NONE:
        state.reply(inbound, BeginQuorumEpochResponse(error_code=top, topics=[]))
        return
    said = request.topics[0].partitions[0]
    endpoints = {one.name: (one.host, one.port) for one in request.leader_endpoints}
    error = _learn(state, said.leader_id, said.leader_epoch, endpoints, now)
    if error is ErrorCode.NONE and not is_for_us(state, request.voter_id, said.voter_directory_id):
        error = ErrorCode.INVALID_VOTER_KEY
    partition = BeginQuorumEpochResponsePartitionData(
        partition_index=PARTITION, error_code=error, leader_id=state.election.leader_id, leader_epoch=state.epoch
    )
    response = BeginQuorumEpochResponse(
        error_code=ErrorCode.NONE,
        topics=[BeginQuorumEpochResponseTopicData(topic_name=TOPIC, partitions=[partition])],
        node_endpoints=leader_node_endpoint(
            state, inbound, 1, lambda node_id, host, port: BeginNodeEndpoint(node_id=node_id, host=host, port=port)
        ),
    )
    state.reply(inbound, response)


def handle_end(state: QuorumState, inbound: Inbound, request: EndQuorumEpochRequest, now: Now) -> None:
    top = _top_level_error(
        state, request.cluster_id, [(topic.topic_name, len(topic.partitions)) for topic in request.topics]
    )
    if top is not ErrorCode.NONE:
        state.reply(inbound, EndQuorumEpochResponse(error_code=top, topics=[]))
        return
    said = request.topics[0].partitions[0]
    endpoints = {one.name: (one.host, one.port) for one in request.leader_endpoints}
    error = _learn(state, said.leader_id, said.leader_epoch, endpoints, now)
    role = state.role
    if error is ErrorCode.NONE and isinstance(role, Follower) and role.leader_id == said.leader_id:
        role.fetch_deadline_ms = now.monotonic_ms + _end_epoch_backoff_ms(state, said)
    partition = EndQuorumEpochResponsePartitionData(
        partition_index=PARTITION, error_code=error, leader_id=state.election.leader_id, leader_epoch=state.epoch
    )
    response = EndQuorumEpochResponse(
        error_code=ErrorCode.NONE,
        topics=[EndQuorumEpochResponseTopicData(topic_name=TOPIC, partitions=[partition])],
        node_endpoints=leader_node_endpoint(
            state, inbound, 1, lambda node_id, host, port: EndNodeEndpoint(node_id=node_id, host=host, port=port)
        ),
    )
    state.reply(inbound, response)


def _top_level_error(state: QuorumState, cluster_id: str | None, topics: list[tuple[str, int]]) -> ErrorCode:
    if not has_cluster_id(state, cluster_id):
        return ErrorCode.INCONSISTENT_CLUSTER_ID
    return ErrorCode.NONE if topics == [(TOPIC, 1)] else ErrorCode.INVALID_REQUEST


def _learn(state: QuorumState, leader_id: int, epoch: int, endpoints: Endpoints, now: Now) -> ErrorCode:
    """What cannot be, two leaders of one epoch, is answered INCONSISTENT_VOTER_SET; Apache Kafka's node ends there."""
    error = voter_only(state, leader_id, epoch)
    if error is not ErrorCode.NONE:
        return error
    known = endpoints or state.history.voters.endpoints(leader_id)
    if leader_id == state.local.node_id or not transitions.learn_of_leader(state, now, epoch, leader_id, known):
        return ErrorCode.INCONSISTENT_VOTER_SET
    return ErrorCode.NONE


def _end_epoch_backoff_ms(state: QuorumState, said: EndQuorumEpochRequestPartitionData) -> float:
    keys = [ReplicaKey(one.candidate_id, one.candidate_directory_id) for one in said.preferred_candidates]
    if not keys:
        keys = [ReplicaKey(node_id, bytes(16)) for node_id in said.preferred_successors]
    most_ms = state.settings.election_backoff_max_ms
    position = next(
        (
            index
            for index, key in enumerate(keys)
            if key.node_id == state.local.node_id and (not key.has_directory or key == state.local)
        ),
        len(keys),
    )
    if position == 0:
        return 0
    if position >= len(keys):
        return most_ms
    return min(most_ms, (most_ms >> (len(keys) - 1)) << (position - 1))


def handle_begin_response(state: QuorumState, waiting: InFlight, response: BeginQuorumEpochResponse, now: Now) -> bool:
    if response.error_code != ErrorCode.NONE or len(response.topics) != 1 or len(response.topics[0].partitions) != 1:
        return False
    said = response.topics[0].partitions[0]
    endpoints = leader_endpoints(state, said.leader_id, response.node_endpoints)
    handled = handle_common(state, now, said.error_code, said.leader_id, said.leader_epoch, endpoints)
    if handled is not None:
        return handled
    asked = waiting.request
    assert isinstance(asked, BeginQuorumEpochRequest), asked
    role = state.role
    if said.error_code == ErrorCode.NONE and isinstance(role, Leader) and asked.voter_id in role.voters:
        role.voters[asked.voter_id].has_acknowledged = True
    return said.error_code == ErrorCode.NONE


def handle_end_response(state: QuorumState, waiting: InFlight, response: EndQuorumEpochResponse, now: Now) -> bool:
    if response.error_code != ErrorCode.NONE or len(response.topics) != 1 or len(response.topics[0].partitions) != 1:
        return False
    said = response.topics[0].partitions[0]
    endpoints = leader_endpoints(state, said.leader_id, response.node_endpoints)
    if not (said.leader_id == state.local.node_id and said.leader_epoch == state.epoch):
        handled = handle_common(state, now, said.error_code, said.leader_id, said.leader_epoch, endpoints)
        if handled is not None:
            return handled
    role = state.role
    if said.error_code == ErrorCode.NONE and isinstance(role, Resigned):
        listener = state.settings.listener_name
        role.unacknowledged -= {
            voter.key.node_id for voter in state.history.voters if voter.endpoints.get(listener) == waiting.destination
        }
    return said.error_code == ErrorCode.NONE
