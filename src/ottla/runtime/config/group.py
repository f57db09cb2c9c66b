"""Every config of a group, as Apache Kafka 4.3 defines them (`GroupConfig`)."""

from ottla.runtime.config.definition import BOOLEAN, INT, MEDIUM, STRING, Definitions, definitions
from ottla.runtime.config.definition import ConfigDefinition as Config
from ottla.runtime.config.validators import SHARE_OFFSET_RESET, at_least, one_of

GROUP_CONFIGS: Definitions = definitions(
    Config("consumer.assignment.interval.ms", INT, 1000, at_least(0), MEDIUM),
    Config("consumer.heartbeat.interval.ms", INT, 5000, at_least(1), MEDIUM),
    Config("consumer.session.timeout.ms", INT, 45000, at_least(1), MEDIUM),
    Config("share.assignment.interval.ms", INT, 1000, at_least(0), MEDIUM),
    Config("share.auto.offset.reset", STRING, "latest", SHARE_OFFSET_RESET, MEDIUM),
    Config("share.delivery.count.limit", INT, 5, at_least(2), MEDIUM),
    Config("share.heartbeat.interval.ms", INT, 5000, at_least(1), MEDIUM),
    Config("share.isolation.level", STRING, "read_uncommitted", one_of("read_committed", "read_uncommitted"), MEDIUM),
    Config("share.partition.max.record.locks", INT, 2000, at_least(100), MEDIUM),
    Config("share.record.lock.duration.ms", INT, 30000, at_least(1000), MEDIUM),
    Config("share.renew.acknowledge.enable", BOOLEAN, True, None, MEDIUM),
    Config("share.session.timeout.ms", INT, 45000, at_least(1), MEDIUM),
    Config("streams.assignment.interval.ms", INT, 1000, at_least(0), MEDIUM),
    Config("streams.heartbeat.interval.ms", INT, 5000, at_least(1), MEDIUM),
    Config("streams.initial.rebalance.delay.ms", INT, 3000, at_least(0), MEDIUM),
    Config("streams.num.standby.replicas", INT, 0, at_least(0), MEDIUM),
    Config("streams.session.timeout.ms", INT, 45000, at_least(1), MEDIUM),
)

BROKER_CONFIG_OF_GROUP_CONFIG: dict[str, str] = {
    name: f"group.{name}"
    for name in GROUP_CONFIGS
    if name not in ("share.isolation.level", "share.auto.offset.reset", "share.renew.acknowledge.enable")
}
"""The broker config that gives a group config its default (`GroupConfig.ALL_GROUP_CONFIG_SYNONYMS`)."""
