"""ConsumerGroupMemberMetadata, record type 5 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int32


class ConsumerGroupMemberMetadataKey(CoordinatorKey, record_type=5, versions="0", flexible="none"):
    """A member of a consumer group."""

    group_id: str
    member_id: str


class ClassicProtocol(Struct):
    name: str
    metadata: bytes


class ClassicMemberMetadata(Struct):
    session_timeout_ms: Int32 = field(default=0)
    supported_protocols: list[ClassicProtocol] = field(default_factory=list)


class ConsumerGroupMemberMetadataValue(CoordinatorValue, record_type=5, versions="0", flexible="0+"):
    """What the member said about itself."""

    instance_id: str | None = field(nullable="0+")
    rack_id: str | None = field(nullable="0+")
    client_id: str
    client_host: str
    subscribed_topic_names: list[str]
    subscribed_topic_regex: str | None = field(nullable="0+")
    rebalance_timeout_ms: Int32 = field(default=-1)
    server_assignor: str | None = field(nullable="0+")
    classic_member_metadata: ClassicMemberMetadata | None = field(
        default_factory=ClassicMemberMetadata, nullable="0+", tag=0
    )
