"""AccessControlEntryRecord, metadata record type 18: version 0.

KIP-801 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int8, Uuid


class AccessControlEntryRecord(MetadataRecord, record_type=18, versions="0", flexible="0+"):
    """An ACL exists."""

    id: Uuid
    resource_type: Int8
    resource_name: str
    pattern_type: Int8
    principal: str
    host: str
    operation: Int8
    permission_type: Int8
