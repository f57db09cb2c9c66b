"""Metadata records between a decision and the log: a record with the version it is written in.

The framing is `protocol.metadata_record.frame`'s. What cannot be read raises `MetadataError`: better no node than
a node that lacks part of its metadata.
"""

from dataclasses import dataclass

from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import MetadataRecord
from ottla.protocol.metadata_record.frame import decode_metadata_record, encode_metadata_record


class MetadataError(Exception):
    """The metadata log holds something that this node cannot replay."""


@dataclass(frozen=True, slots=True)
class VersionedRecord:
    """A record and the version it is written in (Kafka's `ApiMessageAndVersion`)."""

    record: MetadataRecord
    version: int = 0


def encode_record(record: VersionedRecord) -> bytes:
    return encode_metadata_record(record.record, record.version)


def decode_record(value: bytes | memoryview) -> MetadataRecord:
    """Raises `MetadataError` if this node cannot read the record."""
    try:
        return decode_metadata_record(value)[0]
    except ProtocolError as error:
        raise MetadataError(f"a metadata record cannot be read: {error}") from error
