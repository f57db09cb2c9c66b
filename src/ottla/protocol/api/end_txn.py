"""EndTxn, API 26: versions 0 to 5.

KIP-98 (0), KIP-588 (2), KIP-482 (3), KIP-890 (4), KIP-890 (5).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64


class EndTxnRequest(Request, api=26, versions="0-5", flexible="3+"):
    """Commits or aborts a transaction."""

    transactional_id: str
    producer_id: Int64
    producer_epoch: Int16
    committed: bool


class EndTxnResponse(Response, api=26, versions="0-5", flexible="3+"):
    """The outcome, and the bumped producer epoch (5)."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    producer_id: Int64 = field("5+", default=-1, ignorable=True)
    producer_epoch: Int16 = field("5+", default=-1, ignorable=True)
