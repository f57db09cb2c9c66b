"""One member of a consumer group, as its two records say: what it asked for, and what it owns. A value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

from ottla.protocol.coordinator_record.consumer_group_current_member_assignment import (
    ConsumerGroupCurrentMemberAssignmentValue,
    TopicPartitions,
)
from ottla.protocol.coordinator_record.consumer_group_member_metadata import (
    ClassicMemberMetadata,
    ConsumerGroupMemberMetadataValue,
)

LEAVE_EPOCH = -1
LEAVE_STATIC_EPOCH = -2
JOIN_EPOCH = 0

OwnedPartitions: TypeAlias = Mapping[bytes, Mapping[int, int]]
"""Topic id -> partition -> the epoch in which the member got it (KIP-1251). A topic without partitions is not in it."""


class MemberState(IntEnum):
    """Where a member stands on its way to its target assignment."""

    STABLE = 0
    UNREVOKED_PARTITIONS = 1
    """It must give up partitions first."""
    UNRELEASED_PARTITIONS = 2
    """It waits for partitions that others have not given up yet."""
    UNKNOWN = 127
    """Written by a version that knows more states."""


STABLE = MemberState.STABLE
UNREVOKED_PARTITIONS = MemberState.UNREVOKED_PARTITIONS
UNRELEASED_PARTITIONS = MemberState.UNRELEASED_PARTITIONS


@dataclass(slots=True, frozen=True)
class ClassicMetadata:
    """What a member that speaks the classic protocol said when it joined; its favourite protocol first."""

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class ConsumerGroupMember:
    """`subscribed_topic_regex` is "" without one; `rebalance_timeout_ms` -1 until the member has named one."""

    member_id: str
    member_epoch: int = 0
    previous_member_epoch: int = -1
    state: MemberState = STABLE
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    client_id: str = ""
    client_host: str = ""
    subscribed_topic_names: frozenset[str] = frozenset()
    subscribed_topic_regex: str | None = ""
    server_assignor: str | None = None
    assigned: OwnedPartitions
    pending_revocation: OwnedPartitions
    classic: ClassicMetadata | None = None

    @classmethod
    def new(cls, member_id: str) -> "ConsumerGroupMember":
        return cls(member_id=member_id, assigned={}, pending_revocation={})

    @property
    def uses_classic_protocol(self) -> bool:
        return self.classic is not None

    @property
    def regex(self) -> str | None:
        """The expression it subscribes by, if any."""
        return self.subscribed_topic_regex or None

    def is_reconciled_to(self, assignment_epoch: int) -> bool:
        return self.state is STABLE and self.member_epoch == assignment_epoch

    def owns(self, topic_id: bytes, partition: int) -> int | None:
        """The epoch in which it got a partition that it owns, or has not given up yet; None if it has nothing of it."""
        epoch = self.assigned.get(topic_id, {}).get(partition)
        return self.pending_revocation.get(topic_id, {}).get(partition) if epoch is None else epoch

    # -- what replay makes of it

    def with_metadata(self, value: ConsumerGroupMemberMetadataValue) -> "ConsumerGroupMember":
        classic = value.classic_member_metadata
        return replace(
            self,
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            subscribed_topic_names=frozenset(value.subscribed_topic_names),
            subscribed_topic_regex=value.subscribed_topic_regex,
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            server_assignor=value.server_assignor,
            classic=None if classic is None else _classic_metadata(classic),
        )

    def with_current_assignment(self, value: ConsumerGroupCurrentMemberAssignmentValue) -> "ConsumerGroupMember":
        known = value.state in MemberState.__members__.values()
        return replace(
            self,
            member_epoch=value.member_epoch,
            previous_member_epoch=value.previous_member_epoch,
            state=MemberState(value.state) if known else MemberState.UNKNOWN,
            assigned=_owned(value.assigned_partitions, value.member_epoch),
            pending_revocation=_owned(value.partitions_pending_revocation, value.member_epoch),
        )

    def without_current_assignment(self) -> "ConsumerGroupMember":
        return replace(
            self, member_epoch=LEAVE_EPOCH, previous_member_epoch=LEAVE_EPOCH, assigned={}, pending_revocation={}
        )


def _classic_metadata(metadata: ClassicMemberMetadata) -> ClassicMetadata:
    protocols = tuple((each.name, bytes(each.metadata)) for each in metadata.supported_protocols)
    return ClassicMetadata(metadata.session_timeout_ms, protocols)


def _owned(topics: list[TopicPartitions], member_epoch: int) -> OwnedPartitions:
    """Records before 4.3 have no epochs, which then are the member's."""
    owned: dict[bytes, dict[int, int]] = {}
    for topic in topics:
        epochs = topic.assignment_epochs
        if epochs is None or len(epochs) != len(topic.partitions):
            epochs = [max(member_epoch, 0)] * len(topic.partitions)
        owned[topic.topic_id] = dict(zip(topic.partitions, epochs, strict=True))
    return owned
