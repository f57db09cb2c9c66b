"""`mm2.properties`: which clusters there are, and what flows from which to which (the keys of MirrorMaker 2).

    clusters = a, b
    a.bootstrap.servers = host:9092        of a cluster; so are its security.protocol, sasl.*, ssl.*
    a->b.enabled = true                    a flow
    a->b.topics = orders.*                 any key of a flow; without the arrow it is that of all flows

Later is stronger: the default, the key alone, the key of the flow. What has no effect here is listed, not ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.mirror.name_filter import NameFilter, NamePatternError
from ottla.mirror.replication_policy import DEFAULT_SEPARATOR, IdentityReplicationPolicy, ReplicationPolicy
from ottla.mirror.source_offset import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_PROPERTIES_EXCLUDE: Final = (
    r"follower\.replication\.throttled\.replicas",
    r"leader\.replication\.throttled\.replicas",
    r"message\.timestamp\.difference\.max\.ms",
    r"log\.message\.timestamp\.before\.max\.ms",
    r"log\.message\.timestamp\.after\.max\.ms",
    r"message\.timestamp\.type",
    r"unclean\.leader\.election\.enable",
    r"min\.insync\.replicas",
)

DEFAULTS: Final[Mapping[str, str]] = {
    "enabled": "false",
    "topics": ".*",
    "topics.exclude": r"mm2.*\.internal,.*\.replica,__.*",
    "groups": ".*",
    "groups.exclude": "console-consumer-.*,connect-.*,__.*",
    "config.properties.exclude": ",".join(CONFIG_PROPERTIES_EXCLUDE),
    "use.defaults.from": "target",
    "replication.policy.class": "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
    "replication.policy.separator": DEFAULT_SEPARATOR,
    "replication.policy.internal.topic.separator.enabled": "true",
    "replication.factor": "2",
    "checkpoints.topic.replication.factor": "3",
    "heartbeats.topic.replication.factor": "3",
    "offset-syncs.topic.replication.factor": "3",
    "offset.storage.replication.factor": "3",
    "offset.storage.partitions": str(PARTITIONS),
    "offset.flush.interval.ms": "5000",  # MirrorMaker 2's is 60000: so much is copied again after a crash
    "exactly.once.source.support": "disabled",
    "offset-syncs.topic.location": "source",
    "offset.lag.max": "100",
    "emit.offset-syncs.enabled": "true",
    "emit.checkpoints.enabled": "true",
    "emit.checkpoints.interval.seconds": "60",
    "emit.heartbeats.enabled": "true",
    "emit.heartbeats.interval.seconds": "1",
    "heartbeats.replication.enabled": "true",
    "refresh.topics.enabled": "true",
    "refresh.topics.interval.seconds": "600",
    "refresh.groups.enabled": "true",
    "refresh.groups.interval.seconds": "600",
    "sync.topic.configs.enabled": "true",
    "sync.topic.configs.interval.seconds": "600",
    "sync.topic.acls.enabled": "true",
    "sync.topic.acls.interval.seconds": "600",
    "sync.group.offsets.enabled": "false",
    "sync.group.offsets.interval.seconds": "60",
    "admin.timeout.ms": "60000",
    "consumer.poll.timeout.ms": "1000",
}

ISOLATION_LEVELS: Final = {"read_uncommitted": 0, "read_committed": 1}
_ISOLATION_KEYS: Final = ("source.consumer.isolation.level", "consumer.isolation.level")
_WORKER_KEYS: Final = ("offset.storage.", "offset.flush.interval.ms", "exactly.once.source.support")
_CLIENT_PREFIXES: Final = ("security.protocol", "sasl.", "ssl.")


class MirrorConfigError(ValueError):
    """The file asks for something that cannot be; the message names the key."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    alias: str
    bootstrap: str
    client: Mapping[str, str] = field(repr=False)
    """What a `client.properties` would say; it may hold secrets."""


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """One flow. Intervals are in seconds, `None` where it is not to be done at all."""

    source: ClusterConfig
    target: ClusterConfig
    enabled: bool
    policy: ReplicationPolicy
    topics: NameFilter
    groups: NameFilter
    config_properties_exclude: NameFilter
    """Takes the keys that are *not* copied."""
    use_defaults_from_source: bool
    replication_factor: int
    checkpoints_replication_factor: int
    heartbeats_replication_factor: int
    offset_syncs_replication_factor: int
    offset_storage_replication_factor: int
    offset_storage_partitions: int
    offset_flush_interval_ms: int
    exactly_once: bool
    offset_syncs_in_source: bool
    offset_lag_max: int
    emit_offset_syncs: bool
    heartbeats_replication: bool
    isolation_level: int
    poll_timeout_ms: int
    admin_timeout_ms: int
    emit_checkpoints_s: int | None
    emit_heartbeats_s: int | None
    refresh_topics_s: int | None
    refresh_groups_s: int | None
    sync_topic_configs_s: int | None
    sync_topic_acls_s: int | None
    sync_group_offsets_s: int | None

    @property
    def name(self) -> str:
        return f"{self.source.alias}->{self.target.alias}"

    @property
    def offset_syncs_topic(self) -> str:
        other = self.target if self.offset_syncs_in_source else self.source
        return self.policy.offset_syncs_topic(other.alias)

    @property
    def checkpoints_topic(self) -> str:
        return self.policy.checkpoints_topic(self.source.alias)

    def copies_topic(self, topic: str) -> bool:
        policy = self.policy
        wanted = self.topics.takes(topic) or (self.heartbeats_replication and policy.is_heartbeats_topic(topic))
        return wanted and not policy.is_internal_topic(topic) and not policy.is_cycle(topic, self.target.alias)

    def remote_topic(self, topic: str) -> str:
        return self.policy.remote_topic(self.source.alias, topic)


@dataclass(frozen=True, slots=True)
class MirrorConfig:
    flows: list[FlowConfig]
    ineffective: list[str]
    """Keys of the file that nothing here looks at."""


def read_mirror_config(properties: Mapping[str, str]) -> MirrorConfig:
    """Every flow that is enabled or has heartbeats to send. Raises `MirrorConfigError`."""
    aliases = _listed(properties.get("clusters", ""))
    if len(aliases) < 2:
        raise MirrorConfigError("clusters: name at least two, for example `clusters = a, b`")
    used = {"clusters"}
    clusters = {alias: _cluster(alias, properties, used) for alias in aliases}
    flows = []
    for source in clusters.values():
        for target in clusters.values():
            if source is target:
                continue
            flow = _FlowKeys(properties, source, target, used).read()
            if flow.enabled or flow.emit_heartbeats_s is not None:
                flows.append(flow)
    if not any(flow.enabled for flow in flows):
        pair = f"{aliases[0]}->{aliases[1]}"
        raise MirrorConfigError(f"no flow is enabled: write for example `{pair}.enabled = true`")
    return MirrorConfig(flows, sorted(properties.keys() - used))


def _cluster(alias: str, properties: Mapping[str, str], used: set[str]) -> ClusterConfig:
    bootstrap = f"{alias}.bootstrap.servers"
    used.add(bootstrap)
    if not properties.get(bootstrap):
        raise MirrorConfigError(f"{bootstrap} is missing")
    client: dict[str, str] = {}
    for prefix in ("", f"{alias}."):
        for key, value in properties.items():
            if key.startswith(prefix) and key[len(prefix) :].startswith(_CLIENT_PREFIXES):
                used.add(key)
                client[key[len(prefix) :]] = value
    return ClusterConfig(alias, properties[bootstrap], client)


class _FlowKeys:
    """The keys of one flow as its types."""

    def __init__(
        self, properties: Mapping[str, str], source: ClusterConfig, target: ClusterConfig, used: set[str]
    ) -> None:
        self._properties = properties
        self._source = source
        self._target = target
        self._used = used
        self._prefix = f"{source.alias}->{target.alias}."

    def read(self) -> FlowConfig:
        return FlowConfig(
            source=self._source,
            target=self._target,
            enabled=self._flag("enabled"),
            policy=self._policy(),
            topics=self._filter("topics", "topics.exclude"),
            groups=self._filter("groups", "groups.exclude"),
            config_properties_exclude=self._filter("config.properties.exclude", None),
            use_defaults_from_source=self._choice("use.defaults.from", ("source", "target")) == "source",
            replication_factor=self._number("replication.factor", -1),
            checkpoints_replication_factor=self._number("checkpoints.topic.replication.factor", -1),
            heartbeats_replication_factor=self._number("heartbeats.topic.replication.factor", -1),
            offset_syncs_replication_factor=self._number("offset-syncs.topic.replication.factor", -1),
            offset_storage_replication_factor=self._number("offset.storage.replication.factor", -1),
            offset_storage_partitions=self._number("offset.storage.partitions", 1),
            offset_flush_interval_ms=self._number("offset.flush.interval.ms", 1),
            exactly_once=self._choice("exactly.once.source.support", ("disabled", "preparing", "enabled")) == "enabled",
            offset_syncs_in_source=self._choice("offset-syncs.topic.location", ("source", "target")) == "source",
            offset_lag_max=self._number("offset.lag.max", 0),
            emit_offset_syncs=self._flag("emit.offset-syncs.enabled"),
            heartbeats_replication=self._flag("heartbeats.replication.enabled"),
            isolation_level=self._isolation_level(),
            poll_timeout_ms=self._number("consumer.poll.timeout.ms", 1),
            admin_timeout_ms=self._number("admin.timeout.ms", 1),
            emit_checkpoints_s=self._interval("emit.checkpoints"),
            emit_heartbeats_s=self._interval("emit.heartbeats"),
            refresh_topics_s=self._interval("refresh.topics"),
            refresh_groups_s=self._interval("refresh.groups"),
            sync_topic_configs_s=self._interval("sync.topic.configs"),
            sync_topic_acls_s=self._interval("sync.topic.acls"),
            sync_group_offsets_s=self._interval("sync.group.offsets"),
        )

    def _text(self, key: str) -> str:
        value = DEFAULTS.get(key, "")
        names = [key, self._prefix + key]
        if key.startswith(_WORKER_KEYS):
            names.insert(1, f"{self._target.alias}.{key}")  # a worker's key, and a worker belongs to its target
        for name in names:
            if key == "enabled" and name == key:
                continue
            if name in self._properties:
                self._used.add(name)
                value = self._properties[name]
        return value.strip()

    def _flag(self, key: str) -> bool:
        return self._choice(key, ("true", "false")) == "true"

    def _choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._text(key).lower()
        if value not in choices:
            raise MirrorConfigError(f"{key} is {value!r}: it must be {' or '.join(choices)}")
        return value

    def _number(self, key: str, smallest: int) -> int:
        text = self._text(key)
        if not text.removeprefix("-").isdecimal() or int(text) < smallest:
            raise MirrorConfigError(f"{key} is {text!r}: it must be a number from {smallest} on")
        return int(text)

    def _interval(self, prefix: str) -> int | None:
        seconds = self._number(f"{prefix}.interval.seconds", 1)
        return seconds if self._flag(f"{prefix}.enabled") else None

    def _filter(self, include: str, exclude: str | None) -> NameFilter:
        try:
            excluded = _listed(self._text(exclude)) if exclude is not None else []
            return NameFilter.of(_listed(self._text(include)), excluded)
        except NamePatternError as error:
            raise MirrorConfigError(f"{include}{f', {exclude}' if exclude else ''}: {error}") from None

    def _policy(self) -> ReplicationPolicy:
        separator = self._text("replication.policy.separator")
        if not separator:
            raise MirrorConfigError("replication.policy.separator is empty: a topic's source could not be told")
        internal = self._flag("replication.policy.internal.topic.separator.enabled")
        internal_separator = separator if internal else DEFAULT_SEPARATOR
        name = self._text("replication.policy.class").rpartition(".")[2].lower()
        if name in ("defaultreplicationpolicy", "default"):
            return ReplicationPolicy(separator, internal_separator)
        if name in ("identityreplicationpolicy", "identity"):
            return IdentityReplicationPolicy(separator, internal_separator, self._source.alias)
        raise MirrorConfigError(
            f"replication.policy.class is {name}: it must be DefaultReplicationPolicy or IdentityReplicationPolicy"
        )

    def _isolation_level(self) -> int:
        names = [f"{self._source.alias}.consumer.isolation.level", *(self._prefix + key for key in _ISOLATION_KEYS)]
        level = "read_uncommitted"
        for name in names:
            if name in self._properties:
                self._used.add(name)
                level = self._properties[name].strip().lower()
        if level not in ISOLATION_LEVELS:
            raise MirrorConfigError(f"isolation.level is {level!r}: it must be {' or '.join(ISOLATION_LEVELS)}")
        return ISOLATION_LEVELS[level]


def _listed(text: str) -> list[str]:
    return [part for part in (each.strip() for each in text.split(",")) if part]
