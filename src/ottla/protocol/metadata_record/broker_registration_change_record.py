"""BrokerRegistrationChangeRecord, metadata record type 17: versions 0 to 3."""

from ottla.protocol.message import MetadataRecord, field
from ottla.protocol.types import Int8, Int32, Int64, Uuid


class BrokerRegistrationChangeRecord(MetadataRecord, record_type=17, versions="0-3", flexible="0+"):
    """Something about a broker's registration changed: fencing, shutdown, directories."""

    broker_id: Int32
    broker_epoch: Int64
    fenced: Int8 = field(default=0, tag=0)
    in_controlled_shutdown: Int8 = field("1+", default=0, tag=1)
    log_dirs: list[Uuid] = field("2+", default_factory=list, tag=2)
    cordoned_log_dirs: list[Uuid] | None = field("3+", default=None, nullable="3+", tag=3)
