"""ShareGroupDescribe and ListGroups: share groups as an administrator sees them. KIP-932, KIP-518 (states)."""

from collections.abc import Collection

from ottla.coordinator.group.share.share_group import Partitions, ShareGroupMember
from ottla.coordinator.group.share.share_groups import ShareGroups
from ottla.protocol.api.list_groups import ListedGroup
from ottla.protocol.api.share_group_describe import Assignment, DescribedGroup, Member, TopicPartitions
from ottla.protocol.errors import ErrorCode

SHARE = "share"
ASSIGNOR_NAME = "simple"


def describe_group(groups: ShareGroups, group_id: str) -> DescribedGroup:
    group = groups.committed(group_id)
    if group is None:
        other = groups.is_other(group_id)
        message = f"Group {group_id} is not a share group." if other else f"Group {group_id} not found."
        return described_error(group_id, ErrorCode.GROUP_ID_NOT_FOUND, message)
    return DescribedGroup(
        error_code=ErrorCode.NONE,
        group_id=group_id,
        group_state=group.state.value,
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=ASSIGNOR_NAME,
        members=[_member(groups, member) for member in group.members.values()],
    )


def _member(groups: ShareGroups, member: ShareGroupMember) -> Member:
    return Member(
        member_id=member.member_id,
        rack_id=member.rack_id,
        member_epoch=member.member_epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=list(member.subscribed_topic_names),
        assignment=Assignment(topic_partitions=_topics(groups, member.assigned)),
    )


def _topics(groups: ShareGroups, partitions: Partitions) -> list[TopicPartitions]:
    names = groups.image().topics
    return [
        TopicPartitions(topic_id=topic_id, topic_name=name, partitions=sorted(indexes))
        for topic_id, indexes in sorted(partitions.items())
        if (name := names.name_of(topic_id)) is not None
    ]


def described_error(group_id: str, error: ErrorCode, message: str | None) -> DescribedGroup:
    return DescribedGroup(
        error_code=error,
        error_message=message,
        group_id=group_id,
        group_state="",
        group_epoch=0,
        assignment_epoch=0,
        assignor_name="",
        members=[],
    )


def list_groups(groups: ShareGroups, states: Collection[str], types: Collection[str]) -> list[ListedGroup]:
    """All groups that have one of the states and one of the types; none given means any. Case does not matter."""
    wanted_states = {state.strip().lower() for state in states}
    wanted_types = {kind.strip().lower() for kind in types}
    if wanted_types and SHARE not in wanted_types:
        return []
    return [
        ListedGroup(group_id=group.group_id, protocol_type=SHARE, group_state=group.state.value, group_type=SHARE)
        for group in groups.all_committed()
        if not wanted_states or group.state.value.lower() in wanted_states
    ]
