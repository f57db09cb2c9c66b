"""RegisterControllerRecord, metadata record type 27: version 0.

KIP-919 (0).
"""

from ottla.protocol.message import MetadataRecord, Struct
from ottla.protocol.types import Int16, Int32, Uint16, Uuid


class ControllerEndpoint(Struct):
    name: str
    host: str
    port: Uint16
    security_protocol: Int16


class ControllerFeature(Struct):
    name: str
    min_supported_version: Int16
    max_supported_version: Int16


class RegisterControllerRecord(MetadataRecord, record_type=27, versions="0", flexible="0+"):
    """A controller registered."""

    controller_id: Int32
    incarnation_id: Uuid
    zk_migration_ready: bool
    end_points: list[ControllerEndpoint]
    features: list[ControllerFeature]
