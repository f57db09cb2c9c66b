"""Names on the other side, and the cycles that they tell of."""

from __future__ import annotations

import pytest

from ottla.mirror.replication_policy import IdentityReplicationPolicy, ReplicationPolicy

DEFAULT = ReplicationPolicy()
IDENTITY = IdentityReplicationPolicy(source="a")


def test_the_default_policy_tells_where_a_topic_came_from() -> None:
    assert DEFAULT.remote_topic("a", "orders.eu") == "a.orders.eu"
    assert DEFAULT.topic_source("a.b.orders") == "a"
    assert DEFAULT.upstream_topic("a.b.orders") == "b.orders"
    assert DEFAULT.original_topic("a.b.orders") == "orders"
    assert DEFAULT.topic_source("orders") is None
    assert DEFAULT.upstream_topic("orders") is None


@pytest.mark.parametrize("topic", ["orders.", "orders..", "."])
def test_trailing_separators_make_no_remote_topic(topic: str) -> None:
    assert DEFAULT.topic_source(topic) is None  # Java's split drops what is empty at the end


def test_cycles_are_seen_over_any_number_of_clusters() -> None:
    assert DEFAULT.is_cycle("b.orders", "b")
    assert DEFAULT.is_cycle("a.b.orders", "b")
    assert not DEFAULT.is_cycle("c.orders", "b")
    assert not DEFAULT.is_cycle("orders", "b")
    assert not IDENTITY.is_cycle("b.orders", "b")


def test_identity_renames_nothing_but_heartbeats() -> None:
    assert IDENTITY.remote_topic("a", "orders") == "orders"
    assert IDENTITY.remote_topic("a", "heartbeats") == "a.heartbeats"
    assert IDENTITY.topic_source("orders") == "a"
    assert IDENTITY.topic_source("heartbeats") is None
    assert IDENTITY.original_topic("orders") == "orders"
    assert IDENTITY.is_heartbeats_topic("b.heartbeats")
    assert not IDENTITY.is_heartbeats_topic("orders")


def test_internal_topics() -> None:
    for topic in ("__consumer_offsets", ".hidden", "mm2-offsets.a.internal", "a.checkpoints.internal"):
        assert DEFAULT.is_internal_topic(topic), topic
    for topic in ("orders", "a.orders.internal", "orders-internal"):
        assert not DEFAULT.is_internal_topic(topic), topic
    assert DEFAULT.offset_syncs_topic("b") == "mm2-offset-syncs.b.internal"
    assert DEFAULT.checkpoints_topic("a") == "a.checkpoints.internal"


def test_a_separator_of_ones_own() -> None:
    policy = ReplicationPolicy("_", "_")
    assert policy.remote_topic("a", "orders") == "a_orders"
    assert policy.checkpoints_topic("a") == "a_checkpoints_internal"
    assert policy.is_internal_topic("a_checkpoints_internal")
    assert ReplicationPolicy("_", ".").checkpoints_topic("a") == "a.checkpoints.internal"
