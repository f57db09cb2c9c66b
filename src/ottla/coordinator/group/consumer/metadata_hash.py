"""What a group knew of its topics, as one number: ids, names, partitions and racks (KIP-1101).

```
topic  XXH3(int8 0, topic id, name as UTF-16, its length, partition count, for each partition: index,
            for each rack of its replicas, sorted: length, rack as UTF-16, its length)
group  XXH3(the hashes of the topics that exist, ordered by name); 0 if there is none
```

Integers are little-endian; a topic id is two of 64 bits. Source: Utils.computeTopicHash and computeGroupHash.
"""

import struct
from collections.abc import Iterable

from ottla.coordinator.xxh3 import xxh3_64
from ottla.metadata.image import MetadataImage, TopicImage

_MAGIC = 0


class TopicHashes:
    """Remembers the hash of each topic until the topic changes; forgets those that are gone."""

    def __init__(self) -> None:
        self._hashes: dict[str, tuple[TopicImage, int]] = {}

    def group_hash(self, image: MetadataImage, names: Iterable[str]) -> int:
        """Signed, as it stands in the group's record."""
        data = b"".join(
            self._topic_hash(image, topic).to_bytes(8, "little")
            for name in sorted(names)
            if (topic := image.topics.by_name.get(name)) is not None
        )
        if not data:
            return 0
        value = xxh3_64(data)
        return value - (1 << 64) if value >> 63 else value

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._hashes.pop(name, None)

    def _topic_hash(self, image: MetadataImage, topic: TopicImage) -> int:
        known = self._hashes.get(topic.name)
        if known is not None and known[0] is topic:
            return known[1]
        value = topic_hash(image, topic)
        self._hashes[topic.name] = (topic, value)
        return value


def topic_hash(image: MetadataImage, topic: TopicImage) -> int:
    """Unsigned."""
    out = bytearray((_MAGIC,))
    out += topic.topic_id[7::-1] + topic.topic_id[:7:-1]
    _put_text(out, topic.name)
    out += struct.pack("<i", len(topic.partitions))
    for index in range(len(topic.partitions)):
        out += struct.pack("<i", index)
        for rack in _racks(image, topic, index):
            out += struct.pack("<i", len(rack.encode("utf-16-le")) // 2)
            _put_text(out, rack)
    return xxh3_64(bytes(out))


def _racks(image: MetadataImage, topic: TopicImage, index: int) -> list[str]:
    brokers = (image.cluster.brokers.get(replica) for replica in topic.partitions[index].replicas)
    return sorted(broker.rack for broker in brokers if broker is not None and broker.rack is not None)


def _put_text(out: bytearray, text: str) -> None:
    data = text.encode("utf-16-le")
    out += data + struct.pack("<i", len(data) // 2)
