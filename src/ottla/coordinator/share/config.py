"""The bounds of the share coordinator, under Kafka's defaults."""

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class ShareCoordinatorConfig:
    snapshot_update_records_per_snapshot: int = 500
    write_timeout_ms: int = 5_000
    load_buffer_size: int = 5_242_880
    state_topic_prune_interval_ms: int = 300_000
    cold_partition_snapshot_interval_ms: int = 300_000
