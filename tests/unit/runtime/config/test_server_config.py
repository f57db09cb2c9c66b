"""A node's configuration: layers, listeners, rules between keys, and what DescribeConfigs says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.runtime.config.broker import BROKER_CONFIGS
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.description import (
    ConfigDescription,
    ConfigSource,
    ConfigSynonym,
    describe_broker,
    describe_client_metrics,
    describe_cluster_default,
    describe_group,
    describe_topic,
)
from ottla.runtime.config.endpoints import Endpoint, QuorumVoter
from ottla.runtime.config.properties import parse_properties
from ottla.runtime.config.server_config import ServerConfig, check_topic_overrides
from ottla.runtime.config.static_config import server_config_of

KAFKAS_OWN = """
process.roles=broker,controller
node.id=7
controller.quorum.voters=7@localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
log.dirs=/tmp/kraft-combined-logs
num.partitions=4
log.retention.hours=168
"""


def config(**settings: str) -> ServerConfig:
    return server_config_of({key.replace("_", "."): text for key, text in settings.items()})


def test_nothing_configured() -> None:
    node = config()
    assert (node.node_id, node.is_broker, node.is_controller) == (1, True, True)
    assert node.listeners == node.advertised_listeners == (Endpoint("PLAINTEXT", "PLAINTEXT", "127.0.0.1", 9092),)
    assert node.controller_listeners == ()
    assert node.log_dirs == ("data",)
    assert node.metadata_log_dir == "data"
    assert node.get_int("offsets.topic.replication.factor") == 1
    assert node.get_int("group.initial.rebalance.delay.ms") == 3000
    assert node.inter_broker_listener_name == "PLAINTEXT"
    assert node.quorum_voters == ()
    assert node.unknown_keys == node.ineffective_keys == []


def test_kafkas_own_file() -> None:
    node = server_config_of(parse_properties(KAFKAS_OWN))
    assert node.node_id == 7
    assert node.broker_listeners == (Endpoint("PLAINTEXT", "PLAINTEXT", "", 9092),)
    assert node.controller_listeners == (Endpoint("CONTROLLER", "PLAINTEXT", "", 9093),)
    assert [str(one) for one in node.advertised_listeners] == ["PLAINTEXT://localhost:9092"]
    assert node.quorum_voters == (QuorumVoter(7, "localhost", 9093),)
    assert node.get_int("num.partitions") == 4
    assert node.ineffective_keys == ["num.network.threads"]
    assert node.get_int("transaction.state.log.replication.factor") == 1


def test_keys_that_no_one_knows_are_kept_and_reported() -> None:
    node = server_config_of(
        {
            "my.own": "1",
            "listener.name.plaintext.sasl.kerberos.service.name": "x",
            "listener.name.sasl.scram-sha-256.sasl.jaas.config": "x",
            "listener.name.sasl.nothing": "x",
        }
    )
    assert node.unknown_keys == ["listener.name.sasl.nothing", "my.own"]
    assert node.static["my.own"] == "1"
    assert node.ineffective_keys == ["listener.name.plaintext.sasl.kerberos.service.name"]


def test_old_names_of_the_same_thing() -> None:
    node = config(log_dir="/one", broker_id="5")
    assert node.log_dirs == ("/one",)
    assert node.node_id == 5
    assert config(log_dir="/one", log_dirs="/two,/three").log_dirs == ("/two", "/three")


def test_listeners() -> None:
    node = server_config_of(
        {
            "listeners": "IN://[::1]:0,out://0.0.0.0:9000",
            "listener.security.protocol.map": "in:PLAINTEXT,OUT:plaintext",
            "advertised.listeners": "OUT://public.example:99,IN://[::1]:5",
            "inter.broker.listener.name": "IN",
        }
    )
    assert node.listeners == (Endpoint("IN", "PLAINTEXT", "::1", 0), Endpoint("OUT", "PLAINTEXT", "0.0.0.0", 9000))
    assert [str(one) for one in node.advertised_listeners] == ["OUT://public.example:99", "IN://[::1]:5"]
    assert node.inter_broker_listener_name == "IN"


WITH_CONTROLLER = {
    "listeners": "PLAINTEXT://x:1,CONTROLLER://x:2",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.bootstrap.servers": "y:2",
}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"num.partitions": "none"}, "num.partitions"),
        ({"node.id": "-1"}, "node.id"),
        ({"node.id": "1", "broker.id": "2"}, "broker.id"),
        ({"listeners": "PLAINTEXT://x"}, "listeners"),
        ({"listeners": "PLAINTEXT://x:70000"}, "listeners"),
        ({"listeners": "PLAINTEXT://x:-1"}, "listeners"),
        ({"listeners": "OTHER://x:1"}, "listeners"),
        ({"listeners": "PLAINTEXT://a:1,PLAINTEXT://b:2"}, "listeners"),
        ({"listeners": "A://a:1,X://b:1", "listener.security.protocol.map": "A:PLAINTEXT,X:PLAINTEXT"}, "listeners"),
        ({"listeners": "PLAINTEXT://0.0.0.0:1"}, "listeners"),
        ({"advertised.listeners": "PLAINTEXT://0.0.0.0:1"}, "advertised.listeners"),
        ({"advertised.listeners": "SSL://a:1"}, "advertised.listeners"),
        ({"listener.security.protocol.map": "PLAINTEXT:TLS"}, "listener.security.protocol.map"),
        ({"inter.broker.listener.name": "OTHER"}, "inter.broker.listener.name"),
        ({"controller.listener.names": "CONTROLLER"}, "controller.listener.names"),
        ({"controller.listener.names": "PLAINTEXT"}, "listeners"),
        ({"controller.quorum.voters": "2@x:1"}, "controller.quorum.voters"),
        ({"controller.quorum.voters": "1@x:1,2@y:1"}, "controller.listener.names"),
        ({"controller.quorum.bootstrap.servers": "x"}, "controller.quorum.bootstrap.servers"),
        ({"controller.quorum.voters": "1@x:1,1@y:1"}, "controller.quorum.voters"),
        ({"process.roles": "broker"}, "controller.quorum.bootstrap.servers"),
        ({"process.roles": "broker", "controller.quorum.voters": "1@x:1"}, "controller.quorum.voters"),
        ({"process.roles": "broker", "controller.quorum.voters": "2@x:1"}, "controller.listener.names"),
        ({"process.roles": "broker"} | WITH_CONTROLLER, "listeners"),
        ({"process.roles": "controller"}, "controller.listener.names"),
        ({"process.roles": "controller"} | WITH_CONTROLLER, "listeners"),
        ({"log.retention.ms": "0"}, "log.retention.ms"),
        ({"log.retention.hours": "-5"}, "log.retention.hours"),
        ({"log.roll.ms": "0"}, "log.roll.ms"),
        ({"log.dirs": "/a,/a"}, "log.dirs"),
        ({"log.cleaner.dedupe.buffer.size": "1000"}, "log.cleaner.dedupe.buffer.size"),
        ({"replica.fetch.wait.max.ms": "40000"}, "replica.socket.timeout.ms"),
        ({"queued.max.request.bytes": "5"}, "queued.max.request.bytes"),
        ({"offsets.topic.compression.codec": "5"}, "offsets.topic.compression.codec"),
        ({"group.min.session.timeout.ms": "9999999"}, "group.max.session.timeout.ms"),
        ({"group.consumer.session.timeout.ms": "44999"}, "group.consumer.session.timeout.ms"),
        ({"group.share.record.lock.duration.ms": "60001"}, "group.share.max.record.lock.duration.ms"),
        ({"group.share.partition.max.record.locks": "9000"}, "group.share.max.partition.max.record.locks"),
    ],
)
def test_what_is_refused(settings: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        server_config_of(settings)
    assert caught.value.key == key


def test_replication_factors_are_those_of_one_node_and_can_be_set() -> None:
    assert config(offsets_topic_replication_factor="2").get_int("offsets.topic.replication.factor") == 2


def test_typed_getters() -> None:
    node = config()
    assert node.get_bool("auto.create.topics.enable") is True
    assert node.get_float("log.cleaner.min.cleanable.ratio") == 0.5
    assert node.get_optional_int("log.retention.ms") is None
    assert node.get_optional_str("broker.rack") is None
    assert node.get_list("log.cleanup.policy") == ("delete",)
    for wrong in (
        lambda: node.get_int("auto.create.topics.enable"),
        lambda: node.get_bool("num.partitions"),
        lambda: node.get_int("log.retention.ms"),
        lambda: node.get_str("broker.rack"),
        lambda: node.get_list("num.partitions"),
        lambda: node.get_float("num.partitions"),
    ):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(KeyError):
        node.get_int("no.such.key")
    with pytest.raises(KeyError):
        node.get("controller.listener.names")


def test_topics_take_what_they_do_not_set_from_the_broker() -> None:
    topic = config().topic_config({"segment.ms": "5"})
    assert topic.get_int("segment.ms") == 5
    assert topic.get_int("retention.ms") == 7 * 24 * 3600 * 1000
    assert topic.get_int("flush.ms") == 2**63 - 1
    assert config(log_retention_minutes="2").topic_config({}).get_int("retention.ms") == 120_000
    assert config(log_retention_minutes="2", log_retention_ms="9").topic_config({}).get_int("retention.ms") == 9
    assert config(log_retention_hours="-1").topic_config({}).get_int("retention.ms") == -1
    assert config(log_roll_hours="1").topic_config({}).get_int("segment.ms") == 3_600_000
    assert config(log_flush_scheduler_interval_ms="3").topic_config({}).get_int("flush.ms") == 3
    assert config(message_max_bytes="77").topic_config({}).get_int("max.message.bytes") == 77
    with pytest.raises(ConfigError):
        config().topic_config({"segment.ms": "0"})


def test_what_a_topic_may_not_set() -> None:
    check_topic_overrides({"retention.ms": "5", "internal.segment.bytes": "100"})
    for overrides in (
        {"retention": "5"},
        {"retention.ms": "x"},
        {"min.compaction.lag.ms": "6", "max.compaction.lag.ms": "5"},
    ):
        with pytest.raises(ConfigError):
            check_topic_overrides(overrides)


def test_dynamic_configs_are_stronger() -> None:
    node = config(message_max_bytes="1").with_dynamic({"message.max.bytes": "2", "log.retention.ms": "5"}, {})
    assert node.get_int("message.max.bytes") == 2
    assert node.topic_config({}).get_int("retention.ms") == 5
    node = node.with_dynamic({"message.max.bytes": "2"}, {"message.max.bytes": "3"})
    assert node.get_int("message.max.bytes") == 3
    assert node.listener_override("PLAINTEXT", "message.max.bytes") == 3
    node = node.with_dynamic({}, {"listener.name.plaintext.message.max.bytes": "4"})
    assert node.listener_override("PLAINTEXT", "message.max.bytes") == 4
    with pytest.raises(ConfigError):
        node.with_dynamic({"message.max.bytes": "x"}, {})
    node = config(log_retention_hours="5").with_dynamic({"log.retention.ms": "99"}, {})
    assert node.get_int("log.retention.hours") == 168, "as in Kafka, where log.retention.ms was set dynamically"


def only(described: list[ConfigDescription], name: str) -> ConfigDescription:
    (one,) = (one for one in described if one.name == name)
    return one


def test_describing_a_broker() -> None:
    node = server_config_of(
        {"message.max.bytes": "1", "ssl.key.password": "secret", "my.own": "x", "log.retention.hours": "5"}
    ).with_dynamic({"message.max.bytes": "2"}, {"message.max.bytes": "3"})
    described = describe_broker(node)
    size = only(described, "message.max.bytes")
    assert (size.value, size.source, size.read_only) == ("3", ConfigSource.DYNAMIC_BROKER_CONFIG, False)
    assert [(one.value, one.source.name) for one in size.synonyms] == [
        ("3", "DYNAMIC_BROKER_CONFIG"),
        ("2", "DYNAMIC_DEFAULT_BROKER_CONFIG"),
        ("1", "STATIC_BROKER_CONFIG"),
        ("1048588", "DEFAULT_CONFIG"),
    ]
    password = only(described, "ssl.key.password")
    assert (password.value, password.is_sensitive) == (None, True)
    assert password.synonyms[0].value is None
    own = only(described, "my.own")
    assert (own.value, own.is_sensitive, own.type, own.read_only) == (None, True, 0, True)
    hours = only(described, "log.retention.hours")
    assert (hours.value, hours.source, hours.read_only) == ("5", ConfigSource.STATIC_BROKER_CONFIG, True)
    unset = only(described, "log.retention.ms")
    assert (unset.value, unset.source, unset.synonyms) == (None, ConfigSource.DEFAULT_CONFIG, [])
    names = {one.name for one in described}
    assert "unstable.api.versions.enable" not in names
    assert "leader.replication.throttled.rate" not in names
    broker_id = only(described, "broker.id")
    assert (broker_id.value, broker_id.source) == ("1", ConfigSource.STATIC_BROKER_CONFIG)
    assert [one.name for one in describe_broker(node, ["node.id", "none"])] == ["node.id"]
    assert [one[:2] for one in describe_cluster_default(node)] == [("message.max.bytes", "2")]
    assert describe_cluster_default(node, ["node.id"]) == []


def test_describing_a_topic() -> None:
    node = config(log_segment_bytes="2000000", log_retention_hours="5")
    described = describe_topic(node, {"flush.ms": "7"})
    assert len(described) == 33
    flush = only(described, "flush.ms")
    assert flush.source is ConfigSource.DYNAMIC_TOPIC_CONFIG
    assert flush.synonyms == [ConfigSynonym("flush.ms", "7", ConfigSource.DYNAMIC_TOPIC_CONFIG)]
    segment = only(described, "segment.bytes")
    assert (segment.value, segment.source) == ("2000000", ConfigSource.STATIC_BROKER_CONFIG)
    assert [one.name for one in segment.synonyms] == ["log.segment.bytes"] * 2
    retention = only(described, "retention.ms")
    assert (retention.value, retention.source, retention.synonyms) == ("18000000", ConfigSource.DEFAULT_CONFIG, [])
    assert [one.name for one in describe_topic(node, {}, ["segment.bytes", "none"])] == ["segment.bytes"]
    assert only(describe_topic(node, {"internal.segment.bytes": "9"}), "internal.segment.bytes").value == "9"


def test_describing_groups_and_metrics_subscriptions() -> None:
    node = config(group_consumer_session_timeout_ms="50000")
    described = describe_group(node, {"share.isolation.level": "read_committed"})
    session = only(described, "consumer.session.timeout.ms")
    assert (session.value, session.source) == ("50000", ConfigSource.STATIC_BROKER_CONFIG)
    assert only(described, "share.isolation.level").source is ConfigSource.GROUP_CONFIG
    assert only(described, "share.auto.offset.reset").source is ConfigSource.DEFAULT_CONFIG
    metrics = describe_client_metrics({"interval.ms": "1000"})
    assert [(one.name, one.value) for one in metrics] == [("metrics", ""), ("interval.ms", "1000"), ("match", "")]
    assert metrics[1].source is ConfigSource.CLIENT_METRICS_CONFIG


SOME_TEXTS = ["", "0", "-1", "1", "5", "100000", "x", "a,b", "true", "A://b:1", "1@a:1", "broker", "A", "[]"]
values = st.sampled_from(SOME_TEXTS) | st.text(max_size=8)


@given(st.dictionaries(st.sampled_from(sorted(BROKER_CONFIGS)), values, max_size=4))
def test_any_settings_are_a_configuration_or_a_config_error(settings: dict[str, str]) -> None:
    try:
        node = server_config_of(settings)
    except ConfigError as error:
        assert error.key in str(error)
        return
    assert len(describe_broker(node)) > 300
    assert len(describe_topic(node, {})) == 33
