"""RemoveAccessControlEntryRecord, metadata record type 19: version 0.

KIP-801 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Uuid


class RemoveAccessControlEntryRecord(MetadataRecord, record_type=19, versions="0", flexible="0+"):
    """An ACL is gone."""

    id: Uuid
