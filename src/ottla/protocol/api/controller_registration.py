"""ControllerRegistration, API 70: version 0.

KIP-919 (0).
"""

from ottla.protocol.message import Request, Response, Struct, field
from ottla.protocol.types import Int16, Int32, Uint16, Uuid


class Listener(Struct):
    name: str
    host: str
    port: Uint16
    security_protocol: Int16


class Feature(Struct):
    name: str
    min_supported_version: Int16
    max_supported_version: Int16


class ControllerRegistrationRequest(Request, api=70, versions="0", flexible="0+"):
    """A controller registers its endpoints and features with the active one."""

    controller_id: Int32
    incarnation_id: Uuid
    zk_migration_ready: bool
    listeners: list[Listener]
    features: list[Feature]


class ControllerRegistrationResponse(Response, api=70, versions="0", flexible="0+"):
    """Whether it was registered."""

    throttle_time_ms: Int32 = field(default=0)
    error_code: Int16
    error_message: str | None = field(nullable="0+")
