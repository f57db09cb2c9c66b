"""TopicRecord, metadata record type 2: version 0."""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Uuid


class TopicRecord(MetadataRecord, record_type=2, versions="0", flexible="0+"):
    """A topic exists."""

    name: str
    topic_id: Uuid
