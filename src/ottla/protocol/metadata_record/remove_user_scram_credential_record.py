"""RemoveUserScramCredentialRecord, metadata record type 22: version 0.

KIP-900 (0).
"""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Int8


class RemoveUserScramCredentialRecord(MetadataRecord, record_type=22, versions="0", flexible="0+"):
    """A SCRAM credential is gone."""

    name: str
    mechanism: Int8
