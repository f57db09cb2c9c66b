"""Every config of a topic, as Apache Kafka 4.3 defines them (`LogConfig`).

The defaults are those of a broker that sets nothing; `synonyms` says which broker config stands behind each.
"""

from ottla.runtime.config.definition import BOOLEAN, DOUBLE, INT, LIST, LONG, MEDIUM, STRING, Definitions, definitions
from ottla.runtime.config.definition import ConfigDefinition as Config
from ottla.runtime.config.validators import GZIP_LEVEL, THROTTLED_REPLICAS, at_least, between, items, one_of

MAX_LONG = 2**63 - 1

TOPIC_CONFIGS: Definitions = definitions(
    Config("cleanup.policy", LIST, ("delete",), items("compact", "delete", empty=True), MEDIUM),
    Config("compression.gzip.level", INT, -1, GZIP_LEVEL, MEDIUM),
    Config("compression.lz4.level", INT, 9, between(1, 17), MEDIUM),
    Config(
        "compression.type",
        STRING,
        "producer",
        one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
        MEDIUM,
    ),
    Config("compression.zstd.level", INT, 3, between(-131072, 22), MEDIUM),
    Config("delete.retention.ms", LONG, 86_400_000, at_least(0), MEDIUM),
    Config("file.delete.delay.ms", LONG, 60000, at_least(0), MEDIUM),
    Config("flush.messages", LONG, MAX_LONG, at_least(1), MEDIUM),
    Config("flush.ms", LONG, MAX_LONG, at_least(0), MEDIUM),
    Config("follower.replication.throttled.replicas", LIST, (), THROTTLED_REPLICAS, MEDIUM),
    Config("index.interval.bytes", INT, 4096, at_least(0), MEDIUM),
    Config("internal.segment.bytes", INT, None, None, MEDIUM, internal=True),
    Config("leader.replication.throttled.replicas", LIST, (), THROTTLED_REPLICAS, MEDIUM),
    Config("local.retention.bytes", LONG, -2, at_least(-2), MEDIUM),
    Config("local.retention.ms", LONG, -2, at_least(-2), MEDIUM),
    Config("max.compaction.lag.ms", LONG, MAX_LONG, at_least(1), MEDIUM),
    Config("max.message.bytes", INT, 1048588, at_least(0), MEDIUM),
    Config("message.timestamp.after.max.ms", LONG, 3600000, at_least(0), MEDIUM),
    Config("message.timestamp.before.max.ms", LONG, MAX_LONG, at_least(0), MEDIUM),
    Config("message.timestamp.type", STRING, "CreateTime", one_of("CreateTime", "LogAppendTime"), MEDIUM),
    Config("min.cleanable.dirty.ratio", DOUBLE, 0.5, between(0, 1), MEDIUM),
    Config("min.compaction.lag.ms", LONG, 0, at_least(0), MEDIUM),
    Config("min.insync.replicas", INT, 1, at_least(1), MEDIUM),
    Config("preallocate", BOOLEAN, False, None, MEDIUM),
    Config("remote.log.copy.disable", BOOLEAN, False, None, MEDIUM),
    Config("remote.log.delete.on.disable", BOOLEAN, False, None, MEDIUM),
    Config("remote.storage.enable", BOOLEAN, False, None, MEDIUM),
    Config("retention.bytes", LONG, -1, None, MEDIUM),
    Config("retention.ms", LONG, 604_800_000, at_least(-1), MEDIUM),
    Config("segment.bytes", INT, 1_073_741_824, at_least(1048576), MEDIUM),
    Config("segment.index.bytes", INT, 10_485_760, at_least(4), MEDIUM),
    Config("segment.jitter.ms", LONG, 0, at_least(0), MEDIUM),
    Config("segment.ms", LONG, 604_800_000, at_least(1), MEDIUM),
    Config("unclean.leader.election.enable", BOOLEAN, False, None, MEDIUM),
)
