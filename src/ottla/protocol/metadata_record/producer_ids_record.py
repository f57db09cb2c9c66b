"""ProducerIdsRecord, metadata record type 15: version 0."""

from ottla.protocol.message import MetadataRecord, field
from ottla.protocol.types import Int32, Int64


class ProducerIdsRecord(MetadataRecord, record_type=15, versions="0", flexible="0+"):
    """Producer ids up to this one have been handed out."""

    broker_id: Int32
    broker_epoch: Int64 = field(default=-1)
    next_producer_id: Int64
