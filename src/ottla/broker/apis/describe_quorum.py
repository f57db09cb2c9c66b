"""DescribeQuorum (55): who leads and votes in the metadata quorum, and how far each is.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       | leader, epoch, high watermark, voters, observers          | 595 |
| 1       | when a replica last fetched, and last was caught up       | 836 |
| 2       | directory ids, the voters' endpoints, error messages      | 853 |

Only the one partition of `__cluster_metadata` has a quorum; a request that names anything else is refused as a whole.
Only the leader knows how far the others are: whoever else is asked answers NOT_LEADER_OR_FOLLOWER.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.protocol.api.describe_quorum import (
    DescribeQuorumRequest,
    DescribeQuorumResponse,
    DescribeQuorumResponsePartitionData,
    DescribeQuorumResponseTopicData,
    Listener,
    Node,
    ReplicaState,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID
from ottla.raft.state import Leader, Progress

if TYPE_CHECKING:
    from ottla.broker.controller.quorum_shell import QuorumShell
    from ottla.broker.request_context import RequestContext
    from ottla.raft.voter_set import ReplicaKey
    from ottla.runtime.time import Clock

KIP_853 = 2
CLUSTER_METADATA = ("__cluster_metadata", 0)
UNKNOWN = -1
_NOT_HEARD_OF = Progress()


class DescribeQuorumHandler:
    def __init__(self, quorum: QuorumShell, clock: Clock) -> None:
        self._quorum = quorum
        self._clock = clock

    def __call__(self, context: RequestContext, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
        asked = [
            (topic.topic_name, partition.partition_index) for topic in request.topics for partition in topic.partitions
        ]
        if asked != [CLUSTER_METADATA] or len(request.topics) != 1:
            return _refused(request)
        role, version = self._quorum.raft.role, context.api_version
        if not isinstance(role, Leader):
            error = ErrorCode.NOT_LEADER_OR_FOLLOWER
            return DescribeQuorumResponse(error_code=error, error_message=error.message, topics=[], nodes=[])
        partition = self._partition(role, version)
        topic = DescribeQuorumResponseTopicData(topic_name=CLUSTER_METADATA[0], partitions=[partition])
        nodes = self._nodes() if version >= KIP_853 else []
        return DescribeQuorumResponse(error_code=ErrorCode.NONE, topics=[topic], nodes=nodes)

    def _nodes(self) -> list[Node]:
        return [
            Node(
                node_id=voter.key.node_id,
                listeners=[Listener(name=name, host=host, port=port) for name, (host, port) in voter.endpoints.items()],
            )
            for voter in self._quorum.history.voters
        ]

    def _partition(self, role: Leader, version: int) -> DescribeQuorumResponsePartitionData:
        quorum = self._quorum
        voters = [
            self._state(voter.key, role.voters.get(voter.key.node_id, _NOT_HEARD_OF), version)
            for voter in quorum.history.voters
        ]
        return DescribeQuorumResponsePartitionData(
            partition_index=CLUSTER_METADATA[1],
            error_code=ErrorCode.NONE,
            leader_id=quorum.leader_id,
            leader_epoch=quorum.leader_epoch,
            high_watermark=UNKNOWN if role.high_watermark is None else role.high_watermark,
            current_voters=voters,
            observers=[self._state(key, progress, version) for key, progress in role.observers.items()],
        )

    def _state(self, key: ReplicaKey, progress: Progress, version: int) -> ReplicaState:
        """The leader's own: it is always caught up with itself."""
        is_local = key.node_id == self._quorum.local.node_id
        now_ms = self._clock.now_ms()
        end_offset = self._quorum.log_end_offset if is_local else progress.end_offset
        return ReplicaState(
            replica_id=key.node_id,
            replica_directory_id=key.directory_id if version >= KIP_853 else ZERO_UUID,
            log_end_offset=UNKNOWN if end_offset is None else end_offset,
            last_fetch_timestamp=now_ms if is_local else progress.last_fetch_wall_ms,
            last_caught_up_timestamp=now_ms if is_local else progress.last_caught_up_wall_ms,
        )


def _refused(request: DescribeQuorumRequest) -> DescribeQuorumResponse:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return DescribeQuorumResponse(
        error_code=ErrorCode.NONE,
        topics=[
            DescribeQuorumResponseTopicData(
                topic_name=topic.topic_name,
                partitions=[
                    DescribeQuorumResponsePartitionData(
                        partition_index=partition.partition_index,
                        error_code=unknown,
                        error_message=unknown.message,
                        leader_id=0,
                        leader_epoch=0,
                        high_watermark=0,
                        current_voters=[],
                        observers=[],
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )
