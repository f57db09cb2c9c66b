"""RemoveDelegationTokenRecord, metadata record type 26: version 0.

KIP-900 (0).
"""

from ottla.protocol.message import MetadataRecord


class RemoveDelegationTokenRecord(MetadataRecord, record_type=26, versions="0", flexible="0+"):
    """A delegation token is gone."""

    token_id: str
