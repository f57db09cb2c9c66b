"""An offset sync: where a record of the source stands in the target. One record of `mm2-offset-syncs.<other>.internal`.

key     topic string, partition int32           of the source
value   upstream offset int64, offset int64     in the source, in the target
"""

from typing import NamedTuple

from ottla.clients.consumer import TopicPartition
from ottla.mirror.classic_struct import FieldReader, write_int32, write_int64, write_string


class OffsetSync(NamedTuple):
    where: TopicPartition
    upstream_offset: int
    downstream_offset: int

    def key(self) -> bytes:
        out = bytearray()
        write_string(out, self.where.topic)
        write_int32(out, self.where.partition)
        return bytes(out)

    def value(self) -> bytes:
        out = bytearray()
        write_int64(out, self.upstream_offset)
        write_int64(out, self.downstream_offset)
        return bytes(out)

    @classmethod
    def decode(cls, key: bytes | None, value: bytes | None) -> "OffsetSync":
        """Raises `ProtocolError`."""
        keys, values = FieldReader(key), FieldReader(value)
        return cls(TopicPartition(keys.string(), keys.int32()), values.int64(), values.int64())
