"""AbortTransactionRecord, metadata record type 25: version 0.

KIP-868 (0).
"""

from ottla.protocol.message import MetadataRecord, field


class AbortTransactionRecord(MetadataRecord, record_type=25, versions="0", flexible="0+"):
    """The open metadata transaction is dropped."""

    reason: str | None = field(default=None, nullable="0+", tag=0)
