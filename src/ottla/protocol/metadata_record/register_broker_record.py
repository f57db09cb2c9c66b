"""RegisterBrokerRecord, metadata record type 0: versions 0 to 4."""

from ottla.protocol.message import MetadataRecord, Struct, field
from ottla.protocol.types import Int16, Int32, Int64, Uint16, Uuid


class BrokerEndpoint(Struct):
    name: str
    host: str
    port: Uint16
    security_protocol: Int16


class BrokerFeature(Struct):
    name: str
    min_supported_version: Int16
    max_supported_version: Int16


class RegisterBrokerRecord(MetadataRecord, record_type=0, versions="0-4", flexible="0+"):
    """A broker registered, under a new epoch."""

    broker_id: Int32
    is_migrating_zk_broker: bool = field("2+", default=False)
    incarnation_id: Uuid
    broker_epoch: Int64
    end_points: list[BrokerEndpoint]
    features: list[BrokerFeature]
    rack: str | None = field(nullable="0+")
    fenced: bool = field(default=True)
    in_controlled_shutdown: bool = field("1+", default=False)
    log_dirs: list[Uuid] = field("3+", default_factory=list, tag=0)
    cordoned_log_dirs: list[Uuid] | None = field("4+", default=None, nullable="4+", tag=1)
