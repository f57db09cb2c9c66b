"""One coordinator of groups: the state of one partition of `__consumer_offsets`, and what can be asked of it.

The face of this folder. Each method decides (see `result`), `replay` changes; the transitions are in the files named
after them, those of consumer, share and streams groups in `consumer`, `share` and `streams`.
Source: GroupCoordinatorShard.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from ottla.coordinator.group.classic_group import (
    COMPLETING_REBALANCE,
    DEAD,
    PREPARING_REBALANCE,
    STABLE,
    ClassicGroup,
    join_error,
    sync_error,
)
from ottla.coordinator.group.config import GroupCoordinatorConfig
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.describe import describe_consumer_group
from ottla.coordinator.group.consumer.expressions import VisibleTopics, all_visible
from ottla.coordinator.group.consumer.fence import schedule_timeouts_after_load
from ottla.coordinator.group.consumer.heartbeat import consumer_group_heartbeat
from ottla.coordinator.group.describe import describe_group, list_groups
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.heartbeat import heartbeat
from ottla.coordinator.group.join import join_group
from ottla.coordinator.group.leave import leave_group
from ottla.coordinator.group.member import RespondJoin, RespondSync
from ottla.coordinator.group.offset_commit import commit_error, commit_offsets
from ottla.coordinator.group.offset_delete import delete_group, delete_offsets, expire, topics_deleted
from ottla.coordinator.group.offset_fetch import fetch_offsets
from ottla.coordinator.group.offsets import Offsets
from ottla.coordinator.group.rebalance import prepare_rebalance, reschedule_heartbeat
from ottla.coordinator.group.replay import NO_PRODUCER_ID, replay
from ottla.coordinator.group.sync import sync_group
from ottla.coordinator.group.txn_offset_commit import commit_transactional_offsets
from ottla.coordinator.result import (
    CoordinatorRecord,
    CoordinatorResult,
    CoordinatorTimers,
    RequestingClient,
    TimerResult,
    nothing,
)
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.consumer_group_describe import DescribedGroup as DescribedConsumerGroup
from ottla.protocol.api.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.api.delete_groups import DeletableGroupResult
from ottla.protocol.api.describe_groups import DescribedGroup
from ottla.protocol.api.heartbeat import HeartbeatRequest
from ottla.protocol.api.join_group import JoinGroupRequest
from ottla.protocol.api.leave_group import LeaveGroupRequest, LeaveGroupResponse
from ottla.protocol.api.list_groups import ListedGroup
from ottla.protocol.api.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from ottla.protocol.api.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from ottla.protocol.api.offset_fetch import OffsetFetchRequestGroup, OffsetFetchResponseGroup
from ottla.protocol.api.sync_group import SyncGroupRequest
from ottla.protocol.api.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse
from ottla.protocol.coordinator_record.group_metadata import GroupMetadataKey
from ottla.protocol.coordinator_record.legacy_offset_commit import LegacyOffsetCommitKey
from ottla.protocol.coordinator_record.offset_commit import OffsetCommitKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.message import CoordinatorKey
from ottla.runtime.time import Clock

if TYPE_CHECKING:
    from ottla.coordinator.group.share.share_group import ShareGroup
    from ottla.coordinator.group.share.share_groups import ShareGroups, ShareSettings
    from ottla.coordinator.group.streams.heartbeat import HeartbeatOutcome as StreamsHeartbeatOutcome
    from ottla.protocol.api.streams_group_describe import DescribedGroup as DescribedStreamsGroup
    from ottla.protocol.api.streams_group_heartbeat import StreamsGroupHeartbeatRequest

EXPIRATION_TIMER = ("expire-group-metadata",)
SHARE_GROUP_RECORD_TYPES = range(10, 16)
STREAMS_GROUP_RECORD_TYPES = range(17, 24)


class GroupShard:
    """`timers` belong to this shard alone; `new_uuid` gives the text of a fresh UUID, `image` the newest metadata.

    `uncommitted_at`: where the batch begins that is being replayed and is not committed yet. Reads (describe, list,
    and OffsetFetch unless it wants stable offsets) see what is committed.
    """

    def __init__(
        self,
        config: GroupCoordinatorConfig,
        clock: Clock,
        timers: CoordinatorTimers,
        new_uuid: Callable[[], str],
        image: Callable[[], MetadataImage],
        share_settings: "Callable[[], ShareSettings] | None" = None,
    ) -> None:
        self.groups = Groups(config, clock, timers, new_uuid, image)
        self.offsets = Offsets()
        self.uncommitted_at: int | None = None
        self._share_settings = share_settings
        self._share_groups: ShareGroups | None = None

    @property
    def share_groups(self) -> "ShareGroups":
        """Made, and its code imported, when share groups are first asked for."""
        if self._share_groups is None:
            from ottla.coordinator.group.share.share_groups import make_share_groups

            self._share_groups = make_share_groups(self.groups, self._share_settings)
        return self._share_groups

    def has_share_group(self, group_id: str) -> bool:
        return self._share_groups is not None and group_id in self._share_groups.by_id

    def all_share_groups(self) -> "list[ShareGroup]":
        """Without making any."""
        return [] if self._share_groups is None else list(self._share_groups.by_id.values())

    # -- replicated state

    def replay(self, record: CoordinatorRecord, record_offset: int, producer_id: int = NO_PRODUCER_ID) -> None:
        if self.uncommitted_at is not None:
            self._note(record, producer_id, self.uncommitted_at)
        if record.key.record_type in SHARE_GROUP_RECORD_TYPES:
            from ottla.coordinator.group.share.replay import replay as replay_share

            replay_share(self.share_groups, record)
        elif record.key.record_type in STREAMS_GROUP_RECORD_TYPES:
            from ottla.coordinator.group.streams.replay import replay as replay_streams

            replay_streams(self.groups, record)
        else:
            replay(self.groups, self.offsets, record, record_offset, producer_id)

    def replay_end_transaction(self, producer_id: int, *, commit: bool) -> None:
        if self.uncommitted_at is not None and commit:
            self.offsets.note_end(producer_id, self.uncommitted_at)
        self.offsets.end_transaction(producer_id, commit=commit)

    def _note(self, record: CoordinatorRecord, producer_id: int, offset: int) -> None:
        """Reads must not see what is about to change until it is committed."""
        key = record.key
        if isinstance(key, OffsetCommitKey | LegacyOffsetCommitKey):
            if producer_id == NO_PRODUCER_ID:
                self.offsets.note(key.group, key.topic, key.partition, offset)
            if key.group not in self.groups.by_id:
                self.groups.note(key.group, offset)
        elif isinstance(key, GroupMetadataKey):
            self.groups.note(key.group, offset)
        elif key.record_type in SHARE_GROUP_RECORD_TYPES:
            self.share_groups.note(_group_id_of(key), offset)
        else:
            self.groups.note(_group_id_of(key), offset)

    def settle(self, high_watermark: int) -> None:
        self.groups.uncommitted.settle(high_watermark)
        self.offsets.uncommitted.settle(high_watermark)
        if self._share_groups is not None:
            self._share_groups.uncommitted.settle(high_watermark)

    def on_loaded(self) -> TimerResult:
        """The log has been replayed: members have their session timeout from now, groups that are too big rebalance."""
        groups = self.groups
        groups.topics_created_version = groups.image().offset
        for group in list(groups.by_id.values()):
            if isinstance(group, ConsumerGroup):
                schedule_timeouts_after_load(groups, group)
                continue
            if not isinstance(group, ClassicGroup):
                from ottla.coordinator.group.streams.fence import schedule_timeouts_after_load as schedule_streams

                schedule_streams(groups, group)
                continue
            for member in group.members.values():
                reschedule_heartbeat(groups, group, member)
            if len(group.members) > groups.config.group_max_size:
                prepare_rebalance(groups, group)
        if self._share_groups is not None:
            from ottla.coordinator.group.share.heartbeat import schedule_sessions

            schedule_sessions(self._share_groups)
        self._schedule_expiration()
        return nothing()

    def on_unloaded(self) -> None:
        """This node coordinates the partition no more: parked members are sent to look for who does."""
        now_ms = self.groups.clock.now_ms()
        for group in self.groups.by_id.values():
            if not isinstance(group, ClassicGroup):
                continue
            state = group.state
            group.transition_to(DEAD, now_ms)
            for member in list(group.members.values()):
                if state is PREPARING_REBALANCE:
                    group.complete_join(member, join_error(member.member_id, ErrorCode.NOT_COORDINATOR))
                elif state is COMPLETING_REBALANCE or state is STABLE:
                    group.complete_join(member, join_error(member.member_id, ErrorCode.NOT_COORDINATOR))
                    group.complete_sync(member, sync_error(ErrorCode.NOT_COORDINATOR))
        self.groups.by_id.clear()

    # -- membership

    def join_group(self, client: RequestingClient, request: JoinGroupRequest, respond: RespondJoin) -> TimerResult:
        if self.has_share_group(request.group_id):
            respond(join_error(request.member_id, ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
            return nothing()
        return join_group(self.groups, client, request, respond)

    def sync_group(self, request: SyncGroupRequest, respond: RespondSync) -> TimerResult:
        return sync_group(self.groups, request, respond)

    def heartbeat(self, request: HeartbeatRequest) -> ErrorCode:
        return heartbeat(self.groups, request)

    def leave_group(self, request: LeaveGroupRequest) -> CoordinatorResult[LeaveGroupResponse]:
        return leave_group(self.groups, request)

    def consumer_group_heartbeat(
        self,
        client: RequestingClient,
        request: ConsumerGroupHeartbeatRequest,
        visible: VisibleTopics = all_visible,
    ) -> CoordinatorResult[ConsumerGroupHeartbeatResponse]:
        """Raises `KafkaError`. `visible`: what regular expressions may resolve to."""
        if self.has_share_group(request.group_id):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} is not a consumer group.")
        return consumer_group_heartbeat(self.groups, client, request, visible)

    def streams_group_heartbeat(
        self, client: RequestingClient, request: "StreamsGroupHeartbeatRequest"
    ) -> "CoordinatorResult[StreamsHeartbeatOutcome]":
        """Raises `KafkaError`. `request` has been validated."""
        from ottla.coordinator.group.streams.heartbeat import streams_group_heartbeat

        if self.has_share_group(request.group_id):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} is not a streams group.")
        return streams_group_heartbeat(self.groups, client, request)

    def topics_changed(self, changed: Collection[str], deleted: Collection[str], *, some_are_new: bool) -> None:
        """Consumer and streams groups that want one of these look at their topics again at the next heartbeat."""
        groups = self.groups
        if some_are_new:
            groups.topics_created_version = groups.image().offset
        groups.topic_hashes.forget(deleted)
        topics = {*changed, *deleted}
        for group in groups.by_id.values():
            if isinstance(group, ClassicGroup):
                continue
            subscribed = group.subscribed_topics() if isinstance(group, ConsumerGroup) else group.required_topics()
            if not topics.isdisjoint(subscribed):
                group.request_metadata_refresh()

    # -- offsets

    def commit_offsets(self, api_version: int, request: OffsetCommitRequest) -> CoordinatorResult[OffsetCommitResponse]:
        if self.has_share_group(request.group_id):
            return CoordinatorResult([], commit_error(request, ErrorCode.GROUP_ID_NOT_FOUND))
        return commit_offsets(self.groups, api_version, request)

    def commit_transactional_offsets(
        self, request: TxnOffsetCommitRequest
    ) -> CoordinatorResult[TxnOffsetCommitResponse]:
        return commit_transactional_offsets(self.groups, request)

    def fetch_offsets(self, request: OffsetFetchRequestGroup, *, require_stable: bool) -> OffsetFetchResponseGroup:
        return fetch_offsets(self.groups, self.offsets, request, require_stable=require_stable)

    def delete_offsets(self, request: OffsetDeleteRequest) -> CoordinatorResult[OffsetDeleteResponse]:
        return delete_offsets(self.groups, self.offsets, request)

    def topics_deleted(self, topics: Iterable[str]) -> TimerResult:
        return topics_deleted(self.offsets, topics)

    # -- administration

    def describe_group(self, group_id: str, api_version: int) -> DescribedGroup:
        return describe_group(self.groups, group_id, api_version)

    def describe_consumer_group(self, group_id: str) -> DescribedConsumerGroup:
        return describe_consumer_group(self.groups, group_id)

    def describe_streams_group(self, group_id: str) -> "DescribedStreamsGroup":
        from ottla.coordinator.group.streams.describe import describe_streams_group

        return describe_streams_group(self.groups, group_id)

    def list_groups(self, states: Collection[str], types: Collection[str]) -> list[ListedGroup]:
        listed = list_groups(self.groups, states, types)
        if self._share_groups is not None:
            from ottla.coordinator.group.share.describe import list_groups as list_share_groups

            listed += list_share_groups(self._share_groups, states, types)
        return listed

    def delete_groups(self, group_ids: Iterable[str]) -> CoordinatorResult[list[DeletableGroupResult]]:
        records: list[CoordinatorRecord] = []
        results: list[DeletableGroupResult] = []
        for group_id in dict.fromkeys(group_ids):
            error, tombstones = delete_group(self.groups, self.offsets, group_id)
            records += tombstones
            results.append(DeletableGroupResult(group_id=group_id, error_code=error))
        return CoordinatorResult(records, results)

    def _schedule_expiration(self) -> None:
        interval_ms = self.groups.config.offsets_retention_check_interval_ms
        self.groups.timers.schedule(EXPIRATION_TIMER, interval_ms, self._expire)

    def _expire(self) -> TimerResult:
        self._schedule_expiration()
        return expire(self.groups, self.offsets)


def _group_id_of(key: CoordinatorKey) -> str:
    group_id = getattr(key, "group_id", None)
    assert isinstance(group_id, str), f"records of type {key.record_type} belong to a group"
    return group_id
