"""What share groups are told: bounds of all of them, and the configs of one, under Kafka's defaults."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class ShareGroupsConfig:
    """`initialize_retry_interval_ms`: how long partitions may be initializing before it is tried again."""

    max_size: int = 200
    initialize_retry_interval_ms: int = 30_000


@dataclass(slots=True, frozen=True)
class ShareGroupConfig:
    """The effective configs of one group: its own, else the broker's."""

    session_timeout_ms: int = 45_000
    heartbeat_interval_ms: int = 5_000
    assignment_interval_ms: int = 1_000
    record_lock_duration_ms: int = 30_000
    delivery_count_limit: int = 5
    partition_max_record_locks: int = 2_000
    auto_offset_reset: str = "latest"
    isolation_level: str = "read_uncommitted"
    renew_acknowledge_enable: bool = True


"""`auto_offset_reset` may also be `by_duration:` and an ISO-8601 duration."""
