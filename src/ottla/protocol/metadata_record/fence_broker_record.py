"""FenceBrokerRecord, metadata record type 7: version 0."""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int32, Int64


class FenceBrokerRecord(MetadataRecord, record_type=7, versions="0", flexible="0+"):
    """A broker is fenced; superseded by BrokerRegistrationChangeRecord."""

    id: Int32
    epoch: Int64
