"""Where share groups stand, as administrators see and change it: Describe-, Alter- and DeleteShareGroupOffsets.

A group's coordinator knows which partitions have state; the state itself is the share coordinators'. So each change is
three steps, and the shell walks between them: note what is about to happen ─► have it done ─► note that it is done.
Only a group without members may be changed. KIP-932; source: GroupMetadataManager.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ottla.coordinator.group.share.heartbeat import find_group, with_initializing
from ottla.coordinator.group.share.records import group_tombstones, state_partitions_record
from ottla.coordinator.group.share.share_group import (
    ShareGroup,
    StatePartitions,
    StateTopic,
    add_state_topics,
    remove_state_topics,
)
from ottla.coordinator.group.share.share_groups import ShareGroups
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, TimerResult, nothing
from ottla.protocol.api.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition,
    AlterShareGroupOffsetsResponseTopic,
)
from ottla.protocol.api.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID


@dataclass(slots=True)
class Alteration:
    """The answer as it is if all goes well, and the start offsets to be set: topic id -> partition -> offset."""

    response: AlterShareGroupOffsetsResponse
    state_epoch: int = 0
    start_offsets: dict[bytes, dict[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Deletion:
    """The answer as it is if all goes well, and whose state is to be deleted: topic id -> partitions."""

    response: DeleteShareGroupOffsetsResponse
    partitions: dict[bytes, list[int]] = field(default_factory=dict)


def check_empty(group: ShareGroup) -> None:
    if group.members:
        raise KafkaError(ErrorCode.NON_EMPTY_GROUP)


# -- states come


def initialized(groups: ShareGroups, group_id: str, partitions: Mapping[bytes, Iterable[int]]) -> TimerResult:
    """Their state is there: they can be assigned."""
    group = groups.by_id.get(group_id)
    if group is None or not partitions:
        return nothing()
    state = group.state_partitions
    topics = groups.image().topics
    done = {
        topic_id: StateTopic(topics.name_of(topic_id) or "", frozenset(indexes))
        for topic_id, indexes in partitions.items()
    }
    after = StatePartitions(
        remove_state_topics(state.initializing, partitions), add_state_topics(state.initialized, done), state.deleting
    )
    return CoordinatorResult([state_partitions_record(group_id, after)], None)


def uninitialized(groups: ShareGroups, group_id: str, partitions: Mapping[bytes, Iterable[int]]) -> TimerResult:
    """Their state could not be begun: a later heartbeat tries again."""
    group = groups.by_id.get(group_id)
    if group is None or not partitions or not group.state_partitions.initializing:
        return nothing()
    state = group.state_partitions
    after = StatePartitions(remove_state_topics(state.initializing, partitions), state.initialized, state.deleting)
    return CoordinatorResult([state_partitions_record(group_id, after)], None)


# -- offsets


def alter_offsets(groups: ShareGroups, request: AlterShareGroupOffsetsRequest) -> CoordinatorResult[Alteration]:
    """Start offsets are set by beginning the state anew. A group that is not there comes to be."""
    group_id = request.group_id
    try:
        group = groups.by_id.get(group_id)
        if group is None:
            group = find_group(groups, group_id) if groups.is_other(group_id) else ShareGroup(group_id)
        check_empty(group)
    except KafkaError as error:
        refused = AlterShareGroupOffsetsResponse(error_code=error.code, error_message=error.message, responses=[])
        return CoordinatorResult([], Alteration(refused))
    now_ms = groups.clock.now_ms()
    wanted: dict[bytes, StateTopic] = {}
    start_offsets: dict[bytes, dict[int, int]] = {}
    topics: list[AlterShareGroupOffsetsResponseTopic] = []
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    for asked in request.topics:
        topic = groups.image().topics.by_name.get(asked.topic_name)
        offsets: dict[int, int] = {}
        partitions: list[AlterShareGroupOffsetsResponsePartition] = []
        for each in asked.partitions:
            is_there = topic is not None and each.partition_index in topic.partitions
            if is_there:
                offsets[each.partition_index] = each.start_offset
            partitions.append(
                AlterShareGroupOffsetsResponsePartition(
                    partition_index=each.partition_index,
                    error_code=ErrorCode.NONE if is_there else unknown,
                    error_message=None if is_there else unknown.message,
                )
            )
        topic_id = ZERO_UUID if topic is None else topic.topic_id
        if topic is not None and offsets:
            start_offsets[topic_id] = offsets
            wanted[topic_id] = StateTopic(asked.topic_name, frozenset(offsets), now_ms)
        topics.append(
            AlterShareGroupOffsetsResponseTopic(topic_name=asked.topic_name, topic_id=topic_id, partitions=partitions)
        )
    records: list[CoordinatorRecord] = []
    if wanted:
        records.append(state_partitions_record(group_id, with_initializing(group.state_partitions, wanted)))
    response = AlterShareGroupOffsetsResponse(error_code=ErrorCode.NONE, responses=topics)
    return CoordinatorResult(records, Alteration(response, group.epoch, start_offsets))


def delete_offsets(groups: ShareGroups, request: DeleteShareGroupOffsetsRequest) -> CoordinatorResult[Deletion]:
    """All state of whole topics goes."""
    group_id = request.group_id
    try:
        group = find_group(groups, group_id)
        check_empty(group)
    except KafkaError as error:
        refused = DeleteShareGroupOffsetsResponse(error_code=error.code, error_message=error.message, responses=[])
        return CoordinatorResult([], Deletion(refused))
    state = group.state_partitions
    gone: dict[bytes, list[int]] = {}
    names: dict[bytes, str] = {}
    topics: list[DeleteShareGroupOffsetsResponseTopic] = []
    for asked in request.topics:
        topic = groups.image().topics.by_name.get(asked.topic_name)
        there = None if topic is None else state.initialized.get(topic.topic_id)
        if topic is None or (there is None and topic.topic_id not in state.deleting):
            unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            topics.append(
                DeleteShareGroupOffsetsResponseTopic(
                    topic_name=asked.topic_name, topic_id=ZERO_UUID, error_code=unknown, error_message=unknown.message
                )
            )
            continue
        gone[topic.topic_id] = sorted(topic.partitions if there is None else there.partitions)
        names[topic.topic_id] = asked.topic_name
        topics.append(
            DeleteShareGroupOffsetsResponseTopic(
                topic_name=asked.topic_name, topic_id=topic.topic_id, error_code=ErrorCode.NONE
            )
        )
    records: list[CoordinatorRecord] = []
    if gone:
        after = StatePartitions(
            state.initializing,
            {topic_id: topic for topic_id, topic in state.initialized.items() if topic_id not in gone},
            {**state.deleting, **names},
        )
        records.append(state_partitions_record(group_id, after))
    response = DeleteShareGroupOffsetsResponse(error_code=ErrorCode.NONE, responses=topics)
    return CoordinatorResult(records, Deletion(response, gone))


def deleted(groups: ShareGroups, group_id: str, topic_ids: Iterable[bytes]) -> TimerResult:
    """Their state is gone."""
    group = groups.by_id.get(group_id)
    gone = frozenset(topic_ids)
    if group is None or not gone:
        return nothing()
    state = group.state_partitions
    left = {topic_id: name for topic_id, name in state.deleting.items() if topic_id not in gone}
    record = state_partitions_record(group_id, StatePartitions(state.initializing, state.initialized, left))
    return CoordinatorResult([record], None)


# -- groups and topics go


def begin_group_deletion(groups: ShareGroups, group_id: str) -> CoordinatorResult[dict[bytes, list[int]] | ErrorCode]:
    """The first step of DeleteGroups: which states must go before the group can. Only for groups that are there."""
    group = groups.by_id[group_id]
    if group.members:
        return CoordinatorResult([], ErrorCode.NON_EMPTY_GROUP)
    state = group.state_partitions
    topics = groups.image().topics.by_id
    known = add_state_topics(state.initialized, state.initializing)
    gone = {topic_id: sorted(topic.partitions) for topic_id, topic in known.items() if topic_id in topics}
    gone |= {topic_id: sorted(topics[topic_id].partitions) for topic_id in state.deleting if topic_id in topics}
    if not gone:
        return CoordinatorResult([], gone)
    deleting = {topic_id: topics[topic_id].name for topic_id in gone}
    record = state_partitions_record(group_id, StatePartitions(deleting=deleting))
    return CoordinatorResult([record], gone)


def delete_group(groups: ShareGroups, group_id: str) -> CoordinatorResult[ErrorCode]:
    """The last step of DeleteGroups."""
    group = groups.by_id.get(group_id)
    if group is None:
        return CoordinatorResult([], ErrorCode.GROUP_ID_NOT_FOUND)
    if group.members:
        return CoordinatorResult([], ErrorCode.NON_EMPTY_GROUP)
    return CoordinatorResult(group_tombstones(group), ErrorCode.NONE)


def topics_deleted(groups: ShareGroups, topic_ids: frozenset[bytes]) -> TimerResult:
    """Topics are no more: nor is what is noted of their state. The share coordinators follow by themselves."""
    records: list[CoordinatorRecord] = []
    for group in groups.by_id.values():
        state = group.state_partitions
        if not topic_ids.isdisjoint([*state.initializing, *state.initialized, *state.deleting]):
            after = StatePartitions(
                {key: value for key, value in state.initializing.items() if key not in topic_ids},
                {key: value for key, value in state.initialized.items() if key not in topic_ids},
                {key: value for key, value in state.deleting.items() if key not in topic_ids},
            )
            records.append(state_partitions_record(group.group_id, after))
    return CoordinatorResult(records, None, atomic=False)
