"""Placement: racks first, then leaders that live, then balance."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.metadata.controller.placement import place_replicas
from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.errors import ErrorCode, KafkaError


def broker(
    broker_id: int,
    rack: str | None = None,
    *,
    fenced: bool = False,
    in_controlled_shutdown: bool = False,
    cordoned: tuple[bytes, ...] | None = None,
) -> BrokerRegistration:
    return BrokerRegistration(
        broker_id=broker_id,
        epoch=1,
        incarnation_id=bytes(16),
        listeners={},
        supported_features={},
        rack=rack,
        fenced=fenced,
        in_controlled_shutdown=in_controlled_shutdown,
        directories=(b"a" * 16, b"b" * 16),
        cordoned_directories=cordoned,
    )


@given(
    racks=st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=8),
    fenced=st.sets(st.integers(0, 6)),
    partitions=st.integers(1, 30),
    factor=st.integers(1, 8),
    seed=st.integers(0, 2**32),
)
def test_what_always_holds(racks: list[str | None], fenced: set[int], partitions: int, factor: int, seed: int) -> None:
    fenced -= {len(racks) - 1}  # one lives
    brokers = [broker(index, rack, fenced=index in fenced) for index, rack in enumerate(racks)]
    factor = min(factor, len(brokers))
    placed = place_replicas(brokers, partitions, factor, Random(seed))
    assert len(placed) == partitions
    rack_count = len(set(racks))
    for replicas in placed:
        assert len(set(replicas)) == factor
        assert replicas[0] not in fenced
        assert len({racks[replica] for replica in replicas}) == min(factor, rack_count)


@pytest.mark.parametrize("brokers", [1, 2, 3, 5])
def test_leaders_are_spread_evenly(brokers: int) -> None:
    placed = place_replicas([broker(index) for index in range(brokers)], brokers * 20, 1, Random(3))
    assert set(Counter(replicas[0] for replicas in placed).values()) == {20}


@pytest.mark.parametrize(
    ("brokers", "factor"), [([broker(1)], 2), ([broker(1)], 0), ([broker(1, fenced=True)], 1), ([], 1)]
)
def test_what_cannot_be_placed(brokers: list[BrokerRegistration], factor: int) -> None:
    with pytest.raises(KafkaError) as caught:
        place_replicas(brokers, 1, factor, Random(1))
    assert caught.value.code is ErrorCode.INVALID_REPLICATION_FACTOR


def test_who_gets_nothing() -> None:
    half, whole = (b"a" * 16,), (b"a" * 16, b"b" * 16)
    brokers = [
        broker(1),
        broker(2, cordoned=half),
        broker(3, cordoned=whole),
        broker(4, in_controlled_shutdown=True),
        broker(5, in_controlled_shutdown=True, fenced=True),  # its shutdown is over
    ]
    assert {replica for replicas in place_replicas(brokers, 9, 3, Random(1)) for replica in replicas} == {1, 2, 5}
    with pytest.raises(KafkaError):
        place_replicas(brokers, 1, 4, Random(1))


def test_small_topics_begin_anywhere() -> None:
    brokers = [broker(index, rack) for index, rack in enumerate("aabb")]
    assert {place_replicas(brokers, 1, 1, Random(seed))[0][0] for seed in range(40)} == {0, 1, 2, 3}
