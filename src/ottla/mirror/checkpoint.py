"""A checkpoint: how far a group of the source would be in the target. One record of `<source>.checkpoints.internal`.

key     group string, topic string, partition int32                        topic as it is called in the target
value   version int16 (0), upstream offset int64, offset int64, metadata string
"""

from typing import NamedTuple

from ottla.clients.consumer import TopicPartition
from ottla.mirror.classic_struct import FieldReader, write_int16, write_int32, write_int64, write_string
from ottla.protocol.errors import ProtocolError

VERSION = 0


class Checkpoint(NamedTuple):
    group_id: str
    where: TopicPartition
    upstream_offset: int
    downstream_offset: int
    metadata: str

    def key(self) -> bytes:
        out = bytearray()
        write_string(out, self.group_id)
        write_string(out, self.where.topic)
        write_int32(out, self.where.partition)
        return bytes(out)

    def value(self) -> bytes:
        out = bytearray()
        write_int16(out, VERSION)
        write_int64(out, self.upstream_offset)
        write_int64(out, self.downstream_offset)
        write_string(out, self.metadata)
        return bytes(out)

    @classmethod
    def decode(cls, key: bytes | None, value: bytes | None) -> "Checkpoint":
        """Raises `ProtocolError`."""
        keys, values = FieldReader(key), FieldReader(value)
        group_id, where = keys.string(), TopicPartition(keys.string(), keys.int32())
        if (version := values.int16()) != VERSION:
            raise ProtocolError(f"checkpoints of version {version} are not known")
        return cls(group_id, where, values.int64(), values.int64(), values.string())
