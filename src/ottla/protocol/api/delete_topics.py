"""DeleteTopics, API 20: versions 1 to 6.

KIP-4 (0), KIP-482 (4), KIP-599 (5), KIP-516 (6).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import ZERO_UUID, Int16, Int32, Uuid


class DeleteTopicState(Struct):
    name: str | None = field(default=None, nullable="6+")
    topic_id: Uuid


class DeleteTopicsRequest(Request, api=20, versions="1-6", flexible="4+"):
    """Deletes topics by name, or by id (6)."""

    topics: list[DeleteTopicState] = field("6+", default_factory=list)
    topic_names: list[str] = field("0-5", default_factory=list, ignorable=True)
    timeout_ms: Int32


class DeletableTopicResult(Struct):
    name: str | None = field(nullable="6+")
    topic_id: Uuid = field("6+", default=ZERO_UUID, ignorable=True)
    error_code: Int16
    error_message: str | None = field("5+", default=None, nullable="5+", ignorable=True)


class DeleteTopicsResponse(Response, api=20, versions="1-6", flexible="4+"):
    """What became of each topic."""

    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    responses: list[DeletableTopicResult]
