"""What each part of a node is told by the configuration: `ServerConfig` in, the parts' own settings out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.broker.connection_quotas import ConnectionLimits, ListenerLimits
from ottla.broker.controller.settings import ControllerSettings, QuorumSettings
from ottla.broker.coordinator.group_coordinator import GROUP_METADATA_TOPIC
from ottla.broker.coordinator.internal_topics import InternalTopic
from ottla.broker.coordinator.transaction_coordinator import TRANSACTION_STATE_TOPIC
from ottla.broker.registration import SECURITY_PROTOCOL_IDS
from ottla.coordinator.group.config import GroupCoordinatorConfig, MigrationPolicy
from ottla.coordinator.group.consumer.target import ASSIGNORS
from ottla.coordinator.transaction.config import TransactionCoordinatorConfig
from ottla.log.config import CleanerConfig
from ottla.log.upkeep import UpkeepIntervals
from ottla.metadata.controller.topics import TopicDefaults
from ottla.metadata.registration import Endpoint
from ottla.protocol.types import ZERO_UUID
from ottla.raft.voter_set import ReplicaKey, VoterNode, VoterSet
from ottla.runtime.config.definition import ConfigError
from ottla.runtime.config.endpoints import parse_servers
from ottla.runtime.sockets import (
    DEFAULT_BACKLOG,
    DEFAULT_SEND_BUFFER_BYTES,
    OPERATING_SYSTEM_DEFAULT,
    SocketOptions,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.broker.quotas.client_quotas import QuotaWindows
    from ottla.runtime.config.server_config import ServerConfig

SECOND_MS = 1_000
MINUTE_MS = 60_000


def connection_limits(config: ServerConfig) -> ConnectionLimits:
    return ConnectionLimits(
        max_connections=config.get_int("max.connections"),
        max_connections_per_host=config.get_int("max.connections.per.ip"),
        max_idle_ms=config.get_int("connections.max.idle.ms"),
        max_request_bytes=config.get_int("socket.request.max.bytes"),
        per_host_overrides=per_host_overrides(config),
        max_creation_rate=config.get_int("max.connection.creation.rate"),
        by_listener={one.listener_name: listener_limits(config, one.listener_name) for one in config.listeners},
        inter_broker_listener=config.inter_broker_listener_name,
        rate_windows=config.get_int("quota.window.num"),
        rate_window_ms=config.get_int("quota.window.size.seconds") * 1000,
    )


def listener_limits(config: ServerConfig, name: str) -> ListenerLimits:
    """As in Kafka what holds for the broker holds for each of its listeners, too, unless they have their own."""
    most, rate = (config.listener_override(name, key) for key in ("max.connections", "max.connection.creation.rate"))
    assert isinstance(most, int)
    assert isinstance(rate, int)
    return ListenerLimits(most, rate)


def per_host_overrides(config: ServerConfig) -> dict[str, int]:
    """`max.connections.per.ip.overrides`: host:count, …"""
    key = "max.connections.per.ip.overrides"
    overrides = {}
    for item in filter(None, (item.strip() for item in config.get_str(key).split(","))):
        host, _, count = item.rpartition(":")
        if not host or not count.isdigit():
            raise ConfigError(key, item, "each item must be HOST:COUNT")
        overrides[host.strip()] = int(count)
    return overrides


def socket_options(config: ServerConfig) -> SocketOptions:
    """Unless someone says otherwise the system sizes the receive buffer, and grows that of a connection that needs it.

    Nor does the backlog begin at Kafka's 50: no thread of its own accepts here, and whom a full backlog turns away
    tries again after a second. And the send buffer is six times Kafka's (net.core.wmem_max may allow less): each time
    that it runs empty costs a turn of the event loop, together a quarter of the CPU of a consumer's reads.
    """

    def explicit(key: str, otherwise: int) -> int:
        return config.get_int(key) if key in config.explicit else otherwise

    return SocketOptions(
        send_buffer_bytes=explicit("socket.send.buffer.bytes", DEFAULT_SEND_BUFFER_BYTES),
        receive_buffer_bytes=explicit("socket.receive.buffer.bytes", OPERATING_SYSTEM_DEFAULT),
        backlog=explicit("socket.listen.backlog.size", DEFAULT_BACKLOG),
    )


def quorum_settings(
    config: ServerConfig, *, cluster_id: str, metadata_directory: Path, directory_id: bytes
) -> QuorumSettings:
    return QuorumSettings(
        node_id=config.node_id,
        cluster_id=cluster_id,
        metadata_directory=metadata_directory,
        directory_id=directory_id,
        controller_endpoints=controller_endpoints(config) if config.is_controller else (),
        listener_name=quorum_listener_name(config),
        static_voters=static_voters(config),
        bootstrap_servers=bootstrap_servers(config),
        election_timeout_ms=config.get_int("controller.quorum.election.timeout.ms"),
        fetch_timeout_ms=config.get_int("controller.quorum.fetch.timeout.ms"),
        election_backoff_max_ms=config.get_int("controller.quorum.election.backoff.max.ms"),
        request_timeout_ms=config.get_int("controller.quorum.request.timeout.ms"),
        retry_backoff_ms=config.get_int("controller.quorum.retry.backoff.ms"),
        fetch_max_bytes=config.get_int("controller.quorum.fetch.max.bytes"),
        fetch_snapshot_max_bytes=config.get_int("controller.quorum.fetch.snapshot.max.bytes"),
        auto_join=config.is_controller and config.get_bool("controller.quorum.auto.join.enable"),
        snapshot_after_bytes=config.get_int("metadata.log.max.record.bytes.between.snapshots"),
        snapshot_after_ms=config.get_int("metadata.log.max.snapshot.interval.ms"),
        segment_bytes=config.get_int("metadata.log.segment.bytes"),
        segment_ms=config.get_int("metadata.log.segment.ms"),
        retention_bytes=config.get_int("metadata.max.retention.bytes"),
        retention_ms=config.get_int("metadata.max.retention.ms"),
    )


def quorum_listener_name(config: ServerConfig) -> str:
    """Through which replicas of the quorum speak with each other."""
    names = config.controller_listener_names
    return names[0] if names else "CONTROLLER"


def static_voters(config: ServerConfig) -> VoterSet:
    """`controller.quorum.voters`: by node alone, at the first of the controllers' listeners. Empty if not set."""
    name = quorum_listener_name(config)
    return VoterSet(
        tuple(
            VoterNode(ReplicaKey(voter.id, ZERO_UUID), {name: (voter.host, voter.port)})
            for voter in config.quorum_voters
        )
    )


def bootstrap_servers(config: ServerConfig) -> list[tuple[str, int]]:
    """`controller.quorum.bootstrap.servers`"""
    key = "controller.quorum.bootstrap.servers"
    return parse_servers(key, config.get_list(key))


def controller_settings(config: ServerConfig, *, incarnation_id: bytes) -> ControllerSettings:
    return ControllerSettings(
        incarnation_id=incarnation_id,
        topic_defaults=TopicDefaults(config.get_int("num.partitions"), config.get_int("default.replication.factor")),
        min_insync_replicas=config.get_int("min.insync.replicas"),
        max_idle_interval_ms=config.get_int("metadata.max.idle.interval.ms"),
        session_timeout_ms=config.get_int("broker.session.timeout.ms"),
        leader_balance_interval_ms=(
            config.get_int("leader.imbalance.check.interval.seconds") * SECOND_MS
            if config.get_bool("auto.leader.rebalance.enable")
            else None
        ),
        unclean_election_interval_ms=config.get_int("unclean.leader.election.interval.ms"),
        token_sweep_interval_ms=(
            config.get_int("delegation.token.expiry.check.interval.ms")
            if config.get_optional_str("delegation.token.secret.key")
            else None
        ),
    )


def controller_endpoints(config: ServerConfig) -> list[Endpoint]:
    """Where other nodes find this controller."""
    return [
        Endpoint(one.listener_name, one.host or "localhost", one.port, SECURITY_PROTOCOL_IDS[one.security_protocol])
        for one in config.advertised_controller_listeners
    ]


def is_whole_quorum(config: ServerConfig) -> bool:
    """Nobody else is to be asked or to vote: such a node may format what is empty, and begin."""
    own = {(one.host, one.port) for one in (*config.controller_listeners, *config.advertised_controller_listeners)}
    others = [voter for voter in config.quorum_voters if voter.id != config.node_id]
    return config.is_controller and not others and set(bootstrap_servers(config)) <= own


def group_settings(config: ServerConfig) -> GroupCoordinatorConfig:
    return GroupCoordinatorConfig(
        group_max_size=config.get_int("group.max.size"),
        group_initial_rebalance_delay_ms=config.get_int("group.initial.rebalance.delay.ms"),
        group_min_session_timeout_ms=config.get_int("group.min.session.timeout.ms"),
        group_max_session_timeout_ms=config.get_int("group.max.session.timeout.ms"),
        offset_metadata_max_bytes=config.get_int("offset.metadata.max.bytes"),
        offsets_retention_ms=config.get_int("offsets.retention.minutes") * MINUTE_MS,
        offsets_retention_check_interval_ms=config.get_int("offsets.retention.check.interval.ms"),
        offsets_commit_timeout_ms=config.get_int("offsets.commit.timeout.ms"),
        offsets_load_buffer_size=config.get_int("offsets.load.buffer.size"),
        node_id=config.node_id,
        consumer_group_max_size=config.get_int("group.consumer.max.size"),
        consumer_assignors=_consumer_assignors(config),
        consumer_session_timeout_ms=config.get_int("group.consumer.session.timeout.ms"),
        consumer_min_session_timeout_ms=config.get_int("group.consumer.min.session.timeout.ms"),
        consumer_max_session_timeout_ms=config.get_int("group.consumer.max.session.timeout.ms"),
        consumer_heartbeat_interval_ms=config.get_int("group.consumer.heartbeat.interval.ms"),
        consumer_min_heartbeat_interval_ms=config.get_int("group.consumer.min.heartbeat.interval.ms"),
        consumer_max_heartbeat_interval_ms=config.get_int("group.consumer.max.heartbeat.interval.ms"),
        consumer_assignment_interval_ms=config.get_int("group.consumer.assignment.interval.ms"),
        consumer_min_assignment_interval_ms=config.get_int("group.consumer.min.assignment.interval.ms"),
        consumer_max_assignment_interval_ms=config.get_int("group.consumer.max.assignment.interval.ms"),
        consumer_regex_refresh_interval_ms=config.get_int("group.consumer.regex.refresh.interval.ms"),
        migration_policy=MigrationPolicy(config.get_str("group.consumer.migration.policy").lower()),
        streams_group_max_size=config.get_int("group.streams.max.size"),
        streams_session_timeout_ms=config.get_int("group.streams.session.timeout.ms"),
        streams_min_session_timeout_ms=config.get_int("group.streams.min.session.timeout.ms"),
        streams_max_session_timeout_ms=config.get_int("group.streams.max.session.timeout.ms"),
        streams_heartbeat_interval_ms=config.get_int("group.streams.heartbeat.interval.ms"),
        streams_min_heartbeat_interval_ms=config.get_int("group.streams.min.heartbeat.interval.ms"),
        streams_max_heartbeat_interval_ms=config.get_int("group.streams.max.heartbeat.interval.ms"),
        streams_assignment_interval_ms=config.get_int("group.streams.assignment.interval.ms"),
        streams_min_assignment_interval_ms=config.get_int("group.streams.min.assignment.interval.ms"),
        streams_max_assignment_interval_ms=config.get_int("group.streams.max.assignment.interval.ms"),
        streams_num_standby_replicas=config.get_int("group.streams.num.standby.replicas"),
        streams_max_standby_replicas=config.get_int("group.streams.max.standby.replicas"),
        streams_initial_rebalance_delay_ms=config.get_int("group.streams.initial.rebalance.delay.ms"),
    )


def _consumer_assignors(config: ServerConfig) -> tuple[str, ...]:
    key = "group.consumer.assignors"
    names = tuple(dict.fromkeys(config.get_list(key)))
    unknown = [name for name in names if name not in ASSIGNORS]
    if unknown or not names:
        raise ConfigError(key, ",".join(names), f"each item must be one of {', '.join(ASSIGNORS)}")
    return names


def quota_windows(config: ServerConfig) -> QuotaWindows:
    from ottla.broker.quotas.client_quotas import QuotaWindows

    return QuotaWindows(
        count=config.get_int("quota.window.num"),
        size_ms=config.get_int("quota.window.size.seconds") * 1000,
        controller_count=config.get_int("controller.quota.window.num"),
        controller_size_ms=config.get_int("controller.quota.window.size.seconds") * 1000,
    )


def group_metadata_topic(config: ServerConfig) -> InternalTopic:
    return InternalTopic(
        name=GROUP_METADATA_TOPIC,
        partitions=config.get_int("offsets.topic.num.partitions"),
        replication_factor=config.get_int("offsets.topic.replication.factor"),
        configs=(
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", str(config.get_int("offsets.topic.segment.bytes"))),
        ),
    )


def transaction_settings(config: ServerConfig) -> TransactionCoordinatorConfig:
    return TransactionCoordinatorConfig(
        transaction_max_timeout_ms=config.get_int("transaction.max.timeout.ms"),
        transactional_id_expiration_ms=config.get_int("transactional.id.expiration.ms"),
        abort_timed_out_interval_ms=config.get_int("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
        remove_expired_interval_ms=config.get_int("transaction.remove.expired.transaction.cleanup.interval.ms"),
        write_timeout_ms=config.get_int("request.timeout.ms"),
        load_buffer_size=config.get_int("transaction.state.log.load.buffer.size"),
    )


def share_state_topic(config: ServerConfig) -> InternalTopic:
    return InternalTopic(
        name="__share_group_state",
        partitions=config.get_int("share.coordinator.state.topic.num.partitions"),
        replication_factor=config.get_int("share.coordinator.state.topic.replication.factor"),
        configs=(
            ("cleanup.policy", "delete"),
            ("compression.type", "producer"),
            ("segment.bytes", str(config.get_int("share.coordinator.state.topic.segment.bytes"))),
            ("min.insync.replicas", str(config.get_int("share.coordinator.state.topic.min.isr"))),
            ("retention.ms", "-1"),
        ),
    )


def transaction_state_topic(config: ServerConfig) -> InternalTopic:
    return InternalTopic(
        name=TRANSACTION_STATE_TOPIC,
        partitions=config.get_int("transaction.state.log.num.partitions"),
        replication_factor=config.get_int("transaction.state.log.replication.factor"),
        configs=(
            ("unclean.leader.election.enable", "false"),
            ("compression.type", "uncompressed"),
            ("cleanup.policy", "compact"),
            ("min.insync.replicas", str(config.get_int("transaction.state.log.min.isr"))),
            ("segment.bytes", str(config.get_int("transaction.state.log.segment.bytes"))),
        ),
    )


def cleaner_config(config: ServerConfig) -> CleanerConfig:
    return CleanerConfig(
        enable=config.get_bool("log.cleaner.enable"),
        backoff_ms=config.get_int("log.cleaner.backoff.ms"),
        dedupe_buffer_size=config.get_int("log.cleaner.dedupe.buffer.size"),
        io_buffer_load_factor=config.get_float("log.cleaner.io.buffer.load.factor"),
        io_buffer_size=config.get_int("log.cleaner.io.buffer.size"),
        io_max_bytes_per_second=config.get_float("log.cleaner.io.max.bytes.per.second"),
    )


def upkeep_intervals(config: ServerConfig) -> UpkeepIntervals:
    defaults = UpkeepIntervals()
    return UpkeepIntervals(
        # Kafka's default is to never look, which would make `flush.ms` an empty promise.
        flush_check_ms=min(defaults.flush_check_ms, config.get_int("log.flush.scheduler.interval.ms")),
        log_flush_offset_checkpoint_interval_ms=config.get_int("log.flush.offset.checkpoint.interval.ms"),
        log_retention_check_interval_ms=config.get_int("log.retention.check.interval.ms"),
        producer_id_expiration_check_interval_ms=config.get_int("producer.id.expiration.check.interval.ms"),
    )
