"""Topics and partitions: what is refused and with which code, and the records of what is not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.unit.metadata.decisions import Controller, directory_of, topic

from ottla.metadata.controller.partitions import create_partitions
from ottla.metadata.controller.topics import delete_topics
from ottla.protocol.api.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
)
from ottla.protocol.api.delete_topics import DeleteTopicState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.partition_record import PartitionRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from ottla.protocol.api.create_topics import CreatableTopic


@pytest.fixture
def controller() -> Controller:
    made = Controller()
    made.add_brokers(1, 2, 3)
    return made


def test_records_of_a_new_topic(controller: Controller) -> None:
    [result] = controller.create(topic("foo", assignments=[[2, 1], [3, 2]], configs={"retention.ms": "1"}))
    assert result.error_code == ErrorCode.NONE
    assert (result.num_partitions, result.replication_factor) == (2, 2)
    types = [type(record) for record in controller.written]
    assert types == [TopicRecord, ConfigRecord, PartitionRecord, PartitionRecord]
    assert controller.written[2] == PartitionRecord(
        partition_id=0,
        topic_id=result.topic_id,
        replicas=[2, 1],
        isr=[2, 1],
        removing_replicas=[],
        adding_replicas=[],
        leader=2,
        leader_epoch=0,
        partition_epoch=0,
        directories=[directory_of(2), directory_of(1)],
    )
    assert [record.version for record in controller.records] == [0, 0, 2, 2]
    configs = {config.name: (config.value, config.config_source) for config in result.configs or ()}
    assert configs["retention.ms"] == ("1", 1)
    assert configs["min.insync.replicas"] == ("1", 3)  # pinned for the cluster while ELR is on
    assert configs["cleanup.policy"] == ("delete", 5)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (topic(""), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic("."), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic("a b"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic("a\n"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic("x" * 250), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic("x" * 249), ErrorCode.NONE),
        (topic("there"), ErrorCode.TOPIC_ALREADY_EXISTS),
        (topic("dot_ted"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (topic("__cluster_metadata"), ErrorCode.INVALID_REQUEST),
        (topic("t", 0), ErrorCode.INVALID_PARTITIONS),
        (topic("t", -2), ErrorCode.INVALID_PARTITIONS),
        (topic("t", -1, -1), ErrorCode.NONE),
        (topic("t", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR),
        (topic("t", 1, 4), ErrorCode.INVALID_REPLICATION_FACTOR),
        (topic("t", configs={"retention.ms": "soon"}), ErrorCode.INVALID_CONFIG),
        (topic("t", configs={"retention": "1"}), ErrorCode.INVALID_CONFIG),
        (topic("t", configs={"retention.ms": None}), ErrorCode.INVALID_CONFIG),
        (topic("t", assignments=[[]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (topic("t", assignments=[[9]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (topic("t", assignments=[[1, 1]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (topic("t", assignments=[[1, 2], [3]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_validation(controller: Controller, wanted: CreatableTopic, code: ErrorCode) -> None:
    controller.create(topic("there"), topic("dot.ted"))
    before = controller.image
    [result] = controller.create(wanted)
    assert result.error_code == code
    assert (wanted.name in controller.image.topics.by_name) == (
        code in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)
    )
    if code != ErrorCode.NONE:
        assert result.error_message
        assert controller.image is before


def test_manual_assignment_excludes_counts_and_gaps(controller: Controller) -> None:
    with_count = topic("t", assignments=[[1]])
    with_count.num_partitions = 1
    with_factor = topic("u", assignments=[[1]])
    with_factor.replication_factor = 1
    with_gap = topic("v", assignments=[[1], [2]])
    with_gap.assignments[1].partition_index = 5
    codes = [result.error_code for result in controller.create(with_count, with_factor, with_gap)]
    assert codes == [ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REPLICA_ASSIGNMENT]


def test_a_request_is_decided_topic_by_topic(controller: Controller) -> None:
    results = controller.create(topic("twice"), topic("good"), topic("twice"), topic("bad name"))
    assert {result.name: result.error_code for result in results} == {
        "twice": ErrorCode.INVALID_REQUEST,
        "good": ErrorCode.NONE,
        "bad name": ErrorCode.INVALID_TOPIC_EXCEPTION,
    }
    assert list(controller.image.topics.by_name) == ["good"]


def test_validate_only_changes_nothing(controller: Controller) -> None:
    [result] = controller.create(topic("t", 3), validate_only=True)
    assert (result.error_code, result.num_partitions) == (ErrorCode.NONE, 3)
    assert not controller.image.topics.by_name


def test_too_many_partitions_for_a_batch(controller: Controller) -> None:
    with pytest.raises(KafkaError) as caught:
        controller.create(topic("t", 9_999), topic("u", 2))
    assert caught.value.code is ErrorCode.POLICY_VIOLATION


def test_fenced_brokers_hold_replicas_but_do_not_lead(controller: Controller) -> None:
    controller.register(4)
    [result] = controller.create(topic("t", assignments=[[4, 1]]), topic("u", assignments=[[4]]))[:1]
    partition = controller.image.topics.by_id[result.topic_id].partitions[0]
    assert (partition.replicas, partition.isr, partition.leader) == ((4, 1), (1,), 1)
    assert "u" not in controller.image.topics.by_name


def test_delete_by_name_and_id(controller: Controller) -> None:
    created = {result.name: result.topic_id for result in controller.create(topic("a"), topic("b"), topic("c"))}
    unknown_id = bytes(15) + b"\x09"
    states = [
        DeleteTopicState(name="a", topic_id=ZERO_UUID),
        DeleteTopicState(name=None, topic_id=created["b"]),
        DeleteTopicState(name="zzz", topic_id=ZERO_UUID),
        DeleteTopicState(name=None, topic_id=unknown_id),
        DeleteTopicState(name="c", topic_id=created["c"]),
        DeleteTopicState(name=None, topic_id=ZERO_UUID),
    ]
    results = controller.decide(lambda view: delete_topics(view, states))
    assert [result.error_code for result in results] == [
        ErrorCode.NONE,
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
    ]
    assert controller.written == [RemoveTopicRecord(topic_id=created["a"]), RemoveTopicRecord(topic_id=created["b"])]
    assert (results[1].name, results[1].topic_id) == ("b", created["b"])
    assert list(controller.image.topics.by_name) == ["c"]


def test_deleting_twice_in_one_request_deletes_nothing(controller: Controller) -> None:
    created = controller.create(topic("a"))[0].topic_id
    for states in (
        [DeleteTopicState(name="a", topic_id=ZERO_UUID)] * 2,
        [DeleteTopicState(name="a", topic_id=ZERO_UUID), DeleteTopicState(name=None, topic_id=created)],
    ):
        results = controller.decide(partial(delete_topics, topics=states))
        assert {result.error_code for result in results} == {ErrorCode.INVALID_REQUEST}
        assert "a" in controller.image.topics.by_name


def test_a_topic_made_anew_has_another_id_and_no_configs(controller: Controller) -> None:
    first = controller.create(topic("a", configs={"retention.ms": "5"}))[0].topic_id
    controller.decide(lambda view: delete_topics(view, [DeleteTopicState(name="a", topic_id=ZERO_UUID)]))
    second = controller.create(topic("a"))[0].topic_id
    assert first != second
    assert not controller.image.configs.of(2, "a")


def more(name: str, count: int, assignments: list[list[int]] | None = None) -> CreatePartitionsTopic:
    return CreatePartitionsTopic(
        name=name,
        count=count,
        assignments=None
        if assignments is None
        else [CreatePartitionsAssignment(broker_ids=replicas) for replicas in assignments],
    )


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (more("t", 4), ErrorCode.NONE),
        (more("t", 2), ErrorCode.INVALID_PARTITIONS),
        (more("t", 1), ErrorCode.INVALID_PARTITIONS),
        (more("t", 20_000), ErrorCode.INVALID_PARTITIONS),
        (more("u", 3), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (more("t", 3, [[3, 1]]), ErrorCode.NONE),
        (more("t", 3, []), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (more("t", 3, [[3]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (more("t", 3, [[3, 8]]), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_more_partitions(controller: Controller, wanted: CreatePartitionsTopic, code: ErrorCode) -> None:
    controller.create(topic("t", 2, 2))
    request = CreatePartitionsRequest(topics=[wanted], timeout_ms=1, validate_only=False)
    [result] = controller.decide(lambda view: create_partitions(view, request)).results
    assert result.error_code == code
    partitions = controller.image.topics.by_name["t"].partitions
    assert sorted(partitions) == list(range(wanted.count if code == ErrorCode.NONE else 2))
    assert all(len(partition.replicas) == 2 for partition in partitions.values())
    if wanted.assignments and code == ErrorCode.NONE:
        assert partitions[2].replicas == (3, 1)
