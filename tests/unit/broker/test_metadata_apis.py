"""The handlers of topics, configs and the cluster, at every version, through their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.broker.controllers import LocalChannel, TestNode, context, creation, sent
from tests.unit.broker.replicas import LISTENER, readable

from ottla.broker.apis.alter_configs import AlterConfigsHandler
from ottla.broker.apis.create_partitions import CreatePartitionsHandler
from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.apis.delete_topics import DeleteTopicsHandler
from ottla.broker.apis.describe_cluster import DescribeClusterHandler
from ottla.broker.apis.describe_configs import DescribeConfigsHandler
from ottla.broker.apis.describe_topic_partitions import DescribeTopicPartitionsHandler
from ottla.broker.apis.incremental_alter_configs import IncrementalAlterConfigsHandler
from ottla.broker.apis.init_producer_id import InitProducerIdHandler
from ottla.broker.apis.list_config_resources import ListConfigResourcesHandler
from ottla.broker.apis.metadata import MetadataHandler
from ottla.broker.coordinator.producer_ids import ProducerIds
from ottla.broker.coordinator.transaction_markers import TransactionMarkers
from ottla.broker.dynamic_config import DynamicServerConfig
from ottla.broker.parts import make_group_coordinator, make_transaction_coordinator
from ottla.broker.replica.log_config import LogConfigs
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.log.manager import LogManager
from ottla.protocol.api import alter_configs as alter
from ottla.protocol.api import incremental_alter_configs as incremental
from ottla.protocol.api.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from ottla.protocol.api.create_topics import CreateTopicsRequest
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicState
from ottla.protocol.api.describe_cluster import DescribeClusterRequest
from ottla.protocol.api.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from ottla.protocol.api.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    TopicRequest,
)
from ottla.protocol.api.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.api.list_config_resources import ListConfigResourcesRequest
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID
from ottla.runtime.config.static_config import server_config_of
from ottla.runtime.disk import Disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ottla.broker.coordinator.transaction_coordinator import Eventually

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
ALL_OF_TOPIC = 3576  # what Apache Kafka 4.3.1 answers without an authorizer
ALL_OF_CLUSTER = 8096
NOT_ASKED = -(2**31)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[TestNode]:
    made = TestNode(tmp_path)
    await CreateTopicsHandler(made.shell)(*sent(creation("there", 3), 7))
    yield made
    await made.shell.close()


class Metadata:
    def __init__(self, node: TestNode, *, auto_create: bool = True) -> None:
        self.internal: list[str] = []
        self._handler = MetadataHandler(
            lambda: node.shell.image,
            cluster_id=node.storage.cluster_id,
            node_id=1,
            auto_create_topics=auto_create,
            create_internal_topic=self._create_internal_topic,
            channel=LocalChannel(node.shell),
        )

    async def _create_internal_topic(self, name: str) -> None:
        self.internal.append(name)

    async def ask(self, request: MetadataRequest, version: int, listener: str = LISTENER) -> MetadataResponse:
        _, received = sent(request, version)
        answer = self._handler(context(request, version, listener), received)
        return readable(answer if isinstance(answer, MetadataResponse) else await answer, version)


def named(*names: str, allow: bool = True) -> MetadataRequest:
    return MetadataRequest(topics=[MetadataRequestTopic(name=name) for name in names], allow_auto_topic_creation=allow)


@pytest.mark.parametrize("version", range(14))
async def test_metadata_of_a_topic(node: TestNode, version: int) -> None:
    answer = await Metadata(node).ask(named("there"), version)
    [broker] = answer.brokers
    assert (broker.node_id, broker.host, broker.port) == (1, "localhost", 9092)
    assert broker.rack == ("here" if version >= 1 else None)
    assert answer.cluster_id == (node.storage.cluster_id if version >= 2 else None)
    assert answer.controller_id == (1 if version >= 1 else -1)
    [topic] = answer.topics
    assert (topic.error_code, topic.name, topic.is_internal) == (0, "there", False)
    assert topic.topic_id == (node.shell.image.topics.by_name["there"].topic_id if version >= 10 else ZERO_UUID)
    assert [p.partition_index for p in topic.partitions] == [0, 1, 2]
    assert {(p.error_code, p.leader_id, tuple(p.replica_nodes), tuple(p.isr_nodes)) for p in topic.partitions} == {
        (0, 1, (1,), (1,))
    }
    assert {p.leader_epoch for p in topic.partitions} == {0 if version >= 7 else -1}
    assert topic.topic_authorized_operations == NOT_ASKED


@pytest.mark.parametrize("version", range(14))
async def test_metadata_of_all_and_of_none(node: TestNode, version: int) -> None:
    every = await Metadata(node).ask(MetadataRequest(topics=None if version else []), version)
    assert [topic.name for topic in every.topics] == ["there"]
    if version:
        assert (await Metadata(node).ask(MetadataRequest(topics=[]), version)).topics == []


@pytest.mark.parametrize("version", range(14))
async def test_missing_topics_are_made(node: TestNode, version: int) -> None:
    answer = await Metadata(node).ask(named("new", "bad name", "new"), version)
    by_name = {topic.name: topic for topic in answer.topics}
    assert by_name["new"].error_code == ErrorCode.NONE
    assert len(by_name["new"].partitions) == 1
    assert by_name["bad name"].error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert "new" in node.shell.image.topics.by_name


async def test_missing_topics_are_not_made_where_nobody_wants_it(node: TestNode) -> None:
    for metadata, request in (
        (Metadata(node), named("new", allow=False)),
        (Metadata(node, auto_create=False), named("new")),
    ):
        answer = await metadata.ask(request, 12)
        assert [topic.error_code for topic in answer.topics] == [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
    assert "new" not in node.shell.image.topics.by_name


async def test_topics_of_kafka_itself_are_made_by_their_own_rules(node: TestNode) -> None:
    metadata = Metadata(node)
    answer = await metadata.ask(named("__consumer_offsets", "__transaction_state"), 12)
    assert metadata.internal == ["__consumer_offsets", "__transaction_state"]
    assert {(topic.error_code, topic.is_internal) for topic in answer.topics} == {
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, True)
    }


@pytest.mark.parametrize("version", [10, 11, 12, 13])
async def test_topics_by_id(node: TestNode, version: int) -> None:
    known = node.shell.image.topics.by_name["there"].topic_id
    unknown = b"\x01" * 16
    request = MetadataRequest(topics=[MetadataRequestTopic(topic_id=id_, name=None) for id_ in (known, unknown)])
    answer = await Metadata(node).ask(request, version)
    codes = [topic.error_code for topic in answer.topics]
    if version < 12:
        assert codes == [ErrorCode.INVALID_REQUEST] * 2
        return
    assert codes == [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_ID]
    assert (answer.topics[0].name, answer.topics[1].name, answer.topics[1].topic_id) == ("there", None, unknown)


async def test_authorized_operations(node: TestNode) -> None:
    request = named("there")
    request.include_topic_authorized_operations = request.include_cluster_authorized_operations = True
    answer = await Metadata(node).ask(request, 8)
    assert answer.topics[0].topic_authorized_operations == ALL_OF_TOPIC
    assert answer.cluster_authorized_operations == ALL_OF_CLUSTER


@pytest.mark.parametrize(("version", "code"), [(5, ErrorCode.LEADER_NOT_AVAILABLE), (6, ErrorCode.LISTENER_NOT_FOUND)])
async def test_a_listener_that_the_leader_lacks(node: TestNode, version: int, code: ErrorCode) -> None:
    answer = await Metadata(node).ask(named("there"), version, "OTHER")
    assert answer.brokers == []
    partition = answer.topics[0].partitions[0]
    assert (partition.error_code, partition.leader_id, partition.offline_replicas) == (code, -1, [1])


@pytest.mark.parametrize("version", range(3))
async def test_describe_cluster(node: TestNode, version: int) -> None:
    handler = DescribeClusterHandler(node.shell, cluster_id=node.storage.cluster_id, node_id=1)
    answer = readable(
        handler(*sent(DescribeClusterRequest(include_cluster_authorized_operations=True), version)), version
    )
    assert (answer.cluster_id, answer.controller_id) == (node.storage.cluster_id, 1)
    assert [(broker.broker_id, broker.port, broker.is_fenced) for broker in answer.brokers] == [(1, 9092, False)]
    assert answer.cluster_authorized_operations == ALL_OF_CLUSTER
    if version:
        request = DescribeClusterRequest(include_cluster_authorized_operations=False, endpoint_type=2)
        assert handler(*sent(request, version)).error_code == ErrorCode.MISMATCHED_ENDPOINT_TYPE
        request.endpoint_type = 7
        assert handler(*sent(request, version)).error_code == ErrorCode.UNSUPPORTED_ENDPOINT_TYPE


async def test_describe_topic_partitions_in_pages(node: TestNode) -> None:
    await CreateTopicsHandler(node.shell)(*sent(creation("also", 2), 7))
    handler = DescribeTopicPartitionsHandler(node.shell, max_partitions=2000)

    def ask(limit: int, cursor: Cursor | None, *names: str) -> DescribeTopicPartitionsResponse:
        topics = [TopicRequest(name=name) for name in names]
        request = DescribeTopicPartitionsRequest(topics=topics, response_partition_limit=limit, cursor=cursor)
        return readable(handler(*sent(request, 0)), 0)

    seen: list[tuple[str | None, int]] = []
    cursor: Cursor | None = None
    for _ in range(10):
        answer = ask(2, cursor)
        page = [(topic.name, p.partition_index) for topic in answer.topics for p in topic.partitions]
        assert 0 < len(page) <= 2
        seen += page
        cursor = answer.next_cursor
        if cursor is None:
            break
    assert seen == [("also", 0), ("also", 1), ("there", 0), ("there", 1), ("there", 2)]
    answer = ask(2000, None, "there", "gone")
    assert [(topic.name, topic.error_code) for topic in answer.topics] == [
        ("gone", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("there", ErrorCode.NONE),
    ]
    assert answer.topics[1].topic_authorized_operations == ALL_OF_TOPIC
    assert ask(0, Cursor(topic_name="there", partition_index=-1), "there").topics[0].error_code == (
        ErrorCode.INVALID_REQUEST
    )


@pytest.mark.parametrize("version", range(2, 8))
async def test_create_topics(node: TestNode, version: int) -> None:
    request = creation("made", 2, retention_ms="5")
    request.topics += creation("there").topics
    answer = readable(await CreateTopicsHandler(node.shell)(*sent(request, version)), version)
    assert [(t.name, t.error_code) for t in answer.topics] == [
        ("made", ErrorCode.NONE),
        ("there", ErrorCode.TOPIC_ALREADY_EXISTS),
    ]
    made = node.shell.image.topics.by_name["made"]
    assert len(made.partitions) == 2
    assert answer.topics[0].topic_id == (made.topic_id if version >= 7 else ZERO_UUID)
    if version >= 5:
        configs = {config.name: config.value for config in answer.topics[0].configs or ()}
        assert configs["retention.ms"] == "5"
        assert answer.topics[0].num_partitions == 2


async def test_a_request_that_is_refused_whole(node: TestNode) -> None:
    request = CreateTopicsRequest(topics=creation("a", 10_001).topics)
    answer = await CreateTopicsHandler(node.shell)(*sent(request, 7))
    assert [t.error_code for t in answer.topics] == [ErrorCode.POLICY_VIOLATION]


@pytest.mark.parametrize("version", range(1, 7))
async def test_delete_topics(node: TestNode, version: int) -> None:
    handler = DeleteTopicsHandler(node.shell, enabled=True)
    request = DeleteTopicsRequest(topic_names=["there", "gone"], timeout_ms=1)
    if version >= 6:
        states = [DeleteTopicState(name=name, topic_id=ZERO_UUID) for name in ("there", "gone")]
        request = DeleteTopicsRequest(topics=states, timeout_ms=1)
    disabled = await DeleteTopicsHandler(node.shell, enabled=False)(*sent(request, version))
    assert {r.error_code for r in disabled.responses} == {
        ErrorCode.TOPIC_DELETION_DISABLED if version >= 3 else ErrorCode.INVALID_REQUEST
    }
    answer = readable(await handler(*sent(request, version)), version)
    assert {r.name: r.error_code for r in answer.responses} == {
        "there": ErrorCode.NONE,
        "gone": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    assert not node.shell.image.topics.by_name


@pytest.mark.parametrize("version", range(4))
async def test_create_partitions(node: TestNode, version: int) -> None:
    topics = [CreatePartitionsTopic(name=name, count=5, assignments=None) for name in ("there", "gone")]
    request = CreatePartitionsRequest(topics=topics, timeout_ms=1, validate_only=False)
    answer = readable(await CreatePartitionsHandler(node.shell)(*sent(request, version)), version)
    assert [(r.name, r.error_code, r.error_message) for r in answer.results] == [
        ("there", ErrorCode.NONE, None),
        ("gone", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None),
    ]
    assert len(node.shell.image.topics.by_name["there"].partitions) == 5


def set_config(
    resource_type: int, name: str, key: str, value: str | None, operation: int = 0
) -> incremental.IncrementalAlterConfigsRequest:
    config = incremental.AlterableConfig(name=key, config_operation=operation, value=value)
    resource = incremental.AlterConfigsResource(resource_type=resource_type, resource_name=name, configs=[config])
    return incremental.IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)


async def alter_one(node: TestNode, request: incremental.IncrementalAlterConfigsRequest, version: int = 1) -> int:
    handler = IncrementalAlterConfigsHandler(node.shell, node_id=1)
    [result] = readable(await handler(*sent(request, version)), version).responses
    return result.error_code


@pytest.mark.parametrize("version", range(1, 5))
async def test_describe_configs(node: TestNode, version: int) -> None:
    assert await alter_one(node, set_config(TOPIC, "there", "retention.ms", "9")) == 0
    assert await alter_one(node, set_config(BROKER, "", "log.retention.ms", "7")) == 0
    assert await alter_one(node, set_config(BROKER, "1", "log.retention.ms", "8")) == 0
    handler = DescribeConfigsHandler(node.shell, DynamicServerConfig(node.config), node_id=1)
    resources = [
        DescribeConfigsResource(resource_type=type_, resource_name=name, configuration_keys=keys)
        for type_, name, keys in (
            (TOPIC, "there", ["retention.ms"]),
            (TOPIC, "there", None),
            (BROKER, "1", ["log.retention.ms", "num.partitions"]),
            (BROKER, "", None),
            (LOGGER, "1", ["root"]),
            (GROUP, "g", ["consumer.session.timeout.ms"]),
            (METRICS, "m", ["interval.ms"]),
        )
    ]
    request = DescribeConfigsRequest(resources=resources, include_synonyms=True)
    results = readable(handler(*sent(request, version)), version).results
    assert {result.error_code for result in results} == {0}
    [retention] = results[0].configs
    assert (retention.value, retention.config_source, retention.read_only) == ("9", 1, False)
    assert [(s.name, s.value, s.source) for s in retention.synonyms] == [
        ("retention.ms", "9", 1),
        ("log.retention.ms", "8", 2),
        ("log.retention.ms", "7", 3),
        ("log.retention.hours", "168", 5),
    ]
    assert retention.config_type == (5 if version >= 3 else 0)
    assert len(results[1].configs) == 33
    by_name = {config.name: config for config in results[2].configs}
    assert (by_name["log.retention.ms"].value, by_name["log.retention.ms"].config_source) == ("8", 2)
    assert (by_name["num.partitions"].read_only, by_name["num.partitions"].config_source) == (True, 5)
    assert {config.name: config.value for config in results[3].configs} == {
        "log.retention.ms": "7",
        "min.insync.replicas": "1",
    }
    assert [len(result.configs) for result in results[4:]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("resource_type", "name", "code"),
    [
        (TOPIC, "gone", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (BROKER, "2", ErrorCode.INVALID_REQUEST),
        (LOGGER, "", ErrorCode.INVALID_REQUEST),
        (METRICS, "", ErrorCode.INVALID_REQUEST),
        (GROUP, "", ErrorCode.INVALID_REQUEST),
        (99, "x", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_what_cannot_be_described(node: TestNode, resource_type: int, name: str, code: ErrorCode) -> None:
    handler = DescribeConfigsHandler(node.shell, DynamicServerConfig(node.config), node_id=1)
    resource = DescribeConfigsResource(resource_type=resource_type, resource_name=name, configuration_keys=None)
    [result] = handler(*sent(DescribeConfigsRequest(resources=[resource]), 4)).results
    assert (result.error_code, result.configs) == (code, [])


@pytest.mark.parametrize("version", range(2))
async def test_incremental_alter_configs(node: TestNode, version: int) -> None:
    assert await alter_one(node, set_config(TOPIC, "there", "retention.ms", "9"), version) == 0
    assert node.shell.image.configs.of(TOPIC, "there") == {"retention.ms": "9"}
    assert await alter_one(node, set_config(TOPIC, "there", "retention.ms", None, 1), version) == 0
    assert not node.shell.image.configs.of(TOPIC, "there")
    for wrong in (
        set_config(TOPIC, "there", "retention.ms", None),
        set_config(TOPIC, "there", "retention.ms", "1", 9),
        set_config(BROKER, "2", "log.retention.ms", "1"),
    ):
        assert await alter_one(node, wrong, version) == ErrorCode.INVALID_REQUEST


async def test_log_levels(node: TestNode) -> None:
    import logging

    logger = logging.getLogger("ottla.test.levels")
    try:
        assert await alter_one(node, set_config(LOGGER, "1", logger.name, "ERROR")) == 0
        assert logger.level == logging.ERROR
        assert await alter_one(node, set_config(LOGGER, "1", logger.name, "LOUD")) == ErrorCode.INVALID_CONFIG
        assert await alter_one(node, set_config(LOGGER, "1", "no.such", "INFO")) == ErrorCode.INVALID_CONFIG
        assert await alter_one(node, set_config(LOGGER, "1", logger.name, None, 1)) == 0
        assert logger.level == logging.NOTSET
        assert await alter_one(node, set_config(LOGGER, "1", "root", None, 1)) == ErrorCode.INVALID_REQUEST
    finally:
        logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("version", range(3))
async def test_alter_configs(node: TestNode, version: int) -> None:
    await alter_one(node, set_config(TOPIC, "there", "retention.ms", "9"))

    def resource(name: str) -> alter.AlterConfigsResource:
        configs = [alter.AlterableConfig(name="segment.ms", value="4")]
        return alter.AlterConfigsResource(resource_type=TOPIC, resource_name=name, configs=configs)

    request = alter.AlterConfigsRequest(
        resources=[resource("there"), resource("gone"), resource("twice"), resource("twice")], validate_only=False
    )
    answer = readable(await AlterConfigsHandler(node.shell, node_id=1)(*sent(request, version)), version)
    assert {r.resource_name: r.error_code for r in answer.responses} == {
        "there": ErrorCode.NONE,
        "gone": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "twice": ErrorCode.INVALID_REQUEST,
    }
    assert node.shell.image.configs.of(TOPIC, "there") == {"segment.ms": "4"}


async def test_list_config_resources(node: TestNode) -> None:
    await alter_one(node, set_config(METRICS, "m", "interval.ms", "1000"))
    await alter_one(node, set_config(GROUP, "g", "consumer.session.timeout.ms", "50000"))
    handler = ListConfigResourcesHandler(node.shell)
    old = readable(handler(*sent(ListConfigResourcesRequest(), 0)), 0)
    assert [resource.resource_name for resource in old.config_resources] == ["m"]
    every = readable(handler(*sent(ListConfigResourcesRequest(), 1)), 1)
    assert {(r.resource_type, r.resource_name) for r in every.config_resources} == {
        (TOPIC, "there"),
        (BROKER, "1"),
        (LOGGER, "1"),
        (METRICS, "m"),
        (GROUP, "g"),
    }
    assert handler(*sent(ListConfigResourcesRequest(resource_types=[3]), 1)).error_code == ErrorCode.UNSUPPORTED_VERSION


@pytest.mark.parametrize("version", range(7))
async def test_producer_ids_are_never_given_twice(node: TestNode, version: int) -> None:
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0)
    given: list[int] = []
    for _ in range(2):
        handler = _init_producer_id_handler(node)
        for _ in range(1001):
            answer = await _answered(handler(*sent(request, version)))
            assert (answer.error_code, answer.producer_epoch) == (0, 0)
            given.append(answer.producer_id)
        await node.restart()
    assert len(set(given)) == len(given)
    assert readable(answer, version).producer_id == given[-1]


async def test_what_gets_no_producer_id(node: TestNode) -> None:
    handler = _init_producer_id_handler(node)
    for request, code in (
        (InitProducerIdRequest(transactional_id="t", transaction_timeout_ms=1), ErrorCode.NOT_COORDINATOR),
        (InitProducerIdRequest(transactional_id="", transaction_timeout_ms=1), ErrorCode.INVALID_REQUEST),
        (
            InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1, producer_id=4),
            ErrorCode.INVALID_REQUEST,
        ),
    ):
        answer = await _answered(handler(*sent(request, 5)))
        assert (answer.error_code, answer.producer_id) == (code, -1)


def _init_producer_id_handler(node: TestNode) -> InitProducerIdHandler:
    """Of a node that coordinates no transactions."""
    config = server_config_of({})
    replicas = ReplicaManager(
        node_id=1,
        logs=LogManager(Disk(), [], node.clock, unique=lambda: bytes(16)),
        clock=node.clock,
        log_config=LogConfigs(1, {}, print),
        report=print,
    )
    ids = ProducerIds(LocalChannel(node.shell), lambda: node.shell.image, 1)
    groups = make_group_coordinator(config, replicas, node.clock, node.timers, lambda: bytes(16), print)
    markers = TransactionMarkers(replicas, groups, node.clock)
    transactions = make_transaction_coordinator(config, replicas, markers, ids, node.clock, node.timers, print)
    return InitProducerIdHandler(ids, transactions)


async def _answered(answer: Eventually[InitProducerIdResponse]) -> InitProducerIdResponse:
    return answer if isinstance(answer, InitProducerIdResponse) else await answer
