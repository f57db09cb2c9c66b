"""UnfenceBrokerRecord, metadata record type 8: version 0."""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int32, Int64


class UnfenceBrokerRecord(MetadataRecord, record_type=8, versions="0", flexible="0+"):
    """A broker is unfenced; superseded by BrokerRegistrationChangeRecord."""

    id: Int32
    epoch: Int64
