"""XXH3 against what hash4j, which Apache Kafka uses, makes of the same bytes; and the hash of a group's topics."""

from __future__ import annotations

import struct

import pytest
from tests.unit.coordinator.consumer_groups import ConsumerDriver, topic_id

from ottla.coordinator.group.consumer.metadata_hash import TopicHashes
from ottla.coordinator.xxh3 import xxh3_64

HASHES = [
    (0, 3244421341483603138),
    (1, 16226181191752404715),
    (2, 15980964616983442402),
    (3, 17551702257124523896),
    (4, 11104079742373263136),
    (5, 1185769439338114947),
    (7, 5081678750729695631),
    (8, 14458607790875394068),
    (9, 12101245511583412519),
    (12, 11175261763445279197),
    (15, 10252514815266111943),
    (16, 4767188688435262655),
    (17, 3845873597121038913),
    (24, 17575265925080557430),
    (32, 628068741525817231),
    (33, 15082352970060472618),
    (63, 18270364416134543486),
    (64, 8774780561096451147),
    (65, 15613372642770540980),
    (96, 2743650550256901780),
    (97, 4330986585356531293),
    (127, 10770583902690936575),
    (128, 6543777501986467874),
    (129, 15794421699522397228),
    (144, 8677136650638740459),
    (160, 13826898235432000026),
    (200, 9674054062778875692),
    (239, 4993490192792197554),
    (240, 17434058664304236765),
    (241, 5611399519271739784),
    (255, 10270200464841683984),
    (256, 8903684712332765558),
    (257, 1986545180714010604),
    (511, 10079342700726939740),
    (512, 3898700016855212859),
    (513, 12733465731864378076),
    (1023, 6680251027596948537),
    (1024, 18277238248201549701),
    (1025, 13063931241480534700),
    (1088, 2399105764453195936),
    (1089, 12849371887413413891),
    (2047, 16233418236656178290),
    (2048, 5337434212991210022),
    (2049, 2290850247221259521),
    (4100, 1059229053517016947),
    (10000, 59145322475239441),
]


@pytest.mark.parametrize(("length", "expected"), HASHES)
def test_every_length_has_the_hash_of_hash4j(length: int, expected: int) -> None:
    data = bytes((i * 131 + 7 * (i >> 8) + 1) & 255 for i in range(length))
    assert xxh3_64(data) == expected


def test_text_goes_in_as_utf_16_with_its_length() -> None:
    data = b"\0" + struct.pack("<qq", 1, -2) + "foo".encode("utf-16-le") + struct.pack("<ii", 3, 3)
    assert xxh3_64(data) == 2302531169554751435


def test_a_group_hash_depends_on_every_topic_and_on_nothing_else() -> None:
    driver = ConsumerDriver({"a": 1, "b": 2})
    hashes = TopicHashes()
    both = hashes.group_hash(driver.image, ["b", "a", "missing"])
    assert hashes.group_hash(driver.image, ["a", "b"]) == both == TopicHashes().group_hash(driver.image, {"a", "b"})
    assert hashes.group_hash(driver.image, []) == hashes.group_hash(driver.image, ["missing"]) == 0
    assert -(1 << 63) <= both < 1 << 63
    driver.alter_topics({"a": 1, "b": 3})
    assert hashes.group_hash(driver.image, ["a", "b"]) != both
    driver.alter_topics({"a": 1})
    driver.alter_topics({"a": 1, "b": 2})
    assert topic_id("b", 2) in driver.image.topics.by_id
    assert hashes.group_hash(driver.image, ["a", "b"]) != both, "a topic made anew is another one"
