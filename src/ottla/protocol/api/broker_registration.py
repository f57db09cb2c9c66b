"""BrokerRegistration, API 62: versions 0 to 4.

KIP-631 (0), KIP-858 (2), KIP-966 (2), KIP-966 (3).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Int64, Uint16, Uuid


class Listener(Struct):
    name: str
    host: str
    port: Uint16
    security_protocol: Int16


class Feature(Struct):
    name: str
    min_supported_version: Int16
    max_supported_version: Int16


class BrokerRegistrationRequest(Request, api=62, versions="0-4", flexible="0+"):
    """A starting broker registers with the controller."""

    broker_id: Int32
    cluster_id: str
    incarnation_id: Uuid
    listeners: list[Listener]
    features: list[Feature]
    rack: str | None = field(nullable="0+")
    is_migrating_zk_broker: bool = field("1+", default=False)
    log_dirs: list[Uuid] = field("2+", default_factory=list, ignorable=True)
    previous_broker_epoch: Int64 = field("3+", default=-1, ignorable=True)


class BrokerRegistrationResponse(Response, api=62, versions="0-4", flexible="0+"):
    """The broker's epoch."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    broker_epoch: Int64 = field(default=-1)
