"""The state of one share partition (a topic partition as one share group sees it) as its coordinator keeps it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ottla.coordinator.share.state_batch import StateBatch
from ottla.protocol.types import uuid_text

UNINITIALIZED_OFFSET = -1
UNINITIALIZED_EPOCH = 0
UNKNOWN_COUNT = -1


class SharePartitionKey(NamedTuple):
    group_id: str
    topic_id: bytes
    partition: int

    @property
    def coordinator_key(self) -> str:
        """What FindCoordinator takes, and what is hashed: `groupId:topicId:partition`."""
        return f"{self.group_id}:{uuid_text(self.topic_id)}:{self.partition}"


@dataclass(slots=True)
class SharePartitionState:
    """Never changed: replay puts another in its place.

    `start_offset` -1: not known yet, the leader finds it by `share.auto.offset.reset`. `state_epoch` grows when the
    group's coordinator begins the state anew; who writes with an older one is fenced.
    """

    snapshot_epoch: int
    state_epoch: int
    leader_epoch: int
    start_offset: int
    delivery_complete_count: int = UNKNOWN_COUNT
    create_timestamp_ms: int = 0
    write_timestamp_ms: int = 0
    state_batches: list[StateBatch] = field(default_factory=list)
