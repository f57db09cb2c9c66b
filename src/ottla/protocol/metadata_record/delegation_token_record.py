"""DelegationTokenRecord, metadata record type 10: version 0.

KIP-900 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int64


class DelegationTokenRecord(MetadataRecord, record_type=10, versions="0", flexible="0+"):
    """A delegation token exists."""

    owner: str
    requester: str
    renewers: list[str]
    issue_timestamp: Int64
    max_timestamp: Int64
    expiration_timestamp: Int64
    token_id: str
