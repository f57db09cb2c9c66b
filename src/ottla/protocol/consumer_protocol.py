"""What consumers of a classic group say to each other, opaque to the broker.

Each is preceded by its version as an int16. KIP-429 (1), KIP-792 (2), KIP-881 (3).
"""

from ottla.protocol.message import Message, Struct, field
from ottla.protocol.types import Int32


class ConsumerProtocolSubscriptionTopicPartition(Struct):
    topic: str
    partitions: list[Int32]


class ConsumerProtocolSubscription(Message, versions="0-3", flexible="none"):
    """What a consumer tells its classic group: the topics it wants and the partitions it owns."""

    topics: list[str]
    user_data: bytes | None = field(default=None, nullable="0+")
    owned_partitions: list[ConsumerProtocolSubscriptionTopicPartition] = field(
        "1+", default_factory=list, ignorable=True
    )
    generation_id: Int32 = field("2+", default=-1, ignorable=True)
    rack_id: str | None = field("3+", default=None, nullable="3+", ignorable=True)


class ConsumerProtocolAssignmentTopicPartition(Struct):
    topic: str
    partitions: list[Int32]


class ConsumerProtocolAssignment(Message, versions="0-3", flexible="none"):
    """What the leader of a classic group of consumers assigns to one of them."""

    assigned_partitions: list[ConsumerProtocolAssignmentTopicPartition]
    user_data: bytes | None = field(default=None, nullable="0+")
