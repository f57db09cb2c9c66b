"""ConfigRecord, metadata record type 4: version 0."""

from ottla.protocol.message import MetadataRecord, field
from ottla.protocol.types import Int8


class ConfigRecord(MetadataRecord, record_type=4, versions="0", flexible="0+"):
    """A config of a resource was set, or removed (null)."""

    resource_type: Int8
    resource_name: str
    name: str
    value: str | None = field(nullable="0+")
