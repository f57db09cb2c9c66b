"""AddOffsetsToTxn, API 25: versions 0 to 4.

KIP-98 (0), KIP-588 (2), KIP-482 (3), KIP-890 (4).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64


class AddOffsetsToTxnRequest(Request, api=25, versions="0-4", flexible="3+"):
    """Announces that a group's offsets will be committed within a transaction."""

    transactional_id: str
    producer_id: Int64
    producer_epoch: Int16
    group_id: str


class AddOffsetsToTxnResponse(Response, api=25, versions="0-4", flexible="3+"):
    """Whether the group was added."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
