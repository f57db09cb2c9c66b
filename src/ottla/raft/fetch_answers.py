"""What a replica answers to Fetch, and to those who wait for news when it does not lead any more. KIP-595, 853."""

from ottla.protocol.api.fetch import (
    FetchableTopicResponse,
    FetchResponse,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
)
from ottla.protocol.errors import ErrorCode
from ottla.raft.inbound import Inbound
from ottla.raft.responses import PARTITION, TOPIC, TOPIC_ID, leader_node_endpoint
from ottla.raft.state import Leader, QuorumState

NO_HIGH_WATERMARK = -1
TOPIC_ID_VERSION, NODE_ENDPOINTS_VERSION = 13, 16


def fetch_partition(state: QuorumState, error: ErrorCode, records: bytes = b"") -> PartitionData:
    role = state.role
    high_watermark = role.high_watermark if isinstance(role, Leader) and error is ErrorCode.NONE else None
    return PartitionData(
        partition_index=PARTITION,
        error_code=error,
        high_watermark=NO_HIGH_WATERMARK if high_watermark is None else high_watermark,
        log_start_offset=state.log.start_offset,
        current_leader=LeaderIdAndEpoch(leader_id=state.election.leader_id, leader_epoch=state.epoch),
        aborted_transactions=None,
        records=memoryview(records),
    )


def fetch_response(state: QuorumState, inbound: Inbound, partition: PartitionData) -> FetchResponse:
    if inbound.api_version >= TOPIC_ID_VERSION:
        topic = FetchableTopicResponse(topic_id=TOPIC_ID, partitions=[partition])
    else:
        topic = FetchableTopicResponse(topic=TOPIC, partitions=[partition])
    return FetchResponse(
        error_code=ErrorCode.NONE,
        responses=[topic],
        node_endpoints=leader_node_endpoint(
            state,
            inbound,
            NODE_ENDPOINTS_VERSION,
            lambda node_id, host, port: NodeEndpoint(node_id=node_id, host=host, port=port),
        ),
    )


def answer_parked(state: QuorumState, role: Leader, error: ErrorCode) -> None:
    """We do not lead any more."""
    for parked in role.parked.values():
        state.reply(parked.inbound, fetch_response(state, parked.inbound, fetch_partition(state, error)))
    role.parked.clear()
