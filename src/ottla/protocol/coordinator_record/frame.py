"""Records of the coordinators' internal topics as bytes (`CoordinatorRecordSerde`).

key   ::= record type (int16) · body, in version 0        value ::= version (int16) · body, or null to delete
"""

from functools import cache
from importlib import import_module
from typing import Final, cast

from ottla.protocol.codec import decoder, encode_into
from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import CoordinatorKey, CoordinatorValue

GROUP_RECORDS: Final = {
    0: "LegacyOffsetCommit",
    1: "OffsetCommit",
    2: "GroupMetadata",
    3: "ConsumerGroupMetadata",
    4: "ConsumerGroupPartitionMetadata",
    5: "ConsumerGroupMemberMetadata",
    6: "ConsumerGroupTargetAssignmentMetadata",
    7: "ConsumerGroupTargetAssignmentMember",
    8: "ConsumerGroupCurrentMemberAssignment",
    10: "ShareGroupMemberMetadata",
    11: "ShareGroupMetadata",
    12: "ShareGroupTargetAssignmentMetadata",
    13: "ShareGroupTargetAssignmentMember",
    14: "ShareGroupCurrentMemberAssignment",
    15: "ShareGroupStatePartitionMetadata",
    16: "ConsumerGroupRegularExpression",
    17: "StreamsGroupMetadata",
    19: "StreamsGroupMemberMetadata",
    20: "StreamsGroupTargetAssignmentMetadata",
    21: "StreamsGroupTargetAssignmentMember",
    22: "StreamsGroupCurrentMemberAssignment",
    23: "StreamsGroupTopology",
}
"""Record types of `__consumer_offsets`: the two classes stand in the file of this name."""

TRANSACTION_RECORDS: Final = {0: "TransactionLog"}
"""Record types of `__transaction_state`."""

SHARE_RECORDS: Final = {0: "ShareSnapshot", 1: "ShareUpdate"}
"""Record types of `__share_group_state`."""


class UnknownRecordTypeError(ProtocolError):
    """The key is of a type that these tables do not have; loading skips such records."""

    def __init__(self, record_type: int) -> None:
        super().__init__(f"coordinator record type {record_type} is not known")
        self.record_type = record_type


def encode_key(key: CoordinatorKey) -> bytes:
    """The key that stands in the log."""
    out = bytearray(key.record_type.to_bytes(2))
    encode_into(key, 0, out, [])
    return bytes(out)


def encode_value(value: CoordinatorValue | None, version: int) -> bytes | None:
    """The value that stands in the log; None stays None."""
    if value is None:
        return None
    out = bytearray(version.to_bytes(2))
    encode_into(value, version, out, [])
    return bytes(out)


def decode_key(data: bytes | memoryview, types: dict[int, str]) -> CoordinatorKey:
    """The key; `types` is the table of its topic. ProtocolError, UnknownRecordTypeError."""
    record_type = _int16(data)
    name = types.get(record_type)
    if name is None:
        raise UnknownRecordTypeError(record_type)
    return cast("type[CoordinatorKey]", _class(name, "Key")).decode(data, 0, 2)


def decode_value(key: CoordinatorKey, data: bytes | memoryview) -> tuple[CoordinatorValue, int]:
    """The value that belongs to `key`, and its version; ProtocolError."""
    version = _int16(data)
    value_class = cast("type[CoordinatorValue]", _class(type(key).__name__.removesuffix("Key"), "Value"))
    value, _ = decoder(value_class, version)(memoryview(data), 2)
    return value, version


def _int16(data: bytes | memoryview) -> int:
    if len(data) < 2:
        raise ProtocolError("a coordinator record begins with two bytes of type or version")
    return int.from_bytes(data[:2], signed=True)


@cache
def _class(name: str, suffix: str) -> type[object]:
    file = "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)[1:]
    return cast("type[object]", getattr(import_module(f"{__package__}.{file}"), name + suffix))
