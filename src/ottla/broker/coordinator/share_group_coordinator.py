"""The coordinator of share groups of a node: what needs both the group's shard and the states of its share partitions.

    heartbeat ─► shard: records, answer ─┬─► the member
                                         └─► states to begin ─► share coordinator ─► shard: initialized, or not

What handlers call. Beside their members share groups live in the same shards as all groups. The states that a
heartbeat begins are begun after its answer: the member has their partitions with its next one, as with Apache Kafka.
Source: GroupCoordinatorService.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from ottla.broker.coordinator.eventually import Eventually
from ottla.broker.coordinator.runtime import CoordinatorRuntime
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.coordinator.group.shard import GroupShard
from ottla.coordinator.group.share.describe import describe_group, described_error
from ottla.coordinator.group.share.heartbeat import HeartbeatOutcome, Initialization, heartbeat, heartbeat_error
from ottla.coordinator.group.share.state_offsets import (
    Alteration,
    Deletion,
    alter_offsets,
    begin_group_deletion,
    delete_group,
    delete_offsets,
    deleted,
    initialized,
    topics_deleted,
    uninitialized,
)
from ottla.coordinator.result import CoordinatorResult, RequestingClient
from ottla.coordinator.share.shard import Refusal
from ottla.coordinator.share.share_partition_state import (
    UNINITIALIZED_OFFSET,
    UNKNOWN_COUNT,
    SharePartitionKey,
    SharePartitionState,
)
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.alter_share_group_offsets import AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse
from ottla.protocol.api.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
)
from ottla.protocol.api.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition,
    DescribeShareGroupOffsetsResponseTopic,
)
from ottla.protocol.api.share_group_describe import DescribedGroup
from ottla.protocol.api.share_group_heartbeat import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID

T = TypeVar("T")


class ShareStates(Protocol):
    """`ShareCoordinator`, or `ClusterShareStates` where share partitions are coordinated elsewhere, too."""

    async def ensure_topic(self) -> None: ...

    def initialize(self, key: SharePartitionKey, state_epoch: int, start_offset: int) -> Eventually[Refusal | None]: ...

    def delete(self, key: SharePartitionKey) -> Eventually[Refusal | None]: ...

    def read_summary(self, key: SharePartitionKey) -> Eventually[SharePartitionState | Refusal]: ...


class ShareGroupCoordinator:
    """`partition_for` says which shard has a group; `forget` is told of groups whose states were changed."""

    def __init__(
        self,
        runtime: CoordinatorRuntime[GroupShard],
        partition_for: Callable[[str], int],
        states: ShareStates,
        replicas: ReplicaManager,
        forget: Callable[[str], None],
        report: Callable[[str], None],
    ) -> None:
        self._runtime = runtime
        self._partition_for = partition_for
        self._states = states
        self._replicas = replicas
        self._forget = forget
        self._report = report
        self._tasks: dict[asyncio.Task[None], None] = {}

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        """Topics that are gone have no state any more. After the share coordinator has followed."""
        del image
        gone = frozenset(topic.topic_id for topic in delta.deleted_topics.values())
        if gone:
            for index, shard in self._runtime.shards():
                if isinstance(shard, GroupShard):
                    self._runtime.write(index, topics_deleted(shard.share_groups, gone), _ignore)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _find(self, group_id: str) -> tuple[int, GroupShard | ErrorCode]:
        index = self._partition_for(group_id)
        return index, self._runtime.shard(index)

    # -- membership

    def heartbeat(
        self, client: RequestingClient, request: ShareGroupHeartbeatRequest
    ) -> Eventually[ShareGroupHeartbeatResponse]:
        index, shard = self._find(request.group_id)
        if isinstance(shard, ErrorCode):
            return heartbeat_error(shard, shard.message).response
        result = heartbeat(shard.share_groups, client, request)
        if result.records:
            outcome = self._runtime.write(index, result, _refused_heartbeat)
        else:
            outcome = self._runtime.when_committed(index, result.response, _refused_heartbeat)
        if isinstance(outcome, HeartbeatOutcome):
            return self._answered(outcome)
        return self._when_answered(outcome)

    async def _when_answered(self, outcome: Awaitable[HeartbeatOutcome]) -> ShareGroupHeartbeatResponse:
        return self._answered(await outcome)

    def _answered(self, outcome: HeartbeatOutcome) -> ShareGroupHeartbeatResponse:
        if outcome.initialization is not None:
            task = asyncio.get_running_loop().create_task(self._initialize(outcome.initialization))
            self._tasks[task] = None
            task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return outcome.response

    async def _initialize(self, wanted: Initialization) -> None:
        offsets = {
            topic_id: dict.fromkeys(partitions, UNINITIALIZED_OFFSET)
            for topic_id, partitions in wanted.partitions.items()
        }
        done, failed = await self._begin_states(wanted.group_id, wanted.state_epoch, offsets)
        await self._note(wanted.group_id, done, failed)

    async def _begin_states(
        self, group_id: str, state_epoch: int, offsets: Mapping[bytes, Mapping[int, int]]
    ) -> tuple[dict[bytes, list[int]], dict[bytes, dict[int, Refusal]]]:
        """Which states were begun, and why others were not."""
        await self._states.ensure_topic()
        done: dict[bytes, list[int]] = {}
        failed: dict[bytes, dict[int, Refusal]] = {}
        for topic_id, partitions in offsets.items():
            for partition, start_offset in sorted(partitions.items()):
                key = SharePartitionKey(group_id, topic_id, partition)
                refusal = await _answer_of(self._states.initialize(key, state_epoch, start_offset))
                if refusal is None:
                    done.setdefault(topic_id, []).append(partition)
                else:
                    failed.setdefault(topic_id, {})[partition] = refusal
                    self._report(f"state of {key.coordinator_key} cannot be initialized: {refusal.error.name}")
        return done, failed

    async def _note(self, group_id: str, done: dict[bytes, list[int]], failed: dict[bytes, dict[int, Refusal]]) -> None:
        await self._write(group_id, lambda shard: initialized(shard.share_groups, group_id, done), _ignore)
        if failed:
            await self._write(group_id, lambda shard: uninitialized(shard.share_groups, group_id, failed), _ignore)

    async def _write(
        self,
        group_id: str,
        decide: Callable[[GroupShard], CoordinatorResult[T]],
        on_error: Callable[[ErrorCode], T],
    ) -> T:
        index, shard = self._find(group_id)
        if isinstance(shard, ErrorCode):
            return on_error(shard)
        answer = self._runtime.write(index, decide(shard), on_error)
        return await answer if isinstance(answer, Awaitable) else answer

    # -- administration

    def describe_group(self, group_id: str) -> DescribedGroup:
        if not group_id:
            return described_error(group_id, ErrorCode.INVALID_GROUP_ID, ErrorCode.INVALID_GROUP_ID.message)
        shard = self._runtime.committed(self._partition_for(group_id))
        if isinstance(shard, ErrorCode):
            return described_error(group_id, shard, shard.message)
        return describe_group(shard.share_groups, group_id)

    async def describe_offsets(
        self, request: DescribeShareGroupOffsetsRequestGroup
    ) -> DescribeShareGroupOffsetsResponseGroup:
        """Of the topics asked for, or of all that have state."""
        group_id = request.group_id
        topics = self._replicas.image.topics
        if request.topics is not None:
            wanted = [
                await self._describe_topic(group_id, topics.id_of(each.topic_name), each.topic_name, each.partitions)
                for each in request.topics
            ]
            return DescribeShareGroupOffsetsResponseGroup(group_id=group_id, topics=wanted, error_code=ErrorCode.NONE)
        shard = self._runtime.committed(self._partition_for(group_id))
        if isinstance(shard, ErrorCode):
            return _offsets_error(group_id, shard, shard.message)
        group = shard.share_groups.committed(group_id)
        known = {} if group is None else group.state_partitions.initialized
        found = [
            await self._describe_topic(group_id, topic_id, name, sorted(topic.partitions))
            for topic_id, topic in known.items()
            if (name := topics.name_of(topic_id)) is not None
        ]
        return DescribeShareGroupOffsetsResponseGroup(group_id=group_id, topics=found, error_code=ErrorCode.NONE)

    async def _describe_topic(
        self, group_id: str, topic_id: bytes | None, name: str, partitions: Sequence[int]
    ) -> DescribeShareGroupOffsetsResponseTopic:
        return DescribeShareGroupOffsetsResponseTopic(
            topic_name=name,
            topic_id=topic_id or ZERO_UUID,
            partitions=[
                DescribeShareGroupOffsetsResponsePartition(
                    partition_index=index, start_offset=UNINITIALIZED_OFFSET, leader_epoch=0, error_code=ErrorCode.NONE
                )
                if topic_id is None
                else await self._describe_partition(SharePartitionKey(group_id, topic_id, index))
                for index in partitions
            ],
        )

    async def _describe_partition(self, key: SharePartitionKey) -> DescribeShareGroupOffsetsResponsePartition:
        answer = self._states.read_summary(key)
        state = answer if isinstance(answer, SharePartitionState | Refusal) else await answer
        if isinstance(state, Refusal):
            return DescribeShareGroupOffsetsResponsePartition(
                partition_index=key.partition,
                start_offset=UNINITIALIZED_OFFSET,
                leader_epoch=0,
                error_code=state.error,
                error_message=state.message,
            )
        lag = -1
        if state.start_offset != UNINITIALIZED_OFFSET and state.delivery_complete_count != UNKNOWN_COUNT:
            partition = self._replicas.find_by_id(key.topic_id, key.partition)
            if not isinstance(partition, ErrorCode) and partition.is_leader:
                lag = partition.log.high_watermark - state.start_offset - state.delivery_complete_count
        return DescribeShareGroupOffsetsResponsePartition(
            partition_index=key.partition,
            start_offset=state.start_offset,
            leader_epoch=state.leader_epoch,
            lag=lag,
            error_code=ErrorCode.NONE,
        )

    async def alter_offsets(self, request: AlterShareGroupOffsetsRequest) -> AlterShareGroupOffsetsResponse:
        def refused(error: ErrorCode) -> Alteration:
            return Alteration(
                AlterShareGroupOffsetsResponse(error_code=error, error_message=error.message, responses=[])
            )

        group_id = request.group_id
        if not group_id:
            return refused(ErrorCode.INVALID_GROUP_ID).response
        alteration = await self._write(group_id, lambda shard: alter_offsets(shard.share_groups, request), refused)
        if not alteration.start_offsets:
            return alteration.response
        done, failed = await self._begin_states(group_id, alteration.state_epoch, alteration.start_offsets)
        await self._note(group_id, done, failed)
        self._forget(group_id)
        for topic in alteration.response.responses:
            for partition in topic.partitions:
                refusal = failed.get(topic.topic_id, {}).get(partition.partition_index)
                if refusal is not None:
                    partition.error_code = refusal.error
                    partition.error_message = refusal.message
        return alteration.response

    async def delete_offsets(self, request: DeleteShareGroupOffsetsRequest) -> DeleteShareGroupOffsetsResponse:
        def refused(error: ErrorCode) -> Deletion:
            return Deletion(
                DeleteShareGroupOffsetsResponse(error_code=error, error_message=error.message, responses=[])
            )

        group_id = request.group_id
        if not group_id:
            return refused(ErrorCode.INVALID_GROUP_ID).response
        deletion = await self._write(group_id, lambda shard: delete_offsets(shard.share_groups, request), refused)
        if not deletion.partitions:
            return deletion.response
        failed = await self._end_states(group_id, deletion.partitions)
        gone = [topic_id for topic_id in deletion.partitions if topic_id not in failed]
        await self._write(group_id, lambda shard: deleted(shard.share_groups, group_id, gone), _ignore)
        self._forget(group_id)
        for topic in deletion.response.responses:
            refusal = failed.get(topic.topic_id)
            if refusal is not None:
                topic.error_code = refusal.error
                topic.error_message = refusal.message
        return deletion.response

    async def _end_states(self, group_id: str, partitions: Mapping[bytes, Sequence[int]]) -> dict[bytes, Refusal]:
        """Why states of some topics could not be deleted."""
        failed: dict[bytes, Refusal] = {}
        await self._states.ensure_topic()
        for topic_id, indexes in partitions.items():
            for index in indexes:
                refusal = await _answer_of(self._states.delete(SharePartitionKey(group_id, topic_id, index)))
                if refusal is not None:
                    failed[topic_id] = refusal
        return failed

    async def delete_group(self, group_id: str) -> ErrorCode:
        """A group without members goes, with its states. The caller has seen that it is a share group."""
        begun = await self._write(
            group_id, lambda shard: begin_group_deletion(shard.share_groups, group_id), lambda error: error
        )
        if isinstance(begun, ErrorCode):
            return begun
        failed = await self._end_states(group_id, begun)
        self._forget(group_id)
        if failed:
            return next(iter(failed.values())).error
        return await self._write(
            group_id, lambda shard: delete_group(shard.share_groups, group_id), lambda error: error
        )


async def _answer_of(answer: Eventually[Refusal | None]) -> Refusal | None:
    return answer if answer is None or isinstance(answer, Refusal) else await answer


def _offsets_error(group_id: str, error: ErrorCode, message: str) -> DescribeShareGroupOffsetsResponseGroup:
    return DescribeShareGroupOffsetsResponseGroup(group_id=group_id, topics=[], error_code=error, error_message=message)


def _refused_heartbeat(error: ErrorCode) -> HeartbeatOutcome:
    return heartbeat_error(error, error.message)


def _ignore(error: ErrorCode) -> None:
    return None
