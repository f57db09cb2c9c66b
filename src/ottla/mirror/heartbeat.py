"""A heartbeat: proof that a flow is alive, in the topic `heartbeats` of its target; copied on like any other topic.

key     source alias string, target alias string
value   version int16 (0), timestamp int64
"""

from typing import NamedTuple

from ottla.mirror.classic_struct import FieldReader, write_int16, write_int64, write_string
from ottla.protocol.errors import ProtocolError

VERSION = 0


class Heartbeat(NamedTuple):
    source: str
    target: str
    timestamp: int

    def key(self) -> bytes:
        out = bytearray()
        write_string(out, self.source)
        write_string(out, self.target)
        return bytes(out)

    def value(self) -> bytes:
        out = bytearray()
        write_int16(out, VERSION)
        write_int64(out, self.timestamp)
        return bytes(out)

    @classmethod
    def decode(cls, key: bytes | None, value: bytes | None) -> "Heartbeat":
        """Raises `ProtocolError`."""
        keys, values = FieldReader(key), FieldReader(value)
        source, target = keys.string(), keys.string()
        if (version := values.int16()) != VERSION:
            raise ProtocolError(f"heartbeats of version {version} are not known")
        return cls(source, target, values.int64())
