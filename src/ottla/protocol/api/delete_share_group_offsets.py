"""DeleteShareGroupOffsets, API 92: version 0.

KIP-932 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uuid


class DeleteShareGroupOffsetsRequestTopic(Struct):
    topic_name: str


class DeleteShareGroupOffsetsRequest(Request, api=92, versions="0", flexible="0+"):
    """Deletes the offsets of an empty share group for topics."""

    group_id: str
    topics: list[DeleteShareGroupOffsetsRequestTopic]


class DeleteShareGroupOffsetsResponseTopic(Struct):
    topic_name: str
    topic_id: Uuid
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")


class DeleteShareGroupOffsetsResponse(Response, api=92, versions="0", flexible="0+"):
    """What became of each topic."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(default=None, nullable="0+")
    responses: list[DeleteShareGroupOffsetsResponseTopic]
