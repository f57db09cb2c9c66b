"""What records of Kafka's own topics and control records say, as plain values for JSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ottla.protocol.control_batch import ControlRecordType, control_record_type
from ottla.protocol.control_record.end_txn_marker import EndTxnMarker
from ottla.protocol.control_record.kraft_version_record import KRaftVersionRecord
from ottla.protocol.control_record.leader_change_message import LeaderChangeMessage
from ottla.protocol.control_record.snapshot_footer_record import SnapshotFooterRecord
from ottla.protocol.control_record.snapshot_header_record import SnapshotHeaderRecord
from ottla.protocol.control_record.voters_record import VotersRecord
from ottla.protocol.coordinator_record.frame import (
    GROUP_RECORDS,
    SHARE_RECORDS,
    TRANSACTION_RECORDS,
    decode_key,
    decode_value,
)
from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import ArrayOf, Message, Struct
from ottla.protocol.metadata_record.frame import decode_metadata_record
from ottla.protocol.types import Primitive, uuid_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.protocol.record import Record

METADATA, GROUPS, TRANSACTIONS, SHARES = "metadata", "groups", "transactions", "shares"
DECODERS = (METADATA, GROUPS, TRANSACTIONS, SHARES)
TOPICS = {
    "__cluster_metadata": METADATA,
    "__consumer_offsets": GROUPS,
    "__transaction_state": TRANSACTIONS,
    "__share_group_state": SHARES,
}
_KEYED = {GROUPS: GROUP_RECORDS, TRANSACTIONS: TRANSACTION_RECORDS, SHARES: SHARE_RECORDS}

_VERSION_BYTES = 2

_CONTROL: Mapping[ControlRecordType, type[Message]] = {
    ControlRecordType.ABORT: EndTxnMarker,
    ControlRecordType.COMMIT: EndTxnMarker,
    ControlRecordType.LEADER_CHANGE: LeaderChangeMessage,
    ControlRecordType.SNAPSHOT_HEADER: SnapshotHeaderRecord,
    ControlRecordType.SNAPSHOT_FOOTER: SnapshotFooterRecord,
    ControlRecordType.KRAFT_VERSION: KRaftVersionRecord,
    ControlRecordType.KRAFT_VOTERS: VotersRecord,
}


def decoded(record: Record, kind: str) -> dict[str, Any]:
    """`type`, and what the record says; `{"undecoded": why}` for one that cannot be read. `kind`: of `DECODERS`."""
    try:
        if kind == METADATA:
            message, version = decode_metadata_record(record.value or b"")
            return {"type": type(message).__name__, "version": version, "data": plain(message)}
        key = decode_key(record.key or b"", _KEYED[kind])
        said: dict[str, Any] = {"type": type(key).__name__.removesuffix("Key"), "key": plain(key)}
        if record.value is None:
            return {**said, "deleted": True}
        value, version = decode_value(key, record.value)
    except ProtocolError as error:
        return {"undecoded": str(error)}
    return {**said, "version": version, "data": plain(value)}


def decoded_control(record: Record) -> dict[str, Any]:
    """What a control record is and says."""
    try:
        kind = control_record_type(record.key)
        if kind is None:
            return {"undecoded": f"control record type {int.from_bytes((record.key or b'')[2:4])} is not known"}
        value = record.value or b""
        version = int.from_bytes(value[:2], signed=True)
        message = _CONTROL[kind]
        at = _VERSION_BYTES if message is EndTxnMarker else 0  # before a marker; elsewhere it is the first field
        said = plain(message.decode(value, min(max(0, version), message.versions.latest), at))
    except ProtocolError as error:
        return {"undecoded": str(error)}
    return {"type": kind.name, "version": version, "data": said}


def plain(message: Struct) -> dict[str, Any]:
    """A message as a dictionary: UUIDs as Kafka's text, other bytes as base64."""
    return {field.name: _plain(getattr(message, field.name), is_uuid=_is_uuid(field.type)) for field in message.schema}


def _is_uuid(kind: object) -> bool:
    element = kind.element if isinstance(kind, ArrayOf) else kind
    return isinstance(element, Primitive) and element.name == "uuid"


def _plain(value: Any, *, is_uuid: bool) -> Any:
    if isinstance(value, Struct):
        return plain(value)
    if isinstance(value, list):
        return [_plain(each, is_uuid=is_uuid) for each in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return uuid_text(bytes(value)) if is_uuid else base64.b64encode(value).decode()
    return value
