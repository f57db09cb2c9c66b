"""NoOpRecord, metadata record type 20: version 0."""

from ottla.protocol.message import MetadataRecord


class NoOpRecord(MetadataRecord, record_type=20, versions="0", flexible="0+"):
    """Nothing changed, but the log moves on."""
