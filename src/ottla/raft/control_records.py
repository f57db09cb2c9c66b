"""Control records of the quorum: their keys, and their bodies by type. KIP-595, 630, 853; `ControlRecordUtils`.

key    ::= version int16 (0) · type int16
value  ::= the message of the type at version 0
"""

from collections.abc import Mapping
from enum import IntEnum
from struct import Struct

from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.control_record.leader_change_message import LeaderChangeMessage, Voter
from ottla.protocol.control_record.snapshot_footer_record import SnapshotFooterRecord
from ottla.protocol.control_record.snapshot_header_record import SnapshotHeaderRecord
from ottla.protocol.control_record.voters_record import VotersRecord
from ottla.protocol.message import Message
from ottla.raft.voter_set import VoterSet

_KEY = Struct(">hh")


class ControlRecordType(IntEnum):
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


CLASSES: Mapping[int, type[Message]] = {
    ControlRecordType.LEADER_CHANGE: LeaderChangeMessage,
    ControlRecordType.SNAPSHOT_HEADER: SnapshotHeaderRecord,
    ControlRecordType.SNAPSHOT_FOOTER: SnapshotFooterRecord,
    ControlRecordType.KRAFT_VERSION: KRaftVersionRecord,
    ControlRecordType.KRAFT_VOTERS: VotersRecord,
}
_TYPES = {cls: ControlRecordType(type_) for type_, cls in CLASSES.items()}


def encode_control_record(message: Message) -> tuple[bytes, bytes]:
    """(key, value)"""
    return _KEY.pack(0, _TYPES[type(message)]), message.encode(0)


def decode_control_record(key: bytes, value: bytes) -> Message | None:
    """`None` for a type that is not known, which is passed over as Kafka does. `ProtocolError` when malformed."""
    if len(key) < _KEY.size:
        return None
    _, type_ = _KEY.unpack_from(key)
    cls = CLASSES.get(type_)
    if cls is None:
        return None
    version = 1 if cls is LeaderChangeMessage and value[:2] == b"\x00\x01" else 0
    return cls.decode(value, version)


def leader_change(leader_id: int, voters: VoterSet, granting: list[int]) -> LeaderChangeMessage:
    """Kafka 4.3 writes version 0, without directory ids, whatever `kraft.version` is."""
    return LeaderChangeMessage(
        version=0,
        leader_id=leader_id,
        voters=[Voter(voter_id=node_id) for node_id in voters.node_ids],
        granting_voters=[Voter(voter_id=node_id) for node_id in granting],
    )
