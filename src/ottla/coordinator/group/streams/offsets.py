"""Who may commit and fetch the offsets of a streams group. KIP-1071; by task since KIP-1251.

A member that is behind may still commit for a task that it has had since then. Source: StreamsGroup.
"""

from collections.abc import Iterable

from ottla.coordinator.group.streams.streams_group import StreamsGroup
from ottla.protocol.errors import ErrorCode

MEMBER_EPOCH_VERSION = 9


def check_commit(
    group: StreamsGroup,
    member_id: str,
    instance_id: str | None,
    member_epoch: int,
    partitions: Iterable[tuple[str, int]],
    *,
    api_version: int,
    transactional: bool = False,
) -> ErrorCode:
    """`NONE`, `UNKNOWN_MEMBER_ID`, `UNSUPPORTED_VERSION`, `STALE_MEMBER_EPOCH`. `partitions` are (topic, partition)."""
    if member_epoch < 0 and group.is_empty:
        return ErrorCode.NONE
    if transactional and member_epoch == -1 and not member_id and instance_id is None:
        return ErrorCode.NONE
    member = group.members.get(member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if not transactional and api_version < MEMBER_EPOCH_VERSION:
        return ErrorCode.UNSUPPORTED_VERSION
    if member_epoch == member.member_epoch:
        return ErrorCode.NONE
    if member_epoch > member.member_epoch or group.topology is None:
        return ErrorCode.STALE_MEMBER_EPOCH
    for topic, partition in partitions:
        reader = group.topology.reader_of(topic)
        since = None if reader is None else member.active_since(reader, partition)
        if since is None or member_epoch < since:
            return ErrorCode.STALE_MEMBER_EPOCH
    return ErrorCode.NONE


def check_fetch(group: StreamsGroup, member_id: str | None, member_epoch: int) -> ErrorCode:
    """`NONE`, `UNKNOWN_MEMBER_ID`, `STALE_MEMBER_EPOCH`."""
    if member_id is None and member_epoch < 0:
        return ErrorCode.NONE
    member = None if member_id is None else group.members.get(member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    return ErrorCode.NONE if member_epoch == member.member_epoch else ErrorCode.STALE_MEMBER_EPOCH
