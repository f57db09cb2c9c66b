"""UnregisterBrokerRecord, metadata record type 1: version 0."""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int32, Int64


class UnregisterBrokerRecord(MetadataRecord, record_type=1, versions="0", flexible="0+"):
    """A broker's registration is gone."""

    broker_id: Int32
    broker_epoch: Int64
