"""Who commits the offsets of a transaction, in the form in which librdkafka hands it from consumer to producer.

A consumer that only assigns knows no member id, so that its offsets would be taken from anybody. Membership is ours;
librdkafka's producer takes what its consumer would have said:

    "CGMDv2:" ‖ generation, 4 bytes, little-endian ‖ group.id ‖ 0 ‖ member id ‖ 0 ‖ 1: no group.instance.id
                                                                                 ‖ 0 ‖ group.instance.id ‖ 0

That form is written nowhere, so it is compared with a real one before it is used.
"""

from __future__ import annotations

from typing import Final

from ottla.streams.errors import StreamsError

_MAGIC: Final = b"CGMDv2:"


class UnknownLayoutError(StreamsError):
    """This librdkafka writes consumer group metadata in another way."""


def encode_group_metadata(group_id: str, member_id: str, epoch: int, group_instance_id: str | None = None) -> bytes:
    instance = b"\x01" if group_instance_id is None else b"\x00" + group_instance_id.encode() + b"\x00"
    generation = epoch.to_bytes(4, "little", signed=True)
    return _MAGIC + generation + group_id.encode() + b"\x00" + member_id.encode() + b"\x00" + instance


def check_layout(real: bytes, group_id: str) -> None:
    """`real` is what librdkafka says of a consumer of that group which is no member."""
    if bytes(real) != encode_group_metadata(group_id, "", -1):
        raise UnknownLayoutError(
            "processing.guarantee=exactly_once_v2 does not work with this version of confluent-kafka: its consumer"
            f" group metadata looks like {bytes(real)!r}; use one that is known to work (2.10 to 2.16)"
        )
