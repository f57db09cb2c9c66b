"""The text that is committed beside an offset, byte for byte as Kafka Streams writes it."""

from __future__ import annotations

from ottla.streams.tasks.topic_partition_metadata import TopicPartitionMetadata, decode_metadata, encode_metadata


def test_the_time_alone() -> None:
    assert encode_metadata(1_000, {}) == "AgAAAAAAAAPo"
    assert decode_metadata("AgAAAAAAAAPo") == TopicPartitionMetadata(1_000, {})


def test_entries_of_processors() -> None:
    text = encode_metadata(-1, {"a": 5, "store": -2})
    assert decode_metadata(text) == TopicPartitionMetadata(-1, {"a": 5, "store": -2})


def test_an_older_version() -> None:
    assert decode_metadata("AQAAAAAAAAPo") == TopicPartitionMetadata(1_000, {})


def test_what_others_committed() -> None:
    for text in ("", "not base64!", "AA==", "CQAAAAAAAAPo"):
        assert decode_metadata(text) == TopicPartitionMetadata(-1, {})
