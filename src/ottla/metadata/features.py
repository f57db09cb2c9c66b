"""Feature levels that this node knows: names, ranges, what a fresh cluster starts with. KIP-584, 778, 1022.

`metadata.version` decides in which version a record is written. `kraft.version` is raft's: it is finalized by control
records, never by a `FeatureLevelRecord`.
"""

from collections.abc import Mapping

from ottla.metadata.registration import SupportedRange

METADATA_VERSION = "metadata.version"
KRAFT_VERSION = "kraft.version"
GROUP_VERSION = "group.version"
TRANSACTION_VERSION = "transaction.version"
SHARE_VERSION = "share.version"
STREAMS_VERSION = "streams.version"
ELIGIBLE_LEADER_REPLICAS_VERSION = "eligible.leader.replicas.version"

# metadata.version levels that something here depends on.
MINIMUM_METADATA_VERSION = 7  # 3.3-IV3: the oldest that Kafka 4 reads
METADATA_3_4_IV0 = 8
METADATA_3_6_IV0 = 12
METADATA_3_6_IV1 = 13
METADATA_3_7_IV0 = 15
METADATA_3_7_IV2 = 17
METADATA_4_0_IV1 = 23
METADATA_4_3_IV0 = 30
LATEST_METADATA_VERSION = METADATA_4_3_IV0

SUPPORTED_FEATURES: Mapping[str, SupportedRange] = {
    GROUP_VERSION: SupportedRange(0, 1),
    KRAFT_VERSION: SupportedRange(0, 1),
    METADATA_VERSION: SupportedRange(MINIMUM_METADATA_VERSION, LATEST_METADATA_VERSION),
    SHARE_VERSION: SupportedRange(0, 1),
    STREAMS_VERSION: SupportedRange(0, 1),
    TRANSACTION_VERSION: SupportedRange(0, 2),
    ELIGIBLE_LEADER_REPLICAS_VERSION: SupportedRange(0, 1),
}
"""What a node registers with, in Kafka's order."""

BOOTSTRAP_LEVELS: Mapping[str, int] = {
    METADATA_VERSION: LATEST_METADATA_VERSION,
    ELIGIBLE_LEADER_REPLICAS_VERSION: 1,
    GROUP_VERSION: 1,
    SHARE_VERSION: 1,
    STREAMS_VERSION: 1,
    TRANSACTION_VERSION: 2,
}
"""What `kafka-storage format` of 4.3 writes into `bootstrap.checkpoint`, in its order."""

FEATURE_DEPENDENCIES: Mapping[tuple[str, int], Mapping[str, int]] = {
    (ELIGIBLE_LEADER_REPLICAS_VERSION, 1): {METADATA_VERSION: METADATA_4_0_IV1},
}
"""What must be finalized, at that level or above, for a level of a feature (`FeatureVersion.dependencies`)."""

LEVELS_THAT_CHANGED_METADATA = (8, 11, 13, 14, 15, 17, 23, 30)
"""Levels of `metadata.version` that brought records or fields which one below cannot hold."""


def register_broker_record_version(metadata_version: int) -> int:
    if metadata_version >= METADATA_4_3_IV0:
        return 4
    if metadata_version >= METADATA_3_7_IV2:
        return 3
    if metadata_version >= METADATA_3_4_IV0:
        return 2
    return 1


def partition_record_version(metadata_version: int) -> int:
    """Of `PartitionRecord` and `PartitionChangeRecord`."""
    if metadata_version >= METADATA_4_0_IV1:
        return 2
    if metadata_version >= METADATA_3_7_IV2:
        return 1
    return 0


def registers_controllers(metadata_version: int) -> bool:
    """KIP-919."""
    return metadata_version >= METADATA_3_7_IV0


def shrinking_starts_leader_epoch(metadata_version: int) -> bool:
    """A replica that leaves the ISR ends the leader epoch: needed by brokers of before 3.6."""
    return metadata_version < METADATA_3_6_IV0


def has_metadata_transactions(metadata_version: int) -> bool:
    """KIP-868."""
    return metadata_version >= METADATA_3_6_IV1


def assigns_directories(metadata_version: int) -> bool:
    """KIP-858."""
    return metadata_version >= METADATA_3_7_IV2


def cordons_directories(metadata_version: int) -> bool:
    """KIP-1066."""
    return metadata_version >= METADATA_4_3_IV0
