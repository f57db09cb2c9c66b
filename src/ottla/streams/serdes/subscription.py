"""What the two sides of a foreign-key join send each other (KIP-213, KIP-775).

    subscription   version ‖ instruction ‖ hash, 16 bytes ‖ primary key ‖ int32 partition (from version 1 on)
    response       version ‖ hash, 16 bytes ‖ foreign value

Without a hash, 0x80 is set in the version.

The hash is Murmur3's 128 bits of the left side's value: a response to a value that was replaced meanwhile is dropped.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.streams.errors import SerializationError
from ottla.streams.serdes.serde import Serde

if TYPE_CHECKING:
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Deserializer, Serializer

HASH_SIZE: Final = 16
_NO_HASH: Final = 0x80
SUBSCRIPTION_VERSION: Final = 1
RESPONSE_VERSION: Final = 0


class Instruction(IntEnum):
    """What the right side does with a subscription."""

    DELETE_KEY_NO_PROPAGATE = 0
    DELETE_KEY_AND_PROPAGATE = 1
    PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE = 2
    PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE = 3


class SubscriptionWrapper(NamedTuple):
    """`primary_partition` is where the response goes; None in version 0, whose responses go by the key's hash."""

    hash: bytes | None
    instruction: Instruction
    primary_key: Any
    primary_partition: int | None
    version: int = SUBSCRIPTION_VERSION


class SubscriptionResponseWrapper(NamedTuple):
    """`primary_partition` is not written: it chooses the partition that the response is written to."""

    original_value_hash: bytes | None
    foreign_value: Any
    primary_partition: int | None
    version: int = RESPONSE_VERSION


class _SubscriptionSerializer:
    def __init__(self, primary_key: Serializer[Any], topic: str, upgrade_from_v0: bool) -> None:
        self._primary_key = primary_key
        self._topic = topic
        self._upgrade_from_v0 = upgrade_from_v0

    def __call__(self, topic: str, data: SubscriptionWrapper | None, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        value_hash, instruction, primary_key, partition, version = data
        if self._upgrade_from_v0:
            version = 0
        key = self._primary_key(self._topic, primary_key, headers) or b""
        head = bytes((version if value_hash is not None else version | _NO_HASH, instruction)) + (value_hash or b"")
        if version == 0:
            return head + key
        assert partition is not None
        return head + key + partition.to_bytes(4, "big")


class _SubscriptionDeserializer:
    def __init__(self, primary_key: Deserializer[Any], topic: str) -> None:
        self._primary_key = primary_key
        self._topic = topic

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> SubscriptionWrapper | None:
        if data is None:
            return None
        try:
            version, instruction = data[0] & ~_NO_HASH, Instruction(data[1])
        except (IndexError, ValueError) as error:
            raise SerializationError(f"{data!r}, read from {topic}, is no subscription: {error}") from error
        start = 2 if data[0] & _NO_HASH else 2 + HASH_SIZE
        end = len(data) - 4 if version > 0 else len(data)
        return SubscriptionWrapper(
            None if start == 2 else data[2:start],
            instruction,
            self._primary_key(self._topic, data[start:end], headers),
            int.from_bytes(data[end:], "big", signed=True) if version > 0 else None,
            version,
        )


def subscription_serde(
    primary_key: Serde[Any], primary_key_topic: str, *, upgrade_from_v0: bool = False
) -> Serde[SubscriptionWrapper]:
    """`primary_key_topic` is what the key's serde is told: no topic, but the name of its schemas."""
    return Serde(
        _SubscriptionSerializer(primary_key.serializer, primary_key_topic, upgrade_from_v0),
        _SubscriptionDeserializer(primary_key.deserializer, primary_key_topic),
    )


class _ResponseSerializer:
    def __init__(self, foreign_value: Serializer[Any]) -> None:
        self._foreign_value = foreign_value

    def __call__(self, topic: str, data: SubscriptionResponseWrapper | None, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        value_hash, value, _, version = data
        written = None if value is None else self._foreign_value(topic, value, headers)
        head = bytes((version | _NO_HASH,)) if value_hash is None else bytes((version,)) + value_hash
        return head if written is None else head + written


class _ResponseDeserializer:
    def __init__(self, foreign_value: Deserializer[Any]) -> None:
        self._foreign_value = foreign_value

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> SubscriptionResponseWrapper | None:
        if data is None:
            return None
        if not data:
            raise SerializationError(f"an empty response of a foreign-key join was read from {topic}")
        start = 1 if data[0] & _NO_HASH else 1 + HASH_SIZE
        value = self._foreign_value(topic, data[start:], headers) if len(data) > start else None
        return SubscriptionResponseWrapper(None if start == 1 else data[1:start], value, None, data[0] & ~_NO_HASH)


def subscription_response_serde(foreign_value: Serde[Any]) -> Serde[SubscriptionResponseWrapper]:
    return Serde(_ResponseSerializer(foreign_value.serializer), _ResponseDeserializer(foreign_value.deserializer))
