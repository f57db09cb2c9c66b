"""KRaftVersionRecord: version 0.

KIP-853 (0).
"""

from ottla.protocol.message import Message
from ottla.protocol.types import Int16


class KRaftVersionRecord(Message, versions="0", flexible="0+"):
    """The finalized `kraft.version`, as a control record of the metadata log."""

    version: Int16
    kraft_version: Int16
