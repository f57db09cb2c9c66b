"""What the doctor says of clusters that are not well."""

from __future__ import annotations

from ottla.clients.consumer import TopicPartition
from ottla.console.operations.brokers import Broker, BrokerDescription, LogDirectory
from ottla.console.operations.elections import Leadership
from ottla.console.operations.features import Feature, Features
from ottla.console.operations.health import (
    Diagnosis,
    Level,
    judge_brokers,
    judge_features,
    judge_group,
    judge_partitions,
    judge_quorum,
)
from ottla.console.operations.quorum import LEADER, VOTER, QuorumReplica, QuorumStatus


def said(found: list[Diagnosis]) -> list[tuple[Level, str]]:
    return [(each.level, each.what) for each in found]


def partition(topic: str, leader: int | None, replicas: tuple[int, ...], isr: tuple[int, ...]) -> Leadership:
    return Leadership(topic, 0, leader, replicas[0], replicas, isr)


def broker(broker_id: int, *, fenced: bool = False, directories: list[LogDirectory] | None = None) -> BrokerDescription:
    return BrokerDescription(Broker(broker_id, "host", 9092, None, fenced), 0, 0, 0, directories or [], None)


def test_partitions() -> None:
    found = judge_partitions(
        [
            partition("well", 1, (1, 2, 3), (1, 2, 3)),
            partition("offline", None, (1, 2), ()),
            partition("refusing", 2, (2, 1, 3), (2,)),
            partition("behind", 1, (1, 2, 3), (1, 2)),
            partition("elsewhere", 2, (1, 2), (1, 2)),
            partition("alone", 1, (1,), (1,)),
            partition("__consumer_offsets", 1, (1,), (1,)),
        ],
        {"refusing": 2, "behind": 2},
        brokers=3,
    )
    assert said(found) == [
        (Level.PROBLEM, "1 partition without a leader: nobody can read or write there: offline-0"),
        (
            Level.PROBLEM,
            "1 partition with fewer replicas in sync than min.insync.replicas: acks=all is refused: refusing-0",
        ),
        (Level.WARNING, "1 partition with replicas that are not in sync: behind-0"),
        (Level.NOTE, "1 partition not led by the preferred replica: elsewhere-0"),
        (
            Level.WARNING,
            "only one replica of __consumer_offsets: groups and transactions stand still with its broker",
        ),
        (Level.NOTE, "1 topic with one replica only: alone"),
    ]
    assert all(each.advice for each in found)
    assert judge_partitions([partition("alone", 1, (1,), (1,))], {}, brokers=1) == []


def test_many_are_counted() -> None:
    found = judge_partitions([partition(f"t{number}", None, (1,), ()) for number in range(9)], {}, brokers=1)
    assert found[0].what.endswith("t0-0, t1-0, t2-0, t3-0, t4-0 and 4 more")


def test_brokers_and_disks() -> None:
    directories = [
        LogDirectory("/a", "KAFKA_STORAGE_ERROR", 0, 0, None, None, False),
        LogDirectory("/b", None, 0, 0, 100, 4, False),
        LogDirectory("/c", None, 0, 0, 100, 10, True),
        LogDirectory("/d", None, 0, 0, 100, 90, False),
    ]
    assert [each.level for each in judge_brokers([broker(1, directories=directories), broker(2, fenced=True)])] == [
        Level.PROBLEM,
        Level.PROBLEM,
        Level.WARNING,
        Level.NOTE,
        Level.PROBLEM,
    ]


def test_quorum() -> None:
    def replica(node_id: int, role: str, lag: int) -> QuorumReplica:
        return QuorumReplica(node_id, bytes(16), role, 10_000, lag, None, ())

    well = QuorumStatus("id", 1, 1, 1, [replica(1, LEADER, 0), replica(2, VOTER, 0), replica(3, VOTER, 5)])
    assert judge_quorum(well) == []
    ill = QuorumStatus("id", 1, 1, 1, [replica(1, LEADER, 0), replica(2, VOTER, 5000)])
    assert [each.level for each in judge_quorum(ill)] == [Level.NOTE, Level.WARNING]


def test_groups() -> None:
    where = TopicPartition("t", 0)
    assert judge_group("g", {where: 5}, {where: 0}, {where: 9}) == []
    assert "not read 3 records" in judge_group("g", {where: 5}, {where: 8}, {where: 9})[0].what
    assert "behind the end" in judge_group("g", {where: 5}, {where: 0}, {where: 2})[0].what
    assert judge_group("g", {where: 5}, {}, {}) == []


def test_features() -> None:
    features = Features(
        1, [Feature("a.version", 0, 2, 1), Feature("off.version", 0, 1, 0), Feature("b.version", 1, 1, 1)]
    )
    (found,) = judge_features(features)
    assert found.what == "not at the latest level: a.version 1 of 2"
