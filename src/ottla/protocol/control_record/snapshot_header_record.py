"""SnapshotHeaderRecord: version 0.

KIP-630 (0).
"""

from ottla.protocol.message import Message
from ottla.protocol.types import Int16, Int64


class SnapshotHeaderRecord(Message, versions="0", flexible="0+"):
    """The first record of a snapshot."""

    version: Int16
    last_contained_log_timestamp: Int64
