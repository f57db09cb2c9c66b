"""AllocateProducerIds, API 67: version 0.

KIP-730 (0).
"""

from ottla.protocol.message import Request, Response, field
from ottla.protocol.types import Int16, Int32, Int64


class AllocateProducerIdsRequest(Request, api=67, versions="0", flexible="0+"):
    """A broker asks the controller for a block of producer ids."""

    broker_id: Int32
    broker_epoch: Int64 = field(default=-1)


class AllocateProducerIdsResponse(Response, api=67, versions="0", flexible="0+"):
    """The first id of the block and its length."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    producer_id_start: Int64
    producer_id_len: Int32
