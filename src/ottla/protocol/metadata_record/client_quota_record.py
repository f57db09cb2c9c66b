"""ClientQuotaRecord, metadata record type 14: version 0."""

from ottla.protocol.message import MetadataRecord, Struct, field
from ottla.protocol.types import Float64


class EntityData(Struct):
    entity_type: str
    entity_name: str | None = field(nullable="0+")


class ClientQuotaRecord(MetadataRecord, record_type=14, versions="0", flexible="0+"):
    """A client quota was set or removed."""

    entity: list[EntityData]
    key: str
    value: Float64
    remove: bool
