"""How far a flow has come, kept in the target as Kafka Connect keeps it: `mm2-offsets.<source>.internal`, compacted.

    key     ["MirrorSourceConnector",{"cluster":"a","partition":0,"topic":"orders"}]
    value   {"offset":41}          the last record that was copied; reading goes on behind it

The bytes are those of Connect's JSON converter, the order of the keys too: MirrorMaker 2 looks an offset up by the
bytes of its key, so that either can go on where the other stopped.
"""

from __future__ import annotations

import json

from ottla.clients.consumer import TopicPartition
from ottla.protocol.errors import ProtocolError

CONNECTOR = "MirrorSourceConnector"
PARTITIONS = 25
"""Of the topic, unless `offset.storage.partitions` says otherwise."""


def offsets_topic(source: str) -> str:
    return f"mm2-offsets.{source}.internal"


def offset_key(source: str, where: TopicPartition) -> bytes:
    partition = {"cluster": source, "partition": where.partition, "topic": where.topic}
    return _json([CONNECTOR, partition])


def offset_value(offset: int) -> bytes:
    return _json({"offset": offset})


def decode_source_offset(source: str, key: bytes | None, value: bytes | None) -> tuple[TopicPartition, int] | None:
    """Where reading goes on, -1 for a removed offset; `None` for a record of another connector or cluster.

    Raises `ProtocolError` for what is not JSON of this form.
    """
    try:
        connector, partition = json.loads(key or b"")
        if connector != CONNECTOR or partition["cluster"] != source:
            return None
        where = TopicPartition(str(partition["topic"]), int(partition["partition"]))
        return where, -1 if value is None else int(json.loads(value)["offset"]) + 1
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ProtocolError(f"a source offset cannot be read: {error!r}") from None


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
