"""Every broker config outside of logs, cleaner and TLS that may change while a node runs reaches those who obey it.

Those of logs and cleaner: `test_dynamic_log_configs`; of TLS, and over sockets: `test_dynamic_configs`.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.broker.replicas import ManualClock, ManualTimers
from tests.unit.coordinator.harness import FakeClock, FakeTimers

from ottla.broker.config_schema import ServerConfigSchema
from ottla.broker.dynamic_config import DynamicServerConfig, follow_broker_configs
from ottla.broker.log_directories import is_cordoned
from ottla.broker.parts import make_transaction_coordinator
from ottla.broker.replica.log_config import LogConfigs
from ottla.broker.replica.replication_quota import FOLLOWER, LEADER, ReplicationQuota
from ottla.broker.settings import connection_limits, group_settings
from ottla.broker.share.group_configs import ShareGroupConfigs
from ottla.coordinator.group.consumer.config import assignment_interval_ms as of_consumers
from ottla.coordinator.group.groups import Groups
from ottla.coordinator.group.streams.config import assignment_interval_ms as of_streams
from ottla.metadata.controller.partition_changes import topic_config
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE, MetadataImage
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.runtime.config.dynamic import CLUSTER_WIDE, DYNAMIC_ONLY_CONFIGS, PER_BROKER
from ottla.runtime.config.effective import EFFECTIVE_KEYS
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.runtime.config.server_config import ServerConfig

BROKER, NODE_ID = 4, 1
UNLIMITED = 2**31 - 1


class Running:
    """Parts of a node that was started without dynamic configs, under metadata that the test writes."""

    def __init__(self) -> None:
        self.config = server_config_of({"log.dirs": "/a,/b"})
        self.image: MetadataImage = EMPTY_IMAGE
        self.applied = self.config
        self.complaints: list[str] = []
        clock = ManualClock()
        self.follow = follow_broker_configs(DynamicServerConfig(self.config), self.apply, self.complaints.append)
        self.logs = LogConfigs(NODE_ID, {}, self.complaints.append)
        self.schema = ServerConfigSchema(self.config)
        self.share = ShareGroupConfigs(self.config, lambda: self.image)
        fake = FakeClock()
        self.groups = Groups(group_settings(self.config), fake, FakeTimers(fake), lambda: "", lambda: self.image)
        self.quotas = {
            side: ReplicationQuota(side, NODE_ID, clock, windows=11, window_ms=1000) for side in (LEADER, FOLLOWER)
        }
        nobody: Any = None
        self.transactions = make_transaction_coordinator(
            self.config, nobody, nobody, nobody, clock, ManualTimers(clock), self.complaints.append
        )

    def apply(self, config: ServerConfig) -> None:
        self.applied = config

    def alter(self, broker: str, key: str, value: str | None) -> None:
        delta = MetadataDelta(self.image)
        delta.replay(ConfigRecord(resource_type=BROKER, resource_name=broker, name=key, value=value))
        self.image = delta.apply(offset=self.image.offset + 1, epoch=1, timestamp_ms=0)
        self.follow(delta, self.image)
        self.transactions.on_metadata(delta, self.image)
        for quota in self.quotas.values():
            quota.update(self.image)

    def exceeds(self, side: str) -> bool:
        """Whether a thousand bytes are more than may be sent."""
        quota = self.quotas[side]
        quota.record(1000)
        return quota.is_exceeded


def interval_of(ask: Callable[[Groups, str], int]) -> Callable[[Running], object]:
    return lambda running: ask(running.groups, "g")


CONFIGS: Mapping[str, tuple[str, Callable[[Running], object], object, object]] = {
    "cordoned.log.dirs": ("/b", lambda it: is_cordoned(it.applied, PurePath("/b")), False, True),
    "follower.replication.throttled.rate": ("7", lambda it: it.exceeds(FOLLOWER), False, True),
    "leader.replication.throttled.rate": ("7", lambda it: it.exceeds(LEADER), False, True),
    "group.consumer.assignment.interval.ms": ("77", interval_of(of_consumers), 1000, 77),
    "group.share.assignment.interval.ms": ("77", lambda it: it.share.of("g").assignment_interval_ms, 1000, 77),
    "group.streams.assignment.interval.ms": ("77", interval_of(of_streams), 1000, 77),
    "max.connection.creation.rate": ("7", lambda it: connection_limits(it.applied).max_creation_rate, UNLIMITED, 7),
    "max.connections": ("7", lambda it: connection_limits(it.applied).max_connections, UNLIMITED, 7),
    "max.connections.per.ip": ("7", lambda it: connection_limits(it.applied).of_host("127.0.0.1"), UNLIMITED, 7),
    "max.connections.per.ip.overrides": (
        "127.0.0.1:7",
        lambda it: connection_limits(it.applied).of_host("127.0.0.1"),
        UNLIMITED,
        7,
    ),
    "producer.id.expiration.ms": ("77", lambda it: it.logs(it.image, "t").producer_id_expiration_ms, 86_400_000, 77),
    "transaction.partition.verification.enable": ("false", lambda it: it.transactions.verifies, True, False),
    "unclean.leader.election.enable": (
        "true",
        lambda it: topic_config(it.image, it.schema, "t", "unclean.leader.election.enable"),
        "false",
        "true",
    ),
    "min.insync.replicas": ("3", lambda it: topic_config(it.image, it.schema, "t", "min.insync.replicas"), "1", "3"),
}
AT_THE_NEXT_START = {"sasl.enabled.mechanisms", "sasl.mechanism.inter.broker.protocol"}
NOT_YET = {
    "config.providers",
    "listeners",
    "listener.security.protocol.map",
    "replica.alter.log.dirs.io.max.bytes.per.second",
}


def test_none_is_left_out() -> None:
    elsewhere = ("log.", "compression.", "message.max", "ssl.")
    dynamic = (PER_BROKER | CLUSTER_WIDE) & EFFECTIVE_KEYS | DYNAMIC_ONLY_CONFIGS.keys()
    wanted = {key for key in dynamic if not key.startswith(elsewhere)}
    assert wanted - AT_THE_NEXT_START - NOT_YET == CONFIGS.keys()


@pytest.mark.parametrize("key", CONFIGS)
def test_a_config_has_its_effect_at_once(key: str) -> None:
    text, seen, before, after = CONFIGS[key]
    running = Running()
    assert seen(running) == before
    brokers = [str(NODE_ID)] if key in PER_BROKER else ["", str(NODE_ID)]
    for broker in brokers:
        running.alter(broker, key, text)
        assert seen(running) == after
        running.alter(broker, key, None)
        assert seen(running) == before
    running.alter("2", key, text)
    assert seen(running) == before
    assert running.complaints == []
