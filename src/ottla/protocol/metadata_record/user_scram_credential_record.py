"""UserScramCredentialRecord, metadata record type 11: version 0.

KIP-900 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int8, Int32


class UserScramCredentialRecord(MetadataRecord, record_type=11, versions="0", flexible="0+"):
    """A SCRAM credential exists."""

    name: str
    mechanism: Int8
    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: Int32
