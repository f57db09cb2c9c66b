"""ConsumerGroupDescribe: a consumer group as an administrator sees it. KIP-848, KIP-1099 (member types)."""

from ottla.coordinator.group.assignor.spec import NOTHING, Partitions
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.coordinator.group.consumer.consumer_member import ConsumerGroupMember
from ottla.coordinator.group.consumer.target import preferred_assignor
from ottla.coordinator.group.groups import Groups
from ottla.metadata.image import MetadataImage
from ottla.protocol.api.consumer_group_describe import Assignment, DescribedGroup, Member, TopicPartitions
from ottla.protocol.errors import ErrorCode

CLASSIC_MEMBER = 0
CONSUMER_MEMBER = 1


def describe_consumer_group(groups: Groups, group_id: str) -> DescribedGroup:
    """`GROUP_ID_NOT_FOUND` also for groups of another type."""
    group = groups.committed(group_id)
    if not isinstance(group, ConsumerGroup):
        return described_consumer_group_error(
            group_id, ErrorCode.GROUP_ID_NOT_FOUND, f"There is no consumer group {group_id}."
        )
    image = groups.image()
    return DescribedGroup(
        error_code=ErrorCode.NONE,
        group_id=group_id,
        group_state=group.state.value,
        group_epoch=group.group_epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=preferred_assignor(groups, group),
        members=[_member(image, group, member) for member in group.members.values()],
    )


def described_consumer_group_error(group_id: str, error: ErrorCode, message: str | None = None) -> DescribedGroup:
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


def _member(image: MetadataImage, group: ConsumerGroup, member: ConsumerGroupMember) -> Member:
    """What is still to be given up counts as assigned."""
    topic_ids = dict.fromkeys([*member.assigned, *member.pending_revocation])
    owned = {
        topic_id: frozenset((*member.assigned.get(topic_id, ()), *member.pending_revocation.get(topic_id, ())))
        for topic_id in topic_ids
    }
    return Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.member_epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=sorted(member.subscribed_topic_names),
        subscribed_topic_regex=member.subscribed_topic_regex,
        assignment=_assignment(image, owned),
        target_assignment=_assignment(image, group.target.get(member.member_id, NOTHING)),
        member_type=CLASSIC_MEMBER if member.uses_classic_protocol else CONSUMER_MEMBER,
    )


def _assignment(image: MetadataImage, partitions: Partitions) -> Assignment:
    """Topics that are gone cannot be named and are left out."""
    topics = [
        TopicPartitions(topic_id=topic_id, topic_name=name, partitions=sorted(indexes))
        for topic_id, indexes in partitions.items()
        if (name := image.topics.name_of(topic_id)) is not None
    ]
    return Assignment(topic_partitions=topics)
