"""EndTransactionRecord, metadata record type 24: version 0.

KIP-868 (0).
"""

from ottla.protocol.message import MetadataRecord


class EndTransactionRecord(MetadataRecord, record_type=24, versions="0", flexible="0+"):
    """The open metadata transaction takes effect."""
