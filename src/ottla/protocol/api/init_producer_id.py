"""InitProducerId, API 22: versions 0 to 6.

KIP-98 (0), KIP-482 (2), KIP-360 (3), KIP-588 (4), KIP-890 (5), KIP-939 (6).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64


class InitProducerIdRequest(Request, api=22, versions="0-6", flexible="2+"):
    """A producer asks for its id and epoch; with a transactional id, older producers are fenced."""

    transactional_id: str | None = field(nullable="0+")
    transaction_timeout_ms: Int32
    producer_id: Int64 = field("3+", default=-1)
    producer_epoch: Int16 = field("3+", default=-1)
    enable2_pc: bool = field("6+", default=False)
    keep_prepared_txn: bool = field("6+", default=False)


class InitProducerIdResponse(Response, api=22, versions="0-6", flexible="2+"):
    """The producer id and epoch."""

    throttle_time_ms: Int32 = field(default=0, ignorable=True)
    error_code: Int16
    producer_id: Int64 = field(default=-1)
    producer_epoch: Int16
    ongoing_txn_producer_id: Int64 = field("6+", default=-1)
    ongoing_txn_producer_epoch: Int16 = field("6+", default=-1)
