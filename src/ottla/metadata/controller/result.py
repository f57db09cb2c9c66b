"""What a decision of the controller is: given a view of the metadata, the records to append and the answer.

A decision changes nothing; `MetadataDelta.replay` of its records does. KIP-631; Kafka's `ControllerResult`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeAlias, TypeVar

from ottla.metadata.image import MetadataImage
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError

T = TypeVar("T")


MAX_RECORDS_PER_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class ControllerResult(Generic[T]):
    records: Sequence[VersionedRecord]
    """Appended as one batch: all of them or none. Empty: the answer waits for what was appended before it."""
    response: T
    atomic: bool = True
    """Or in batches of up to `MAX_RECORDS_PER_BATCH`: whoever takes over after some of them decides the rest anew."""

    def batches(self) -> Sequence[Sequence[VersionedRecord]]:
        if self.atomic or len(self.records) <= MAX_RECORDS_PER_BATCH:
            return [self.records] if self.records else []
        starts = range(0, len(self.records), MAX_RECORDS_PER_BATCH)
        return [self.records[start : start + MAX_RECORDS_PER_BATCH] for start in starts]


MAX_RECORDS_PER_REQUEST = 10_000
"""What one request of a user may change, for it is one batch."""


def check_batch(records: Sequence[VersionedRecord]) -> None:
    """Raises `KafkaError` POLICY_VIOLATION."""
    if len(records) > MAX_RECORDS_PER_REQUEST:
        raise KafkaError(
            ErrorCode.POLICY_VIOLATION,
            f"The request would write {len(records)} records; one may write {MAX_RECORDS_PER_REQUEST}",
        )


def special_message(error: KafkaError) -> str | None:
    """What an answer says beside the code: nothing if it would only be the code's own text (Kafka's `ApiError`)."""
    return None if error.message == error.code.message else error.message


def random_uuid(random: Random) -> bytes:
    """A random id (version 4), never one whose text starts with a dash, which would read as an option."""
    while True:
        drawn = bytearray(random.randbytes(16))
        drawn[6] = drawn[6] & 0x0F | 0x40
        drawn[8] = drawn[8] & 0x3F | 0x80
        if drawn[0] >> 2 != 62:  # 62 is "-" in base64url
            return bytes(drawn)


@dataclass(frozen=True, slots=True)
class ControllerView:
    """What a decision may look at."""

    image: MetadataImage
    """With every record that was appended, committed or not."""
    next_offset: int
    """The offset that the decision's first record will get."""
    now_ms: int
    """Wall time."""
    monotonic_ms: float
    """For sessions of brokers."""
    random: Random
    """For placement and new ids."""

    def new_uuid(self) -> bytes:
        return random_uuid(self.random)


Decision: TypeAlias = Callable[[ControllerView], ControllerResult[T]]
