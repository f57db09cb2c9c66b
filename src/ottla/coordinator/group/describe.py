"""DescribeGroups and ListGroups: groups as an administrator sees them. KIP-518 (states), KIP-848 (types), KIP-1043."""

from collections.abc import Collection

from ottla.coordinator.group.classic_group import DEAD, STABLE, ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import CONSUMER_PROTOCOL_TYPE, ConsumerGroup
from ottla.coordinator.group.groups import Group, Groups
from ottla.protocol.api.describe_groups import DescribedGroup, DescribedGroupMember
from ottla.protocol.api.list_groups import ListedGroup
from ottla.protocol.errors import ErrorCode

CLASSIC = "classic"
CONSUMER = "consumer"
STREAMS = "streams"
GROUP_ID_NOT_FOUND_VERSION = 6


def describe_group(groups: Groups, group_id: str, api_version: int) -> DescribedGroup:
    """A group that is not there, or is no classic one, is `Dead`, and since version 6 also an error."""
    group = groups.committed(group_id)
    if not isinstance(group, ClassicGroup):
        if api_version >= GROUP_ID_NOT_FOUND_VERSION:
            return described_error(
                group_id, ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.", state=DEAD.value
            )
        return described_error(group_id, ErrorCode.NONE, None, state=DEAD.value)
    # Between generations members may not agree on a protocol, and so have no metadata to show.
    protocol = group.protocol_name if group.state is STABLE else None
    return DescribedGroup(
        error_code=ErrorCode.NONE,
        group_id=group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol_data=protocol or "",
        members=[
            DescribedGroupMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_metadata=b"" if protocol is None else member.metadata(protocol),
                member_assignment=member.assignment,
            )
            for member in group.members.values()
        ],
    )


def described_error(group_id: str, error: ErrorCode, message: str | None, *, state: str = "") -> DescribedGroup:
    return DescribedGroup(
        error_code=error,
        error_message=message,
        group_id=group_id,
        group_state=state,
        protocol_type="",
        protocol_data="",
        members=[],
    )


def list_groups(groups: Groups, states: Collection[str], types: Collection[str]) -> list[ListedGroup]:
    """All groups that have one of the states and one of the types; none given means any. Case does not matter."""
    wanted_states = {state.strip().lower() for state in states}
    wanted_types = {kind.strip().lower() for kind in types}
    listed = []
    for group in groups.all_committed():
        kind = _kind(group)
        if wanted_types and kind not in wanted_types:
            continue
        if wanted_states and _filter_name(group) not in wanted_states:
            continue
        listed.append(
            ListedGroup(
                group_id=group.group_id,
                protocol_type=_protocol_type(group),
                group_state=group.state.value,
                group_type=kind,
            )
        )
    return listed


def _kind(group: Group) -> str:
    if isinstance(group, ClassicGroup):
        return CLASSIC
    return CONSUMER if isinstance(group, ConsumerGroup) else STREAMS


def _protocol_type(group: Group) -> str:
    if isinstance(group, ClassicGroup):
        return group.protocol_type or ""
    return CONSUMER_PROTOCOL_TYPE if isinstance(group, ConsumerGroup) else STREAMS


def _filter_name(group: Group) -> str:
    """What a state filter must say to mean this group's state."""
    if isinstance(group, ClassicGroup | ConsumerGroup):
        return str(group.state.value).lower()
    return group.state_filter_name
