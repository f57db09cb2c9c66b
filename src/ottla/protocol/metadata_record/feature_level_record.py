"""FeatureLevelRecord, metadata record type 12: version 0.

KIP-584 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int16


class FeatureLevelRecord(MetadataRecord, record_type=12, versions="0", flexible="0+"):
    """A feature is finalized at a level."""

    name: str
    feature_level: Int16
