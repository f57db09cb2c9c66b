"""TxnOffsetCommit (28): store how far a group has read, as part of a transaction.

| version | what changed                                                              | KIP |
|---------|---------------------------------------------------------------------------|-----|
| 0       |                                                                           | 98  |
| 1       | throttled after the answer                                                | 219 |
| 2       | leader epochs; COORDINATOR_LOAD_IN_PROGRESS is answered                   | 320 |
| 3       | checked like a member's; flexible                                         | 447 |
| 4       | TRANSACTION_ABORTABLE                                                     | 890 |
| 5       | transactions of version 2: this makes the group's partition join          | 890 |

Offsets of topics and partitions that do not exist are refused one by one; the rest is stored, if the group's partition
of `__consumer_offsets` is part of the transaction.
"""

from collections.abc import Awaitable, Callable, Mapping

from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC, GroupCoordinator
from ottla.broker.coordinator.transaction_coordinator import Enrolment, Eventually, PartitionErrors
from ottla.broker.request_context import RequestContext
from ottla.coordinator.group.txn_offset_commit import txn_commit_error
from ottla.coordinator.transaction.metadata import TopicPartition
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)
from ottla.protocol.errors import ErrorCode

LOADING_SINCE = 2
ABORTABLE_SINCE = 4
ADDS_SINCE = 5

# How an error of the verification is told (CoordinatorOperationExceptionHelper).
_TOLD_AS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.REQUEST_TIMED_OUT: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR: ErrorCode.NOT_COORDINATOR,
}


class TxnOffsetCommitHandler:
    def __init__(self, groups: GroupCoordinator, transactions: Enrolment, image: Callable[[], MetadataImage]) -> None:
        self._groups = groups
        self._transactions = transactions
        self._image = image

    def __call__(self, context: RequestContext, request: TxnOffsetCommitRequest) -> Eventually[TxnOffsetCommitResponse]:
        version = context.api_version
        refused = self._refuse_unknown(request)
        if not request.topics:
            return TxnOffsetCommitResponse(topics=refused)
        if not request.group_id:
            return _finish(version, txn_commit_error(request, ErrorCode.INVALID_GROUP_ID), refused)
        errors = self._enroll(version, request)
        if not isinstance(errors, Mapping):
            return self._commit_later(version, request, refused, errors)
        answer = self._commit(request, errors)
        if isinstance(answer, TxnOffsetCommitResponse):
            return _finish(version, answer, refused)
        return _when_done(version, answer, refused)

    def _enroll(self, version: int, request: TxnOffsetCommitRequest) -> Eventually[PartitionErrors]:
        """See that the group's partition is part of the transaction, unless its log knows that already."""
        if self._groups.has_open_transaction(request.group_id, request.producer_id, request.producer_epoch):
            return {}
        partition = TopicPartition(GROUP_METADATA_TOPIC, self._groups.partition_for(request.group_id))
        return self._transactions.enroll(
            request.transactional_id,
            request.producer_id,
            request.producer_epoch,
            (partition,),
            adds=version >= ADDS_SINCE,
            knows_abortable=version >= ABORTABLE_SINCE,
        )

    def _commit(self, request: TxnOffsetCommitRequest, errors: PartitionErrors) -> Eventually[TxnOffsetCommitResponse]:
        for error in errors.values():
            if error is not ErrorCode.NONE:
                return txn_commit_error(request, _TOLD_AS.get(error, error))
        return self._groups.commit_transactional_offsets(request)

    async def _commit_later(
        self,
        version: int,
        request: TxnOffsetCommitRequest,
        refused: list[TxnOffsetCommitResponseTopic],
        errors: Awaitable[PartitionErrors],
    ) -> TxnOffsetCommitResponse:
        answer = self._commit(request, await errors)
        done = answer if isinstance(answer, TxnOffsetCommitResponse) else await answer
        return _finish(version, done, refused)

    def _refuse_unknown(self, request: TxnOffsetCommitRequest) -> list[TxnOffsetCommitResponseTopic]:
        """Leave what exists in the request; answer the rest."""
        topics = self._image().topics.by_name
        known: list[TxnOffsetCommitRequestTopic] = []
        refused: list[TxnOffsetCommitResponseTopic] = []
        for topic in request.topics:
            image = topics.get(topic.name)
            there: list[TxnOffsetCommitRequestPartition] = []
            missing: list[TxnOffsetCommitRequestPartition] = []
            for partition in topic.partitions:
                exists = image is not None and partition.partition_index in image.partitions
                (there if exists else missing).append(partition)
            if missing:
                answers = [
                    TxnOffsetCommitResponsePartition(
                        partition_index=partition.partition_index, error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
                    )
                    for partition in missing
                ]
                refused.append(TxnOffsetCommitResponseTopic(name=topic.name, partitions=answers))
            if there:
                topic.partitions = there
                known.append(topic)
        request.topics = known
        return refused


def _finish(
    version: int, response: TxnOffsetCommitResponse, refused: list[TxnOffsetCommitResponseTopic]
) -> TxnOffsetCommitResponse:
    """A topic of which some partitions were stored and some refused is still answered once."""
    if version < LOADING_SINCE:  # producers of that time do not know the error
        for topic in response.topics:
            for partition in topic.partitions:
                if partition.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
                    partition.error_code = ErrorCode.COORDINATOR_NOT_AVAILABLE
    if refused:
        by_name = {topic.name: topic for topic in response.topics}
        for topic in refused:
            stored = by_name.get(topic.name)
            if stored is None:
                response.topics.append(topic)
            else:
                stored.partitions += topic.partitions
    return response


async def _when_done(
    version: int, answer: Awaitable[TxnOffsetCommitResponse], refused: list[TxnOffsetCommitResponseTopic]
) -> TxnOffsetCommitResponse:
    return _finish(version, await answer, refused)
