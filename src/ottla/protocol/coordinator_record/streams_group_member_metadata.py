"""StreamsGroupMemberMetadata, record type 19 of `__consumer_offsets`: value version 0."""

from ottla.protocol.message import CoordinatorKey, CoordinatorValue, Struct, field
from ottla.protocol.types import Int32, Uint16


class StreamsGroupMemberMetadataKey(CoordinatorKey, record_type=19, versions="0", flexible="none"):
    """A member of a streams group."""

    group_id: str
    member_id: str


class Endpoint(Struct):
    host: str
    port: Uint16


class KeyValue(Struct):
    key: str
    value: str


class StreamsGroupMemberMetadataValue(CoordinatorValue, record_type=19, versions="0", flexible="0+"):
    """What the member said about itself."""

    instance_id: str | None = field(nullable="0+")
    rack_id: str | None = field(nullable="0+")
    client_id: str
    client_host: str
    rebalance_timeout_ms: Int32 = field(default=-1)
    topology_epoch: Int32
    process_id: str
    user_endpoint: Endpoint | None = field(default=None, nullable="0+")
    client_tags: list[KeyValue]
