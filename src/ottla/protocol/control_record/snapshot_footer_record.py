"""SnapshotFooterRecord: version 0.

KIP-630 (0).
"""

from ottla.protocol.message import Message
from ottla.protocol.types import Int16


class SnapshotFooterRecord(Message, versions="0", flexible="0+"):
    """The last record of a snapshot."""

    version: Int16
