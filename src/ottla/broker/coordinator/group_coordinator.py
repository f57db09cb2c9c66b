"""The group coordinator of a node: finds the shard of a group, checks what needs no shard, and maps errors.

What handlers call. An answer is given at once where nothing has to be waited for, else as an awaitable. Answers are
those of the newest version; the handlers know what older ones looked like. Kafka's GroupCoordinatorService.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.runtime import CoordinatorRuntime
from ottla.coordinator.group.classic_group import join_error, sync_error
from ottla.coordinator.group.config import GroupCoordinatorConfig
from ottla.coordinator.group.consumer.describe import described_consumer_group_error
from ottla.coordinator.group.consumer.expressions import VisibleTopics, all_visible
from ottla.coordinator.group.consumer.heartbeat import validate_heartbeat
from ottla.coordinator.group.describe import described_error
from ottla.coordinator.group.offset_commit import commit_error
from ottla.coordinator.group.offset_fetch import fetch_error
from ottla.coordinator.group.shard import GroupShard
from ottla.coordinator.group.txn_offset_commit import txn_commit_error
from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.result import CoordinatorResult, RequestingClient
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.consumer_group_describe import DescribedGroup as DescribedConsumerGroup
from ottla.protocol.api.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.api.delete_groups import DeletableGroupResult
from ottla.protocol.api.describe_groups import DescribedGroup
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.api.join_group import JoinGroupRequest, JoinGroupResponse
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.api.list_groups import ListedGroup, ListGroupsResponse
from ottla.protocol.api.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.api.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.protocol.api.offset_fetch import OffsetFetchRequestGroup, OffsetFetchResponseGroup
from ottla.protocol.api.sync_group import SyncGroupRequest, SyncGroupResponse
from ottla.protocol.api.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.coordinator.group.streams.heartbeat import HeartbeatOutcome as StreamsHeartbeatOutcome
    from ottla.protocol.api.streams_group_describe import DescribedGroup as DescribedStreamsGroup
    from ottla.protocol.api.streams_group_heartbeat import StreamsGroupHeartbeatRequest

T = TypeVar("T")
Eventually: TypeAlias = T | Awaitable[T]

GROUP_METADATA_TOPIC: Final = "__consumer_offsets"


class GroupCoordinator:
    """`partition_count` is what `__consumer_offsets` has, or will have when it is made."""

    def __init__(
        self,
        runtime: CoordinatorRuntime[GroupShard],
        config: GroupCoordinatorConfig,
        *,
        node_id: int,
        partition_count: int,
    ) -> None:
        self._runtime = runtime
        self._config = config
        self._node_id = node_id
        self._partition_count = partition_count
        self.image = MetadataImage()
        """The newest metadata; what the shards decide by."""

    # -- metadata

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Follow who leads the partitions, and which topics are gone. After the replica manager has followed."""
        self.image = image
        deleted = {topic.name for topic in delta.deleted_topics.values()}
        if GROUP_METADATA_TOPIC in deleted:
            self._runtime.close()
        topic = image.topics.by_name.get(GROUP_METADATA_TOPIC)
        if topic is None:
            return
        self._partition_count = len(topic.partitions)
        changed = delta.changed_topics.get(topic.topic_id)
        if changed is not None:
            for index, partition in changed.partition_changes.items():
                if partition.leader == self._node_id:
                    self._runtime.elect(index, partition.leader_epoch)
                else:
                    self._runtime.resign(index)
        if not deleted and not delta.changed_topics:
            return
        names = {topic.name for topic in delta.changed_topics.values()}
        some_are_new = any(topic_id not in delta.image.topics.by_id for topic_id in delta.changed_topics)
        for index, shard in self._runtime.shards():
            if isinstance(shard, GroupShard):
                shard.topics_changed(names, deleted, some_are_new=some_are_new)
                if deleted:
                    self._runtime.write(index, shard.topics_deleted(deleted), _ignore)

    @property
    def runtime(self) -> CoordinatorRuntime[GroupShard]:
        """The shards, for the coordinator of share groups, which live in them."""
        return self._runtime

    def has_share_group(self, group_id: str) -> bool:
        _, shard = self._find(group_id)
        return isinstance(shard, GroupShard) and shard.has_share_group(group_id)

    def partition_for(self, group_id: str) -> int:
        return partition_for(group_id, self._partition_count)

    def close(self) -> None:
        self._runtime.close()

    def _find(self, group_id: str) -> tuple[int, GroupShard | ErrorCode]:
        index = partition_for(group_id, self._partition_count)
        return index, self._runtime.shard(index)

    def _committed(self, group_id: str) -> GroupShard | ErrorCode:
        """The shard for what reads."""
        return self._runtime.committed(self.partition_for(group_id))

    # -- membership

    def join_group(self, client: RequestingClient, request: JoinGroupRequest) -> Eventually[JoinGroupResponse]:
        config = self._config
        if not request.group_id:
            return join_error(request.member_id, ErrorCode.INVALID_GROUP_ID)
        timeout_ms = request.session_timeout_ms
        if not config.group_min_session_timeout_ms <= timeout_ms <= config.group_max_session_timeout_ms:
            return join_error(request.member_id, ErrorCode.INVALID_SESSION_TIMEOUT)
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return join_error("", shard)
        parked = _Parked[JoinGroupResponse]()
        result = shard.join_group(client, request, parked.respond)
        self._runtime.write(index, result, lambda error: parked.respond(join_error("", error)))
        return parked.answer()

    def sync_group(self, request: SyncGroupRequest) -> Eventually[SyncGroupResponse]:
        if not request.group_id:
            return sync_error(ErrorCode.INVALID_GROUP_ID)
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return sync_error(shard)
        parked = _Parked[SyncGroupResponse]()
        result = shard.sync_group(request, parked.respond)
        self._runtime.write(index, result, lambda error: parked.respond(sync_error(error)))
        return parked.answer()

    def heartbeat(self, request: HeartbeatRequest) -> ErrorCode:
        if not request.group_id:
            return ErrorCode.INVALID_GROUP_ID
        _, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            # While the group is being loaded its members have their session timeout anyway.
            return ErrorCode.NONE if shard is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS else shard
        return shard.heartbeat(request)

    def leave_group(self, request: LeaveGroupRequest) -> Eventually[LeaveGroupResponse]:
        if not request.group_id:
            return _leave_error(ErrorCode.INVALID_GROUP_ID)
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return _leave_error(shard)
        return self._runtime.write(index, shard.leave_group(request), _leave_error)

    def consumer_group_heartbeat(
        self,
        client: RequestingClient,
        request: ConsumerGroupHeartbeatRequest,
        visible: VisibleTopics = all_visible,
    ) -> Eventually[ConsumerGroupHeartbeatResponse]:
        """`visible`: of these topics, those that the client may describe."""
        try:
            validate_heartbeat(request, client.api_version, self._config.consumer_assignors)
            index, shard = self._find(request.group_id)
            if isinstance(shard, ErrorCode):
                return consumer_heartbeat_error(shard)
            result = shard.consumer_group_heartbeat(client, request, visible)
        except KafkaError as error:
            return consumer_heartbeat_error(error.code, error.message)
        return self._answer(index, result, consumer_heartbeat_error)

    def streams_group_heartbeat(
        self, client: RequestingClient, request: "StreamsGroupHeartbeatRequest"
    ) -> "Eventually[StreamsHeartbeatOutcome]":
        """The answer, and the internal topics that are to be made."""
        from ottla.coordinator.group.streams.heartbeat import heartbeat_error
        from ottla.coordinator.group.streams.validate import validate_heartbeat

        try:
            validate_heartbeat(request)
            index, shard = self._find(request.group_id)
            if isinstance(shard, ErrorCode):
                return heartbeat_error(shard, shard.message)
            result = shard.streams_group_heartbeat(client, request)
        except KafkaError as error:
            return heartbeat_error(error.code, error.message)
        return self._answer(index, result, lambda error: heartbeat_error(error, error.message))

    def _answer(self, index: int, result: CoordinatorResult[T], on_error: Callable[[ErrorCode], T]) -> Eventually[T]:
        """A heartbeat that changes nothing, too, tells only of what is committed."""
        if result.records:
            return self._runtime.write(index, result, on_error)
        return self._runtime.when_committed(index, result.response, on_error)

    # -- offsets

    def commit_offsets(self, api_version: int, request: OffsetCommitRequest) -> Eventually[OffsetCommitResponse]:
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return commit_error(request, shard)
        result = shard.commit_offsets(api_version, request)
        return self._runtime.write(index, result, lambda error: commit_error(request, error))

    def has_open_transaction(self, group_id: str, producer_id: int, producer_epoch: int) -> bool:
        """Whether the producer has committed offsets of the group in a transaction that is open."""
        return self._runtime.log.has_open_transaction(self.partition_for(group_id), producer_id, producer_epoch)

    def commit_transactional_offsets(self, request: TxnOffsetCommitRequest) -> Eventually[TxnOffsetCommitResponse]:
        """The caller has seen that the partition of the group is part of the producer's transaction."""
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return txn_commit_error(request, shard)
        return self._runtime.write(
            index,
            shard.commit_transactional_offsets(request),
            lambda error: txn_commit_error(request, error),
            (request.producer_id, request.producer_epoch),
        )

    def complete_transaction(self, index: int, marker: Marker) -> Eventually[ErrorCode]:
        """A transaction ends that committed offsets in a partition of `__consumer_offsets`."""
        return self._runtime.complete_transaction(index, marker)

    def fetch_offsets(
        self, request: OffsetFetchRequestGroup, *, require_stable: bool
    ) -> Eventually[OffsetFetchResponseGroup]:
        """What is committed for reads, at once; with `require_stable` what is appended, when that is committed."""
        index = self.partition_for(request.group_id)
        shard = self._runtime.committed(index)
        if isinstance(shard, ErrorCode):
            return fetch_error(request, shard)
        answer = shard.fetch_offsets(request, require_stable=require_stable)
        if not require_stable:
            return answer
        return self._runtime.when_committed(index, answer, lambda error: fetch_error(request, error))

    def delete_offsets(self, request: OffsetDeleteRequest) -> Eventually[OffsetDeleteResponse]:
        if not request.group_id:
            return _offset_delete_error(ErrorCode.INVALID_GROUP_ID)
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return _offset_delete_error(shard)
        return self._runtime.write(index, shard.delete_offsets(request), _offset_delete_error)

    # -- administration

    def describe_group(self, group_id: str, api_version: int) -> DescribedGroup:
        shard = self._committed(group_id)
        if isinstance(shard, ErrorCode):
            return described_error(group_id, shard, None)
        return shard.describe_group(group_id, api_version)

    def describe_consumer_group(self, group_id: str) -> DescribedConsumerGroup:
        if not group_id:
            return described_consumer_group_error(group_id, ErrorCode.INVALID_GROUP_ID)
        shard = self._committed(group_id)
        if isinstance(shard, ErrorCode):
            return described_consumer_group_error(group_id, shard)
        return shard.describe_consumer_group(group_id)

    def describe_streams_group(self, group_id: str) -> "DescribedStreamsGroup":
        from ottla.coordinator.group.streams.describe import described_streams_group_error

        if not group_id:
            return described_streams_group_error(group_id, ErrorCode.INVALID_GROUP_ID)
        shard = self._committed(group_id)
        if isinstance(shard, ErrorCode):
            return described_streams_group_error(group_id, shard)
        return shard.describe_streams_group(group_id)

    def list_groups(self, states: Sequence[str], types: Sequence[str]) -> ListGroupsResponse:
        """The groups of every partition led here; an error if one of them is still being loaded."""
        groups: list[ListedGroup] = []
        for _, shard in self._runtime.all_committed():
            if isinstance(shard, GroupShard):
                groups += shard.list_groups(states, types)
            elif shard is not ErrorCode.NOT_COORDINATOR:
                return ListGroupsResponse(error_code=shard, groups=[])
        return ListGroupsResponse(error_code=ErrorCode.NONE, groups=groups)

    def delete_groups(self, group_ids: Sequence[str]) -> list[Eventually[list[DeletableGroupResult]]]:
        """One batch of results, or what will be one, for each partition that coordinates some of the groups."""
        by_index: dict[int, list[str]] = {}
        for group_id in group_ids:
            by_index.setdefault(self.partition_for(group_id), []).append(group_id)
        return [self._delete_groups(index, ids) for index, ids in by_index.items()]

    def _delete_groups(self, index: int, group_ids: list[str]) -> Eventually[list[DeletableGroupResult]]:
        def refused(error: ErrorCode) -> list[DeletableGroupResult]:
            return [DeletableGroupResult(group_id=group_id, error_code=error) for group_id in group_ids]

        shard = self._runtime.shard(index)
        if isinstance(shard, ErrorCode):
            return refused(shard)
        return self._runtime.write(index, shard.delete_groups(group_ids), refused)


class _Parked(Generic[T]):
    """The answer to a request that may have to wait; `respond` may be called any number of times, the first counts."""

    __slots__ = ("_future", "_response")

    def __init__(self) -> None:
        self._response: T | None = None
        self._future: asyncio.Future[T] | None = None

    def respond(self, response: T) -> None:
        if self._future is None:
            self._response = response if self._response is None else self._response
        elif not self._future.done():
            self._future.set_result(response)

    def answer(self) -> Eventually[T]:
        if self._response is not None:
            return self._response
        self._future = asyncio.get_running_loop().create_future()
        return self._future


def consumer_heartbeat_error(error: ErrorCode, message: str | None = None) -> ConsumerGroupHeartbeatResponse:
    return ConsumerGroupHeartbeatResponse(
        error_code=error,
        error_message=error.message if message is None else message,
        member_epoch=0,
        heartbeat_interval_ms=0,
    )


def _ignore(error: ErrorCode) -> None:
    return None


def _leave_error(error: ErrorCode) -> LeaveGroupResponse:
    return LeaveGroupResponse(error_code=error)


def _offset_delete_error(error: ErrorCode) -> OffsetDeleteResponse:
    return OffsetDeleteResponse(error_code=error, topics=[])
