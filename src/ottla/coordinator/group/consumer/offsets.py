"""Who may commit and fetch the offsets of a consumer group. KIP-848; by partition since KIP-1251.

A member that is behind may still commit for a partition that it has had since then: it commits what it owned all along.
Source: ConsumerGroup.validateOffsetCommit, validateOffsetFetch.
"""

from collections.abc import Iterable

from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup
from ottla.protocol.errors import ErrorCode

MEMBER_EPOCH_VERSION = 9


def check_commit(
    group: ConsumerGroup,
    member_id: str,
    instance_id: str | None,
    member_epoch: int,
    partitions: Iterable[tuple[bytes, int]],
    *,
    api_version: int,
    transactional: bool = False,
) -> ErrorCode:
    """`NONE`, `UNKNOWN_MEMBER_ID`, `UNSUPPORTED_VERSION`, `STALE_MEMBER_EPOCH`, `ILLEGAL_GENERATION` (classic ones).

    `partitions` are (topic id, partition).
    """
    if member_epoch < 0 and group.is_empty:
        return ErrorCode.NONE
    if transactional and member_epoch == -1 and not member_id and instance_id is None:
        return ErrorCode.NONE
    member = group.members.get(member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if not transactional and not member.uses_classic_protocol and api_version < MEMBER_EPOCH_VERSION:
        return ErrorCode.UNSUPPORTED_VERSION
    if member_epoch == member.member_epoch:
        return ErrorCode.NONE
    stale = ErrorCode.ILLEGAL_GENERATION if member.uses_classic_protocol else ErrorCode.STALE_MEMBER_EPOCH
    if member_epoch > member.member_epoch:
        return stale
    for topic_id, partition in partitions:
        since = member.owns(topic_id, partition)
        if since is None or member_epoch < since:
            return stale
    return ErrorCode.NONE


def check_fetch(group: ConsumerGroup, member_id: str | None, member_epoch: int) -> ErrorCode:
    """`NONE`, `UNKNOWN_MEMBER_ID`, `STALE_MEMBER_EPOCH`, of classic members `ILLEGAL_GENERATION`."""
    if member_id is None and member_epoch < 0:
        return ErrorCode.NONE
    member = None if member_id is None else group.members.get(member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if member_epoch == member.member_epoch:
        return ErrorCode.NONE
    return ErrorCode.ILLEGAL_GENERATION if member.uses_classic_protocol else ErrorCode.STALE_MEMBER_EPOCH
