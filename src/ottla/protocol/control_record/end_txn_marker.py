"""EndTxnMarker: version 0.

KIP-98 (0).
"""

from ottla.protocol.message import Message
from ottla.protocol.types import Int32


class EndTxnMarker(Message, versions="0", flexible="none"):
    """The value of a commit or abort marker."""

    coordinator_epoch: Int32
