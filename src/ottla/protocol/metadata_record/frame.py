"""Records of `__cluster_metadata` as bytes: the value of a Kafka record (`MetadataRecordSerde`).

value ::= frame version (1) · record type · version · body        the first three as unsigned varints
"""

from importlib import import_module
from typing import Final, cast

from ottla.protocol.codec import decoder, read_uvarint, uvarint
from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import MetadataRecord

FRAME_VERSION: Final = 1

RECORD_TYPES: Final = {
    0: "RegisterBrokerRecord",
    1: "UnregisterBrokerRecord",
    2: "TopicRecord",
    3: "PartitionRecord",
    4: "ConfigRecord",
    5: "PartitionChangeRecord",
    7: "FenceBrokerRecord",
    8: "UnfenceBrokerRecord",
    9: "RemoveTopicRecord",
    10: "DelegationTokenRecord",
    11: "UserScramCredentialRecord",
    12: "FeatureLevelRecord",
    14: "ClientQuotaRecord",
    15: "ProducerIdsRecord",
    17: "BrokerRegistrationChangeRecord",
    18: "AccessControlEntryRecord",
    19: "RemoveAccessControlEntryRecord",
    20: "NoOpRecord",
    21: "ZkMigrationStateRecord",
    22: "RemoveUserScramCredentialRecord",
    23: "BeginTransactionRecord",
    24: "EndTransactionRecord",
    25: "AbortTransactionRecord",
    26: "RemoveDelegationTokenRecord",
    27: "RegisterControllerRecord",
    28: "ClearElrRecord",
}
"""Kafka's `MetadataRecordType`: the class in the file of its name, imported at its first use."""

_classes: dict[int, type[MetadataRecord]] = {}


def metadata_record_class(record_type: int) -> type[MetadataRecord]:
    """The class of a record type; ProtocolError if it is not known."""
    found = _classes.get(record_type)
    if found is None:
        name = RECORD_TYPES.get(record_type)
        if name is None:
            raise ProtocolError(f"metadata record type {record_type} is not known")
        module = import_module(f"{__package__}.{_snake(name)}")
        found = _classes[record_type] = cast("type[MetadataRecord]", getattr(module, name))
    return found


def encode_metadata_record(record: MetadataRecord, version: int) -> bytes:
    """The value that stands in the log for `record`."""
    head = uvarint(FRAME_VERSION) + uvarint(record.record_type) + uvarint(version)
    return head + record.encode(version)


def decode_metadata_record(data: bytes | memoryview) -> tuple[MetadataRecord, int]:
    """The record and its version; ProtocolError if it is malformed, of an unknown type, or followed by anything."""
    view = memoryview(data)
    frame_version, offset = read_uvarint(view, 0)
    if frame_version != FRAME_VERSION:
        raise ProtocolError(f"frame version {frame_version} of a metadata record is not known")
    record_type, offset = read_uvarint(view, offset)
    version, offset = read_uvarint(view, offset)
    record, end = decoder(metadata_record_class(record_type), version)(view, offset)
    if end != len(view):
        raise ProtocolError(f"{len(view) - end} bytes stand behind a {type(record).__name__}")
    return record, version


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)[1:]
