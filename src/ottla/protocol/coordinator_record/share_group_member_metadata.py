"""ShareGroupMemberMetadata, record type 10 of `__consumer_offsets`: value version 0.

KIP-932 (0).
"""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, field


class ShareGroupMemberMetadataKey(CoordinatorKey, record_type=10, versions="0", flexible="none"):
    """A member of a share group."""

    group_id: str
    member_id: str


class ShareGroupMemberMetadataValue(CoordinatorValue, record_type=10, versions="0", flexible="0+"):
    """What the member said about itself."""

    rack_id: str | None = field(nullable="0+")
    client_id: str
    client_host: str
    subscribed_topic_names: list[str]
