"""Lines in, counts out: what the word count is given, and whether what came out is exactly what it must be."""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WORDS: Final = [f"word{number}" for number in range(40)]


def make_topics(
    bootstrap: str, partitions: int = 3, sink: str = "counts", *, client: Mapping[str, Any] | None = None
) -> None:
    """`client`: what a client needs to be let in; so below."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **(client or {})})
    topics = [NewTopic(name, partitions, 1) for name in ("lines", "words", sink)]
    for future in admin.create_topics(topics).values():
        future.result(30)


def send_lines(bootstrap: str, lines: Iterable[str], *, client: Mapping[str, Any] | None = None) -> Counter[str]:
    """How many there are of each word."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, **(client or {})})
    words: Counter[str] = Counter()
    for number, line in enumerate(lines):
        producer.produce("lines", line, str(number))
        words.update(line.split())
        producer.poll(0)
    assert producer.flush(60) == 0
    return words


def some_lines(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=3)) for _ in range(count)]


def read_counts(
    bootstrap: str,
    words: Counter[str],
    *,
    topic: str = "counts",
    timeout_s: float = 120.0,
    partitions: int = 3,
    client: Mapping[str, Any] | None = None,
) -> dict[str, list[int]]:
    """Every committed count of each word, in order, once every word has been counted, or time is over."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "reader",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **(client or {}),
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: dict[str, list[int]] = defaultdict(list)
    deadline = time.monotonic() + timeout_s
    try:
        while time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                _note(message, found)
            if all(max(found.get(word, [0])) >= count for word, count in words.items()):
                for message in consumer.consume(1000, 1.0):  # anything too much
                    _note(message, found)
                break
    finally:
        consumer.close()
    return dict(found)


def _note(message: Message, found: dict[str, list[int]]) -> None:
    assert message.error() is None, message.error()
    key, value = message.key(), message.value()
    assert key is not None
    assert value is not None
    found[key.decode()].append(int.from_bytes(value, "big"))


def assert_exactly_once(found: dict[str, list[int]], words: Counter[str]) -> None:
    """Each word was counted 1, 2, 3 … as often as it was sent: nothing lost, doubled or out of order."""
    wrong = {word: _first_wrong(found.get(word, []), count) for word, count in words.items()}
    assert {word: text for word, text in wrong.items() if text} == {}


def assert_at_least_once(found: dict[str, list[int]], words: Counter[str]) -> None:
    assert {word: max(found.get(word, [0])) >= count for word, count in words.items()} == dict.fromkeys(words, True)


def _first_wrong(counts: list[int], expected: int) -> str:
    for position, count in enumerate(counts):
        if count != position + 1:
            return f"{count} at place {position + 1} of {len(counts)}, after {counts[max(0, position - 2) : position]}"
    return "" if len(counts) == expected else f"{len(counts)} instead of {expected}"
