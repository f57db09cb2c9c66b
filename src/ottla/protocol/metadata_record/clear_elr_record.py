"""ClearElrRecord, metadata record type 28: version 0.

KIP-966 (0).
"""

from ottla.protocol.message import MetadataRecord


class ClearElrRecord(MetadataRecord, record_type=28, versions="0", flexible="0+"):
    """Forgets the eligible leader replicas of one topic, or of all."""

    topic_name: str
