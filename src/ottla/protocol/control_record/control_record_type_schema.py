"""ControlRecordTypeSchema: version 0.

KIP-98 (0).
"""

from ottla.protocol.message import Message
from ottla.protocol.types import Int16


class ControlRecordTypeSchema(Message, versions="0", flexible="none"):
    """The key of a control record, after its version: what kind of marker it is."""

    type: Int16
