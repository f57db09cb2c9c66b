"""Metadata records as they stand in the values of `__cluster_metadata-0` and of snapshots. KIP-631.

    value  ::= frame version (uvarint, 1) · record type (uvarint) · version (uvarint) · body

A type, a version or a frame that is not known raises `MetadataError`: better no node than a node without part of its
metadata.
"""

from dataclasses import dataclass
from importlib import import_module

from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import MetadataRecord

FRAME_VERSION = 1
_UINT32_MAX = 0xFFFFFFFF

# Kafka's MetadataRecordType: record type -> file in protocol/metadata_record/.
RECORD_FILES = {
    0: "register_broker_record",
    1: "unregister_broker_record",
    2: "topic_record",
    3: "partition_record",
    4: "config_record",
    5: "partition_change_record",
    7: "fence_broker_record",
    8: "unfence_broker_record",
    9: "remove_topic_record",
    10: "delegation_token_record",
    11: "user_scram_credential_record",
    12: "feature_level_record",
    14: "client_quota_record",
    15: "producer_ids_record",
    17: "broker_registration_change_record",
    18: "access_control_entry_record",
    19: "remove_access_control_entry_record",
    20: "no_op_record",
    21: "zk_migration_state_record",
    22: "remove_user_scram_credential_record",
    23: "begin_transaction_record",
    24: "end_transaction_record",
    25: "abort_transaction_record",
    26: "remove_delegation_token_record",
    27: "register_controller_record",
    28: "clear_elr_record",
}

_classes: dict[int, type[MetadataRecord]] = {}


class MetadataError(Exception):
    """The metadata log holds something that this node cannot replay."""


@dataclass(frozen=True, slots=True)
class VersionedRecord:
    """A record and the version it is written in (Kafka's `ApiMessageAndVersion`)."""

    record: MetadataRecord
    version: int = 0


def record_class(record_type: int) -> type[MetadataRecord]:
    """The class of a record type, imported at its first use."""
    known = _classes.get(record_type)
    if known is not None:
        return known
    file = RECORD_FILES.get(record_type)
    if file is None:
        raise MetadataError(f"metadata record type {record_type} is not known")
    name = "".join(part.capitalize() for part in file.split("_"))
    found = getattr(import_module(f"ottla.protocol.metadata_record.{file}"), name)
    if not (isinstance(found, type) and issubclass(found, MetadataRecord)):
        raise MetadataError(f"{name} is no metadata record")
    _classes[record_type] = found
    return found


def encode_record(record: VersionedRecord) -> bytes:
    frame = bytearray((FRAME_VERSION,))
    _append_uvarint(frame, record.record.record_type)
    _append_uvarint(frame, record.version)
    return bytes(frame) + record.record.encode(record.version)


def decode_record(value: bytes | memoryview) -> VersionedRecord:
    """Raises `MetadataError` if this node cannot read the record."""
    frame_version, position = _read_uvarint(value, 0)
    if frame_version != FRAME_VERSION:
        raise MetadataError(f"frame version {frame_version} of a metadata record is not known")
    record_type, position = _read_uvarint(value, position)
    version, position = _read_uvarint(value, position)
    found = record_class(record_type)
    if not found.versions.oldest <= version <= found.versions.latest:
        raise MetadataError(f"version {version} of {found.__name__} is not known; up to {found.versions.latest} is")
    try:
        return VersionedRecord(found.decode(value, version, position), version)
    except ProtocolError as error:
        raise MetadataError(f"a {found.__name__} of version {version} is malformed: {error}") from error


def _append_uvarint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _read_uvarint(value: bytes | memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while position < len(value) and shift < 35:
        byte = value[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            if result > _UINT32_MAX:
                break
            return result, position
        shift += 7
    raise MetadataError("the frame of a metadata record is malformed")
