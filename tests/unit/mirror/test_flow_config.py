"""`mm2.properties`: what it says of each flow, and what is wrong with it."""

from __future__ import annotations

import pytest

from ottla.mirror.flow_config import MirrorConfig, MirrorConfigError, read_mirror_config
from ottla.mirror.replication_policy import IdentityReplicationPolicy
from ottla.runtime.config.properties import parse_properties

CLUSTERS = "clusters = a, b\na.bootstrap.servers = host-a:9092\nb.bootstrap.servers = host-b:9092\n"


def read(text: str) -> MirrorConfig:
    return read_mirror_config(parse_properties(CLUSTERS + text))


def test_what_a_flow_does_without_being_told() -> None:
    flow, back = read("a->b.enabled = true").flows
    assert (flow.name, flow.enabled, back.name, back.enabled) == ("a->b", True, "b->a", False)
    assert flow.source.bootstrap == "host-a:9092"
    assert flow.offset_syncs_topic == "mm2-offset-syncs.b.internal"
    assert (flow.replication_factor, flow.offset_lag_max, flow.emit_checkpoints_s) == (2, 100, 60)
    assert flow.sync_group_offsets_s is None
    assert flow.copies_topic("orders")
    assert flow.copies_topic("c.orders")
    for topic in ("b.orders", "mm2-offsets.a.internal", "__consumer_offsets", "orders.replica"):
        assert not flow.copies_topic(topic), topic
    assert flow.groups.takes("billing")
    assert not flow.groups.takes("console-consumer-1")
    assert flow.config_properties_exclude.takes("min.insync.replicas")
    assert not flow.config_properties_exclude.takes("retention.ms")


def test_the_key_of_a_flow_is_stronger_than_the_key_of_all() -> None:
    config = read("a->b.enabled=true\nb->a.enabled=true\ntopics=x.*, y\na->b.topics=z\nreplication.factor=1\n")
    there, back = config.flows
    assert [there.copies_topic("z"), there.copies_topic("y")] == [True, False]
    assert [back.copies_topic("xx"), back.copies_topic("z")] == [True, False]
    assert there.replication_factor == back.replication_factor == 1
    assert config.ineffective == []


def test_heartbeats_flow_whatever_the_topics_are() -> None:
    flow = read("a->b.enabled=true\ntopics=orders").flows[0]
    assert flow.copies_topic("heartbeats")
    assert flow.copies_topic("c.heartbeats")
    assert (
        not read("a->b.enabled=true\ntopics=orders\nheartbeats.replication.enabled=false")
        .flows[0]
        .copies_topic("heartbeats")
    )
    assert len(read("a->b.enabled=true\nemit.heartbeats.enabled=false").flows) == 1


def test_clients_have_the_settings_of_their_cluster() -> None:
    flow = read("a->b.enabled=true\nsecurity.protocol=SSL\na.security.protocol=SASL_SSL\na.sasl.mechanism=PLAIN").flows[
        0
    ]
    assert flow.source.client == {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
    assert flow.target.client == {"security.protocol": "SSL"}
    assert "PLAIN" not in repr(flow.source)


def test_policy_isolation_and_location() -> None:
    flow = read(
        "a->b.enabled=true\nreplication.policy.class=org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n"
        "a->b.consumer.isolation.level=read_committed\noffset-syncs.topic.location=target\n"
    ).flows[0]
    assert isinstance(flow.policy, IdentityReplicationPolicy)
    assert flow.remote_topic("orders") == "orders"
    assert flow.isolation_level == 1
    assert flow.offset_syncs_topic == "mm2-offset-syncs.a.internal"


def test_keys_without_an_effect_are_told() -> None:
    assert read("a->b.enabled=true\ntasks.max=4\na->b.transforms=x").ineffective == ["a->b.transforms", "tasks.max"]


def test_a_worker_belongs_to_its_target() -> None:
    config = read("a->b.enabled=true\nb.exactly.once.source.support=enabled\na.offset.flush.interval.ms=7")
    there, back = config.flows
    assert (there.exactly_once, back.exactly_once) == (True, False)
    assert (there.offset_flush_interval_ms, back.offset_flush_interval_ms) == (5000, 7)
    assert config.ineffective == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no flow is enabled"),
        ("a->b.enabled=yes", "enabled is 'yes'"),
        ("a->b.enabled=true\ntopics=orders(", "topics, topics.exclude: orders("),
        ("a->b.enabled=true\nreplication.factor=two", "replication.factor is 'two'"),
        ("a->b.enabled=true\nreplication.policy.class=my.Policy", "replication.policy.class is policy"),
        ("a->b.enabled=true\na.consumer.isolation.level=x", "isolation.level is 'x'"),
        ("a->b.enabled=true\nemit.heartbeats.interval.seconds=0", "must be a number from 1"),
    ],
)
def test_what_is_wrong_is_named(text: str, part: str) -> None:
    with pytest.raises(MirrorConfigError) as caught:
        read(text)
    assert part in str(caught.value)


def test_every_cluster_needs_an_address() -> None:
    with pytest.raises(MirrorConfigError, match=r"b\.bootstrap\.servers is missing"):
        read_mirror_config({"clusters": "a,b", "a.bootstrap.servers": "x:1"})
    with pytest.raises(MirrorConfigError, match="at least two"):
        read_mirror_config({"clusters": "a"})
