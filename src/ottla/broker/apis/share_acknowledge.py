"""ShareAcknowledge (79): a member of a share group says what became of records, without fetching more.

| version | what changed                                                   | KIP  |
|---------|----------------------------------------------------------------|------|
| 1       |                                                                | 932  |
| 2       | renewing acquisition locks; how long they last, in the answer  | 1222 |

Kafka's `KafkaApis.handleShareAcknowledgeRequest`.
"""

from collections.abc import Awaitable

from ottla.broker.apis.share_fetch import ERRORS_WITH_LEADER, SHARE_VERSION
from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.request_context import RequestContext
from ottla.broker.share.acknowledgements import Acknowledged, acknowledge
from ottla.broker.share.share_partitions import SharePartitions
from ottla.broker.share.share_session import FINAL_EPOCH, INITIAL_EPOCH, ShareSession, TopicPartition
from ottla.protocol.api.share_acknowledge import (
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
)
from ottla.protocol.errors import ErrorCode


class ShareAcknowledgeHandler:
    def __init__(self, shares: SharePartitions, replicas: ReplicaManager) -> None:
        self._shares = shares
        self._replicas = replicas

    def __call__(
        self, context: RequestContext, request: ShareAcknowledgeRequest
    ) -> Eventually[ShareAcknowledgeResponse]:
        group_id, member_id = request.group_id or "", request.member_id or ""
        if not self._replicas.image.features.level(SHARE_VERSION):
            return _refused(ErrorCode.UNSUPPORTED_VERSION)
        if not group_id or not member_id:
            return _refused(ErrorCode.INVALID_REQUEST)
        epoch = request.share_session_epoch
        if epoch == INITIAL_EPOCH:  # a session begins with a fetch
            return _refused(ErrorCode.INVALID_SHARE_SESSION_EPOCH)
        session = self._shares.next_session(group_id, member_id, epoch, context.connection)
        if isinstance(session, ErrorCode):
            return _refused(session)
        wanted = {
            TopicPartition(topic.topic_id, each.partition_index): each.acknowledgement_batches
            for topic in request.topics
            for each in topic.partitions
        }
        is_final = epoch == FINAL_EPOCH
        outcome = acknowledge(self._shares, group_id, member_id, wanted, is_renew=request.is_renew_ack)
        if isinstance(outcome, dict):
            return self._answer(context, session, outcome, is_final=is_final)
        return self._when_acknowledged(context, session, outcome, is_final=is_final)

    async def _when_acknowledged(
        self, context: RequestContext, session: ShareSession, outcome: Awaitable[Acknowledged], *, is_final: bool
    ) -> ShareAcknowledgeResponse:
        return self._answer(context, session, await outcome, is_final=is_final)

    def _answer(
        self, context: RequestContext, session: ShareSession, outcomes: Acknowledged, *, is_final: bool
    ) -> ShareAcknowledgeResponse:
        if is_final:
            self._shares.close_session(session)
        topics: dict[bytes, list[PartitionData]] = {}
        endpoints: dict[int, NodeEndpoint] = {}
        for where, refused in outcomes.items():
            data = PartitionData(
                partition_index=where.partition,
                error_code=ErrorCode.NONE if refused is None else refused.error,
                error_message=None if refused is None else refused.message,
                current_leader=LeaderIdAndEpoch(leader_id=0, leader_epoch=0),
            )
            if data.error_code in ERRORS_WITH_LEADER:
                self._add_leader(context, where, data, endpoints)
            topics.setdefault(where.topic_id, []).append(data)
        return ShareAcknowledgeResponse(
            error_code=ErrorCode.NONE,
            acquisition_lock_timeout_ms=self._shares.config_of(session.group_id).record_lock_duration_ms,
            responses=[
                ShareAcknowledgeTopicResponse(topic_id=topic_id, partitions=partitions)
                for topic_id, partitions in topics.items()
            ],
            node_endpoints=list(endpoints.values()),
        )

    def _add_leader(
        self, context: RequestContext, where: TopicPartition, data: PartitionData, endpoints: dict[int, NodeEndpoint]
    ) -> None:
        topic = self._replicas.image.topics.by_id.get(where.topic_id)
        leader_id, leader_epoch = self._replicas.current_leader(topic, where.partition)
        data.current_leader = LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=leader_epoch)
        at = self._replicas.endpoint(leader_id, context.listener)
        if at is not None:
            endpoints[leader_id] = NodeEndpoint(node_id=leader_id, host=at.host, port=at.port, rack=at.rack)


def _refused(error: ErrorCode) -> ShareAcknowledgeResponse:
    return ShareAcknowledgeResponse(error_code=error, responses=[], node_endpoints=[])
