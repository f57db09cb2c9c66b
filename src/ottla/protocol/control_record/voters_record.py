"""VotersRecord: version 0.

KIP-853 (0).
"""

from ottla.protocol.message import Message, Struct
from ottla.protocol.types import Int16, Int32, Uint16, Uuid


class Endpoint(Struct):
    name: str
    host: str
    port: Uint16


class KRaftVersionFeature(Struct):
    min_supported_version: Int16
    max_supported_version: Int16


class Voter(Struct):
    voter_id: Int32
    voter_directory_id: Uuid
    endpoints: list[Endpoint]
    kraft_version_feature: KRaftVersionFeature


class VotersRecord(Message, versions="0", flexible="0+"):
    """The voter set of the quorum, as a control record of the metadata log."""

    version: Int16
    voters: list[Voter]
