"""DescribeQuorum (55): who leads and votes in the metadata quorum, and how far each is.

| version | what changed                                              | KIP |
|---------|-----------------------------------------------------------|-----|
| 0       | leader, epoch, high watermark, voters, observers          | 595 |
| 1       | when a replica last fetched, and last was caught up       | 836 |
| 2       | directory ids, the voters' endpoints, error messages      | 853 |

Only the one partition of `__cluster_metadata` has a quorum; a request that names anything else is refused as a whole.
"""

from ottla.broker.controller.shell import ControllerShell
from ottla.broker.request_context import RequestContext
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
from ottla.raft.voter_set import ReplicaKey
from ottla.runtime.time import Clock

KIP_853 = 2
CLUSTER_METADATA = ("__cluster_metadata", 0)


class DescribeQuorumHandler:
    def __init__(self, controller: ControllerShell, clock: Clock) -> None:
        self._controller = controller
        self._clock = clock

    def __call__(self, context: RequestContext, request: DescribeQuorumRequest) -> DescribeQuorumResponse:
        asked = [
            (topic.topic_name, partition.partition_index) for topic in request.topics for partition in topic.partitions
        ]
        if asked != [CLUSTER_METADATA] or len(request.topics) != 1:
            return _refused(request)
        voters = self._controller.history.voters.voters
        return DescribeQuorumResponse(
            error_code=ErrorCode.NONE,
            topics=[
                DescribeQuorumResponseTopicData(
                    topic_name=CLUSTER_METADATA[0], partitions=[self._partition(context.api_version)]
                ),
            ],
            nodes=[
                Node(
                    node_id=voter.key.node_id,
                    listeners=[
                        Listener(name=name, host=host, port=port) for name, (host, port) in voter.endpoints.items()
                    ],
                )
                for voter in voters
            ]
            if context.api_version >= KIP_853
            else [],
        )

    def _partition(self, version: int) -> DescribeQuorumResponsePartitionData:
        controller = self._controller
        return DescribeQuorumResponsePartitionData(
            partition_index=CLUSTER_METADATA[1],
            error_code=ErrorCode.NONE,
            leader_id=controller.quorum.leader_id,
            leader_epoch=controller.leader_epoch,
            high_watermark=controller.high_watermark,
            current_voters=[self._state(voter.key, version) for voter in controller.history.voters.voters],
            observers=[],
        )

    def _state(self, voter: ReplicaKey, version: int) -> ReplicaState:
        """The leader's own: it is the only voter, and always caught up with itself."""
        now_ms = self._clock.now_ms()
        return ReplicaState(
            replica_id=voter.node_id,
            replica_directory_id=voter.directory_id if version >= KIP_853 else ZERO_UUID,
            log_end_offset=self._controller.log_end_offset,
            last_fetch_timestamp=now_ms,
            last_caught_up_timestamp=now_ms,
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
