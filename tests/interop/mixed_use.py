"""Mixed use of a node, so that it leaves every kind of file, and where those files are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.conformance.client import COMPRESSIONS, Member, Record
from tests.conformance.scenarios import numbered
from tests.conformance.test_confluent_kafka import Librdkafka

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

RECORDS_PER_TOPIC: Final = 300


def use(node: NodeProcess) -> None:
    """Topics in every compression, rolled segments, groups, deletions, a restart and a crash; the node ends stopped."""
    client = Librdkafka(node.address)
    for codec in COMPRESSIONS:
        client.create_topic(f"codec-{codec}", 2)
    client.create_topic("compacted", configs={"cleanup.policy": "compact"})
    client.create_topic("rolled", configs={"segment.bytes": "1048576", "index.interval.bytes": "512"})
    client.create_topic("deleted")
    client.create_topic("log-append-time", configs={"message.timestamp.type": "LogAppendTime"})
    _produce_everywhere(client, 0)
    node.restart()
    _produce_everywhere(client, RECORDS_PER_TOPIC // 3)
    client.delete_topic("deleted")
    client.alter_topic_config("rolled", "retention.ms", "3600000")
    client.delete_records("codec-lz4", 0, 10)
    node.kill()
    node.start()
    _produce_everywhere(client, 2 * RECORDS_PER_TOPIC // 3)
    client.add_partitions("codec-none", 3)
    client.delete_records("codec-lz4", 0, 20)
    node.stop()


def _produce_everywhere(client: Librdkafka, first: int) -> None:
    count = RECORDS_PER_TOPIC // 3
    for codec in COMPRESSIONS:
        client.produce(f"codec-{codec}", numbered(first, count, partitions=2), codec, idempotent=codec == "zstd")
    tombstones = [Record(b"%d" % n, b"%d" % (n % 9), headers=(("n", b"%d" % n),)) for n in range(count - 1)]
    client.produce("compacted", [*tombstones, Record(None, b"1")])
    client.produce("log-append-time", numbered(first, count))
    for number in range(10):  # a batch each: an entry in the indexes each
        client.produce("rolled", [Record(b"%d" % number * 4000)])
    client.produce("rolled", [Record(b"%08d" % number * 1500) for number in range(count)])
    member = Member(client, "group", "codec-gzip")
    member.wait_for_values({b"value-%06d" % number for number in range(first, first + count)})
    member.commit()
    member.close()


def files(data: Path, suffix: str) -> list[Path]:
    found = sorted(path for path in data.glob(f"*/*{suffix}") if "-delete" not in path.parent.name)
    assert found, f"no {suffix} in {data}"
    return found


def partition_files(data: Path, suffix: str) -> list[Path]:
    return [path for path in files(data, suffix) if not path.parent.name.startswith("__")]
