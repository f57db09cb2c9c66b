"""BeginTransactionRecord, metadata record type 23: version 0.

KIP-868 (0).
"""

from ottla.protocol.message import MetadataRecord, field


class BeginTransactionRecord(MetadataRecord, record_type=23, versions="0", flexible="0+"):
    """A metadata transaction begins: what follows takes effect as a whole."""

    name: str | None = field(default=None, nullable="0+", tag=0)
