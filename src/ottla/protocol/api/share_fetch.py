"""ShareFetch, API 78: versions 1 to 2.

KIP-932 (1), KIP-1206 (2), KIP-1222 (2).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int8, Int16, Int32, Int64, Records, Uuid


class AcknowledgementBatch(Struct):
    first_offset: Int64
    last_offset: Int64
    acknowledge_types: list[Int8]


class FetchPartition(Struct):
    partition_index: Int32
    partition_max_bytes: Int32 = field("0", default=0)
    acknowledgement_batches: list[AcknowledgementBatch]


class FetchTopic(Struct):
    topic_id: Uuid
    partitions: list[FetchPartition]


class ForgottenTopic(Struct):
    topic_id: Uuid
    partitions: list[Int32]


class ShareFetchRequest(Request, api=78, versions="1-2", flexible="0+"):
    """A member of a share group fetches records and acknowledges earlier ones."""

    group_id: str | None = field(default=None, nullable="0+")
    member_id: str | None = field(nullable="0+")
    share_session_epoch: Int32
    max_wait_ms: Int32
    min_bytes: Int32
    max_bytes: Int32 = field(default=2147483647)
    max_records: Int32
    batch_size: Int32
    share_acquire_mode: Int8 = field("2+", default=0, ignorable=True)
    is_renew_ack: bool = field("2+", default=False)
    topics: list[FetchTopic]
    forgotten_topics_data: list[ForgottenTopic]


class LeaderIdAndEpoch(Struct):
    leader_id: Int32
    leader_epoch: Int32


class AcquiredRecords(Struct):
    first_offset: Int64
    last_offset: Int64
    delivery_count: Int16


class PartitionData(Struct):
    partition_index: Int32
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    acknowledge_error_code: Int16
    acknowledge_error_message: str | None = field(default=None, nullable="0+")
    current_leader: LeaderIdAndEpoch
    records: Records
    acquired_records: list[AcquiredRecords]


class ShareFetchableTopicResponse(Struct):
    topic_id: Uuid
    partitions: list[PartitionData]


class NodeEndpoint(Struct):
    node_id: Int32
    host: str
    port: Int32
    rack: str | None = field(default=None, nullable="0+")


class ShareFetchResponse(Response, api=78, versions="1-2", flexible="0+"):
    """Acquired records by partition, and the outcome of the acknowledgements."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    acquisition_lock_timeout_ms: Int32
    responses: list[ShareFetchableTopicResponse]
    node_endpoints: list[NodeEndpoint]
