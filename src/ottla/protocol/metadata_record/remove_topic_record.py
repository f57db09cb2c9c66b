"""RemoveTopicRecord, metadata record type 9: version 0."""

from ottla.protocol.message import MetadataRecord
from ottla.protocol.types import Uuid


class RemoveTopicRecord(MetadataRecord, record_type=9, versions="0", flexible="0+"):
    """A topic is gone."""

    topic_id: Uuid
